#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# deps.sh SET...: install the packages of the distribution that building and
# serving (build), testing (test), fuzzing (fuzz) or packaging (deb) need. Asks
# for root only when something is missing.
set -euo pipefail

debian_build="gcc libc6-dev make pkg-config apache2-bin apache2-dev apache2-utils
    bubblewrap curl ca-certificates libaprutil1-dev libcjose-dev libdb-dev libjansson-dev
    libjpeg-dev libjson-c-dev libldap-dev libpcre2-dev libpng-dev libseccomp-dev libssl-dev libutf8proc-dev
    libxml2-dev libxxhash-dev libzip-dev openssl procps python3 zlib1g-dev
    python3-dill python3-numpy python3-pandas npm"
debian_test="chromium libcmocka-dev nghttp2-client python3-venv wrk g++ binutils valgrind
    slapd ldap-utils libaprutil1-ldap libaprutil1-dbd-sqlite3
    samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind
    krb5-user libapache2-mod-auth-gssapi strace"
debian_fuzz="clang"
debian_deb="dpkg-dev debhelper fakeroot"
debian_rpm="rpm rpm2cpio cpio"

fedora_build="gcc make pkgconf-pkg-config httpd-core httpd-devel httpd-tools
    bubblewrap curl apr-util-devel cjose-devel jansson-devel libdb-devel json-c-devel
    openldap-devel libjpeg-turbo-devel libpng-devel pcre2-devel libseccomp-devel openssl-devel utf8proc-devel libxml2-devel
    xxhash-devel libzip-devel openssl procps-ng python3 zlib-devel
    python3-dill python3-numpy python3-pandas npm"
fedora_test="chromium libcmocka-devel nghttp2 wrk gcc-c++ binutils valgrind mod_ldap
    openldap-servers openldap-clients apr-util-ldap apr-util-sqlite samba-dc
    krb5-workstation mod_auth_gssapi strace"
fedora_fuzz="clang compiler-rt"
fedora_deb="dpkg-dev debhelper fakeroot"
fedora_rpm="rpm-build cpio"

# Run one line of shell as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        sh -c "$1"
    elif command -v sudo >/dev/null; then
        echo "Installing needs root; asking sudo to run: $1" >&2
        sudo sh -c "$1"
    else
        echo "These packages are missing, and there is no sudo to ask. As" \
             "root, run:" >&2
        echo "  $1" >&2
        exit 1
    fi
}

wanted() { # FAMILY SET...: the packages of the sets, one a line
    local family=$1 set name
    shift
    for set in "$@"; do
        name="${family}_$set"
        printf '%s\n' ${!name}
    done
}

# A package counts as there when dpkg has it installed; npm also when it came
# with a Node.js from elsewhere, beside which the distribution's will not go.
missing_debian() {
    local package
    for package in "$@"; do
        [ "$package" != npm ] || ! command -v npm >/dev/null || continue
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
            || printf '%s ' "$package"
    done
}

missing_fedora() {
    local package
    for package in "$@"; do
        rpm -q --whatprovides "$package" >/dev/null 2>&1 || printf '%s ' "$package"
    done
}

[ $# -gt 0 ] || { echo "usage: deps.sh build|test|fuzz|deb ..." >&2; exit 2; }

if command -v apt-get >/dev/null; then
    missing=$(missing_debian $(wanted debian "$@"))
    [ -n "$missing" ] || exit 0
    echo "Installing: $missing"
    as_root "apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
apt-get install -y -qq --no-install-recommends $missing"
elif command -v dnf >/dev/null; then
    missing=$(missing_fedora $(wanted fedora "$@"))
    [ -n "$missing" ] || exit 0
    echo "Installing: $missing"
    as_root "dnf install -y --setopt=install_weak_deps=False $missing"
else
    echo "Neither apt-get nor dnf is here. Install what tools/serve/deps.sh" \
         "lists under the names that your distribution uses." >&2
    exit 1
fi
