#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run_fuzzers.sh DIRECTORY SECONDS: let each libFuzzer program of DIRECTORY
# search for SECONDS, from its corpus. What it finds is kept in
# build-fuzz/found; what makes one crash is named, and the exit status is 1.
set -uo pipefail
[ $# = 2 ] || { echo "usage: run_fuzzers.sh DIRECTORY SECONDS" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
found=$(dirname "$1")/found
bad=0
for program in "$1"/fuzz_*; do
    name=$(basename "$program")
    mkdir -p "$found/$name"
    corpus=$here/corpus/$name
    [ -d "$corpus" ] || corpus=$here/corpus/${name#fuzz_}
    words=("$found/$name")
    [ ! -d "$corpus" ] || words+=("$corpus")
    dict=$here/dict/${name#fuzz_}.dict
    [ ! -e "$dict" ] || words+=("-dict=$dict")
    echo "== $name, $2 s"
    if ! "$program" -max_total_time="$2" -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 -artifact_prefix="$found/$name-" "${words[@]}" \
        >"$found/$name.log" 2>&1; then
        bad=1
        tail -n 30 "$found/$name.log"
    fi
    grep -E 'stat::number_of_executed_units|cov:' "$found/$name.log" | tail -n 2
done
exit "$bad"
