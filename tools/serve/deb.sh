#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deb.sh DIRECTORY: build the Debian package from a clean copy of the sources
# and leave it in DIRECTORY.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-build/deb}")
rm -rf "$out"
version=$(tools/serve/source.sh "$out/source")
sed -i "1s/([^)]*)/($version)/" "$out/source/debian/changelog"
# Builds of packages have no network: what the console needs goes along.
tools/console/parts.sh "$out/source/console-parts"
cd "$out/source"
dpkg-buildpackage -b -us -uc -j2 >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    echo "dpkg-buildpackage failed; all of it is in $out/build.log" >&2
    exit 1
}
rm -rf "$out/source"
ls "$out"/*.deb
