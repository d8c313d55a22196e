# SPDX-License-Identifier: Apache-2.0
# What serve.sh and stop.sh agree on: where things lie and who runs as whom.
# Sourced by bash; needs STATE and PORT.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
state=$(realpath -m -- "${STATE:-./run}")
port=${PORT:-12800}

fail() {
    printf 'make serve: %s\n' "$*" >&2
    exit 1
}

# A short name for a path, the same every time.
short_name() {
    printf '%s' "$1" | sha256sum | cut -c1-10
}

as_root() {
    [ "$(id -u)" = 0 ]
}

# The user that httpd's children run as, by the distribution's habit.
httpd_user() {
    local name
    for name in www-data apache; do
        if id -u "$name" >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    fail "neither user www-data nor apache exists; which package brings httpd?"
}

# Run a command as another user without its environment or a login shell.
run_as() {
    local user=$1
    shift
    (cd / && setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups "$@")
}

find_httpd() {
    local path
    for path in /usr/sbin/apache2 /usr/sbin/httpd; do
        if [ -x "$path" ]; then
            echo "$path"
            return
        fi
    done
    fail "no httpd found; run 'make deps'"
}

find_modules() {
    local path
    for path in /usr/lib/apache2/modules /usr/lib64/httpd/modules \
                /usr/lib/httpd/modules; do
        if [ -e "$path/mod_mpm_prefork.so" ]; then
            echo "$path"
            return
        fi
    done
    fail "httpd's modules were not found"
}

pidfile=$state/httpd/httpd.pid

# Is the process of the pid file ours? Another may have got its number.
running() {
    local pid
    pid=$(cat "$pidfile" 2>/dev/null) || return 1
    [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" |
        grep -qF -- "$state/httpd/httpd.conf"
}

# Ask httpd to stop in order; it takes mlserverd with it.
stop_server() {
    local pid waited=0
    pid=$(cat "$pidfile")
    kill -TERM "$pid" || fail "process $pid is not yours to stop"
    while [ -e "/proc/$pid" ] || [ -e "$pidfile" ]; do
        sleep 0.1
        waited=$((waited + 1))
        [ "$waited" -lt 300 ] || fail "httpd (pid $pid) does not stop"
        [ -e "/proc/$pid" ] || rm -f "$pidfile"
    done
}
