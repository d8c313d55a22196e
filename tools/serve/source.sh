#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# source.sh DIRECTORY: a clean copy of the sources (what git knows, and new
# files it does not ignore). Prints the version, which lib/mlscore's header
# alone keeps.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
git -c safe.directory='*' ls-files -co --exclude-standard -z |
    while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar --null -T - -cf - | tar -C "$1" -xf -
sed -n 's/^#define MLSCORE_VERSION "\(.*\)"/\1/p' \
    lib/mlscore/include/mlscore/version.h
