#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh BUILD PYTHON PYTHON_OF_PEERS: every bench, one after the other. Each
# figure is a line 'name: value unit', with those it is compared with, measured
# in the same run, behind it.
set -eu
here=$(dirname "$0")
"$1/bench/bench_body"
"$1/bench/bench_hot"
if [ -e "$(dirname "$3")/../.made" ]; then
    "$3" "$here/bench_trees.py" --build "$1"
    "$3" "$here/bench_graphs.py" --build "$1"
fi
"$2" "$here/bench_services.py" --build "$1"
exec "$2" "$here/bench_http.py" --build "$1"
