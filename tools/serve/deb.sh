#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deb.sh DIRECTORY: build the Debian package from a clean copy of the sources
# (what git knows, and new files it does not ignore) and leave it in DIRECTORY.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-build/deb}")
rm -rf "$out"
mkdir -p "$out/source"
git -c safe.directory='*' ls-files -co --exclude-standard -z |
    while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar --null -T - -cf - | tar -C "$out/source" -xf -
# The source has no version of its own to keep equal: the header has it.
version=$(sed -n 's/^#define MLSCORE_VERSION "\(.*\)"/\1/p' \
    lib/mlscore/include/mlscore/version.h)
sed -i "1s/([^)]*)/($version)/" "$out/source/debian/changelog"
cd "$out/source"
dpkg-buildpackage -b -us -uc -j2 >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    echo "dpkg-buildpackage failed; all of it is in $out/build.log" >&2
    exit 1
}
rm -rf "$out/source"
ls "$out"/*.deb
