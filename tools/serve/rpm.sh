#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rpm.sh DIRECTORY: build the rpm package from a clean copy of the sources and
# leave it in DIRECTORY. On a system without rpm's packages (Debian) the
# dependencies cannot be asked for, and httpd's folders are told.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-build/rpm}")
spec=$PWD/rpm/mod_mlserver.spec
rm -rf "$out"
mkdir -p "$out"/{SOURCES,BUILD,RPMS}
version=$(tools/serve/source.sh "$out/source")
# Builds of packages have no network: what the console needs goes along.
tools/console/parts.sh "$out/source/console-parts"
mv "$out/source" "$out/mod_mlserver-$version"
tar -C "$out" -czf "$out/SOURCES/mod_mlserver-$version.tar.gz" \
    "mod_mlserver-$version"
rm -rf "$out/mod_mlserver-$version"
words=()
if [ -e /etc/debian_version ]; then
    words+=(--nodeps --define '_sysconfdir /etc' --define '_smp_mflags -j2'
        --define 'optflags -O2 -g' --define '__brp_mangle_shebangs %{nil}')
fi
rpmbuild -bb --define "_topdir $out" --define "mlserver_version $version" \
    "${words[@]}" "$spec" >"$out/build.log" 2>&1 || {
    tail -n 40 "$out/build.log" >&2
    echo "rpmbuild failed; all of it is in $out/build.log" >&2
    exit 1
}
find "$out/RPMS" -name '*.rpm' ! -name '*-debug*' -exec mv {} "$out" \;
rm -rf "$out"/{SOURCES,BUILD,BUILDROOT,RPMS,SPECS,SRPMS}
ls "$out"/*.rpm
