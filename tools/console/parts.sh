#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# parts.sh DIRECTORY: lay what the console shows API documents and charts with
# (Swagger UI and uPlot, as package-lock.json names them) into DIRECTORY. They
# are installed beside our own files, never changed and never checked in.
#
# CONSOLE_PARTS=FOLDER takes them from FOLDER/swagger-ui-dist and FOLDER/uplot
# (a node_modules folder) instead of asking npm, for builds without a network.
# Without npm and without network the console does without them: API documents
# are lists, charts are tables.
set -euo pipefail
[ $# = 1 ] || { echo "usage: parts.sh DIRECTORY" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
to=$1
stamp=$to/.from
now=$(sha256sum <"$here/package-lock.json")
[ "$(cat "$stamp" 2>/dev/null)" != "$now" ] || exit 0

from=${CONSOLE_PARTS:-}
if [ -z "$from" ]; then
    command -v npm >/dev/null || {
        echo "No npm: the console goes without Swagger UI and charts." >&2
        exit 0
    }
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp "$here/package.json" "$here/package-lock.json" "$work/"
    # Scripts of packages are never run.
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund \
        --loglevel=error >npm.log 2>&1) || {
        cat "$work/npm.log" >&2
        echo "npm could not fetch Swagger UI and uPlot: the console goes" \
             "without them. CONSOLE_PARTS= names a folder that has them." >&2
        exit 0
    }
    from=$work/node_modules
fi

mkdir -p "$to"
put() { # FILE [NAME]
    install -m 0644 "$from/$1" "$to/${2:-$(basename "$1")}"
}
put swagger-ui-dist/swagger-ui-bundle.js
put swagger-ui-dist/swagger-ui.css
put swagger-ui-dist/LICENSE swagger-ui.LICENSE
put swagger-ui-dist/NOTICE swagger-ui.NOTICE
put swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt
put uplot/dist/uPlot.esm.js
put uplot/dist/uPlot.min.css
put uplot/LICENSE uPlot.LICENSE
# Their maps are not there; the browser's tools would ask for them in vain.
sed -i '/^\/\/# sourceMappingURL=/d; s|/\*# sourceMappingURL=[^*]*\*/||' \
    "$to/swagger-ui-bundle.js" "$to/swagger-ui.css"
printf '%s\n' "$now" >"$stamp"
