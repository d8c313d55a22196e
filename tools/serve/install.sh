#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# install.sh: what `make install` copies where; called by the Makefile with
# BUILD DESTDIR PREFIX BINDIR SBINDIR MODULEDIR HTTPDCONFDIR UNITDIR
# TMPFILESDIR SYSUSERSDIR DATADIR DOCDIR.
set -euo pipefail
[ $# = 12 ] || { echo "call me through make install" >&2; exit 2; }
build=$1 dest=$2 prefix=$3 bindir=$4 sbindir=$5 moduledir=$6 confdir=$7
unitdir=$8 tmpfilesdir=$9
shift 9
sysusersdir=$1 datadir=$2 docdir=$3

[ -n "$moduledir" ] || {
    echo "httpd's module directory is not known: no apxs; set MODULEDIR" >&2
    exit 1
}
group=www-data
getent group www-data >/dev/null || group=apache

put() { # MODE FILE DIRECTORY [NAME]
    install -D -m "$1" "$2" "$dest$3/${4:-$(basename "$2")}"
}

# A file with the places of this installation in it.
put_filled() { # MODE FILE DIRECTORY [NAME]
    local filled
    filled=$(mktemp)
    sed -e "s|/usr/sbin/mlserverd|$sbindir/mlserverd|g" \
        -e "s|/usr/bin/mlscore|$bindir/mlscore|g" \
        -e "s|/usr/lib/apache2/modules|$moduledir|g" \
        -e "s|@GROUP@|$group|g" "$2" >"$filled"
    put "$1" "$filled" "$3" "${4:-$(basename "$2")}"
    rm -f "$filled"
}

put 0755 "$build/bin/mlscore" "$bindir"
put 0755 "$build/bin/mlserverd" "$sbindir"
put 0755 "$build/bin/mlserverctl" "$sbindir"
put 0644 "$build/modules/mod_mlserver.so" "$moduledir"
put_filled 0644 conf/mlserver.load "$confdir"
put 0644 conf/mlserver.conf "$confdir"
put_filled 0644 conf/mlserverd.service "$unitdir"
put_filled 0644 conf/mlserver.tmpfiles "$tmpfilesdir" mlserver.conf
put_filled 0644 conf/mlserver.sysusers "$sysusersdir" mlserver.conf
put 0644 examples/model.pmml "$datadir/examples"
put 0755 examples/curl.sh "$datadir/examples"
put 0755 examples/publish.py "$datadir/examples"
if [ -d tools/workers/python ]; then
    (cd tools/workers/python && find . -name '*.py') | while read -r file; do
        put 0644 "tools/workers/python/$file" \
            "$datadir/workers/python/$(dirname "$file")"
    done
fi
if [ -d htdocs ]; then
    (cd htdocs && find . -type f) | while read -r file; do
        put 0644 "htdocs/$file" "$datadir/htdocs/$(dirname "$file")"
    done
fi
parts=${PARTS:-$build/console/vendor}
if [ -d "$parts" ]; then
    for file in "$parts"/*; do
        put 0644 "$file" "$datadir/htdocs/vendor"
    done
fi
# The console at <mount>/console/, for a server to include: the console's part
# of serve.conf.in with the places of this installation.
console=$(mktemp)
{
    echo "# SPDX-License-Identifier: Apache-2.0"
    sed -n '/^# The console:/,$p' conf/serve.conf.in |
        sed -e "s|@PARTS@|$datadir/htdocs/vendor|g" \
            -e "s|@HTDOCS@|$datadir/htdocs|g" \
            -e 's|\(["^]\)/console|\1/mlserver/console|g'
} >"$console"
put 0644 "$console" "$datadir" console.conf
rm -f "$console"
for file in README.md CHANGELOG.md LICENSE docs/security.md; do
    [ ! -e "$file" ] || put 0644 "$file" "$docdir"
done
