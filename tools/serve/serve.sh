#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# serve.sh: start a private httpd with mod_mlserver on PORT, all state in
# STATE, publish the example model, say how to use it. Running it again is
# harmless. BUILD is where the build lies; MPM, LISTEN (addresses) and
# ADMIN_PASSWORD may be set.
set -euo pipefail
. "$(dirname "$0")/common.sh"

build=$root/${BUILD:-build}
mpm=${MPM:-prefork}
httpd=$(find_httpd)
modules=$(find_modules)

case "$mpm" in
    prefork|event|worker) ;;
    *) fail "MPM=$mpm is not known; say prefork, event or worker" ;;
esac
case "$port" in
    ''|*[!0-9]*) fail "PORT=$port is not a number" ;;
esac

# --- where things may lie ------------------------------------------------------

# Root's files are no use where httpd's and the workers' users cannot go (a
# checkout in /root, say): the state then lies in /var/lib and STATE is a
# symbolic link to it, and the programs are copied there as well.
usable_by() { # USER PATH: can USER enter the directory?
    run_as "$1" test -x "$2"
}

place_state() {
    mkdir -p -- "$state" || fail "cannot make $state; set STATE=..."
    [ -w "$state" ] || fail "$state belongs to another user; set STATE=..."
    as_root || return 0
    chmod 0755 "$state"
    if ! usable_by "$(httpd_user)" "$state"; then
        local real
        real=/var/lib/mlserver-serve/$(short_name "$state")
        [ -z "$(ls -A "$state")" ] || fail "$state has files but user" \
            "$(httpd_user) cannot enter it; set STATE= to a directory it can"
        echo "User $(httpd_user) cannot enter $state: the state lies in $real."
        mkdir -p -m 0755 "$real"
        rmdir "$state"
        ln -s "$real" "$state"
        state=$real
    fi
}

place_programs() {
    programs=$build
    htdocs=$root/htdocs
    parts=$build/console/vendor
    workers=$root/tools/workers
    as_root || return 0
    usable_by mlserver-worker "$build/bin" && return
    programs=$state/programs
    htdocs=$programs/share/mlserver/htdocs
    parts=$htdocs/vendor
    workers=$programs/share/mlserver/workers
    rm -rf "$programs"
    mkdir -p -m 0755 "$programs"
    cp -r "$build/bin" "$build/modules" "$programs/"
    mkdir -p "$programs/share/mlserver" # where mlserverd looks
    [ ! -d "$root/htdocs" ] || cp -r "$root/htdocs" "$htdocs"
    [ ! -d "$build/console/vendor" ] || cp -r "$build/console/vendor" "$parts"
    cp -r "$root/tools/workers" "$workers"
    chmod -R go+rX "$programs"
}

# A socket's path may have 107 bytes; where STATE is longer, the run directory
# is a private one elsewhere.
place_run() {
    run=$state/run
    if [ "$(printf '%s/supervisor.sock' "$run" | wc -c)" -gt 107 ]; then
        if as_root; then
            run=/run/mlserver-$(short_name "$state")
        else
            run=${XDG_RUNTIME_DIR:-/tmp}/mlserver-$(id -u)-$(short_name "$state")
        fi
    fi
    mkdir -p -m 0750 -- "$run"
    [ -O "$run" ] || as_root || fail "$run belongs to another user"
}

# --- who -----------------------------------------------------------------------

make_users() {
    local name
    as_root || return 0
    for name in mlserver mlserver-worker; do
        id -u "$name" >/dev/null 2>&1 && continue
        echo "Creating system user $name."
        useradd --system --user-group --no-create-home --home-dir /nonexistent \
            --shell /usr/sbin/nologin "$name"
    done
}

# The first password: ADMIN_PASSWORD, or a random one. It is set once; later
# `htpasswd STATE/users admin` changes it.
make_admin() {
    umask 077
    if [ -n "${ADMIN_PASSWORD:-}" ]; then
        printf '%s\n' "$ADMIN_PASSWORD" >"$state/admin-password"
        new_password=$ADMIN_PASSWORD
    elif [ ! -e "$state/users" ]; then
        new_password=$(openssl rand -base64 15 | tr '+/' 'ab')
        printf '%s\n' "$new_password" >"$state/admin-password"
        shown=" (random, shown this once: $new_password)"
    fi
    if [ -n "${new_password:-}" ]; then
        [ -e "$state/users" ] || : >"$state/users"
        printf '%s\n' "$new_password" |
            htpasswd -i -B "$state/users" admin 2>/dev/null ||
            fail "htpasswd could not write $state/users"
    fi
    if as_root; then
        chown "root:$(id -g "$(httpd_user)")" "$state/users"
    fi
    chmod 0640 "$state/users"
    umask 022
}

# --- what the system allows ----------------------------------------------------

# The sandbox needs namespaces; containers and some security modules refuse
# them. The question is asked as the user that the workers run as.
probe_sandbox() {
    local ask=(bwrap --unshare-all --die-with-parent --ro-bind / /
               --proc /proc --dev /dev true)
    sandbox=required
    if as_root; then
        run_as mlserver-worker "${ask[@]}" >/dev/null 2>&1 || sandbox=reduced
    else
        "${ask[@]}" >/dev/null 2>&1 || sandbox=reduced
    fi
    [ "$sandbox" = reduced ] || return 0
    cat >&2 <<'END'
***************************************************************************
* THE SANDBOX IS REDUCED: this system refuses the namespaces that bwrap    *
* needs (a container, or AppArmor or SELinux rules). Uploaded models are   *
* compiled with limits on memory, time and files only. Do not let people   *
* publish whom you do not trust.                                           *
***************************************************************************
END
}

# --- configuration -------------------------------------------------------------

listen_lines() {
    local address
    if [ -n "${LISTEN:-}" ]; then
        for address in $LISTEN; do
            echo "Listen $address:$port"
        done
    else
        echo "Listen 127.0.0.1:$port"
        ! grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null ||
            echo "Listen [::1]:$port"
    fi
}

# Modules the template needs; some distributions link a few into httpd.
module_lines() {
    local name builtin
    builtin=$("$httpd" -l)
    for name in "mpm_$mpm" unixd log_config authn_core authn_file authz_core \
                authz_user deflate filter headers alias dir mime "$@"; do
        if [[ $builtin != *"mod_$name.c"* ]] && [[ $builtin != *" $name.c"* ]] &&
           [ -e "$modules/mod_$name.so" ]; then
            echo "LoadModule ${name}_module $modules/mod_$name.so"
        fi
    done
}

write_config() {
    local user_lines="" extra=()
    ! as_root || user_lines="User $(httpd_user)
Group $(id -gn "$(httpd_user)")"
    [ "$mpm" = prefork ] || extra=(http2)
    mkdir -p "$state/httpd/logs"
    {
        echo "# Written by make serve from conf/serve.conf.in; changes are lost."
        module_lines "${extra[@]+"${extra[@]}"}"
        listen_lines
        [ -z "$user_lines" ] || echo "$user_lines"
        sed -e "s|@STATE@|$state|g" -e "s|@DATA@|$data|g" -e "s|@RUN@|$run|g" \
            -e "s|@PROGRAMS@|$programs|g" -e "s|@HTDOCS@|$htdocs|g" \
            -e "s|@WORKERS@|$workers|g" -e "s|@PARTS@|$parts|g" -e "s|@SANDBOX@|$sandbox|g" \
            -e "s|@PORT@|$port|g" "$root/conf/serve.conf.in"
    } >"$state/httpd/httpd.conf.new"
    mv "$state/httpd/httpd.conf.new" "$state/httpd/httpd.conf"
}

# What is served changes with the configuration and the programs.
stamp() {
    cat "$state/httpd/httpd.conf" "$build/modules/mod_mlserver.so" "$build"/bin/* |
        sha256sum
}

# --- start ---------------------------------------------------------------------

http() {
    curl -s --noproxy '*' --max-time 60 "$@"
}

wait_ready() {
    local waited=0
    until http -f -o /dev/null "$base/healthz"; do
        sleep 0.2
        waited=$((waited + 1))
        if [ "$waited" -ge 150 ] || ! running; then
            tail -n 20 "$state/httpd/logs/error.log" >&2 || true
            fail "httpd did not become ready; its log is above"
        fi
    done
}

start_server() {
    "$httpd" -t -d "$state/httpd" -f "$state/httpd/httpd.conf" \
        >"$state/httpd/logs/configtest" 2>&1 || {
        cat "$state/httpd/logs/configtest" >&2
        fail "httpd refuses the configuration"
    }
    # mlserverd opens the registry anew: it has its own log lines in there.
    # Descriptors beyond the standard three are the caller's, not httpd's.
    (cd / && exec 9>&- "$httpd" -k start -d "$state/httpd" \
        -f "$state/httpd/httpd.conf" </dev/null \
        >"$state/httpd/logs/start" 2>&1) || {
        cat "$state/httpd/logs/start" >&2
        fail "httpd did not start; is port $port in use?"
    }
    local waited=0
    until running; do
        sleep 0.1
        waited=$((waited + 1))
        if [ "$waited" -ge 100 ]; then
            cat "$state/httpd/logs/start" >&2
            tail -n 20 "$state/httpd/logs/error.log" >&2 || true
            fail "httpd did not start"
        fi
    done
}

json_field() { # NAME: that member of the JSON object on standard input
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

login_body() { # the stored password as a body of POST /login
    python3 -c 'import json, sys
print(json.dumps({"username": "admin",
                  "password": open(sys.argv[1]).read().rstrip("\n")}))' \
        "$state/admin-password"
}

publish_example() {
    local token status
    token=$(login_body | http -f "$base/login" --data-binary @- \
        -H 'Content-Type: application/json' | json_field access_token 2>/dev/null) || {
        echo "The example was not looked at: the password in" \
             "$state/admin-password is no longer admin's."
        return 0
    }
    status=$(http -o /dev/null -w '%{http_code}' \
        -H "Authorization: Bearer $token" "$base/services/iris/1.0")
    [ "$status" != 200 ] || return 0
    http -f -o /dev/null -H "Authorization: Bearer $token" \
        -F description='Iris species from petal measures (the example)' \
        -F model=@"$root/examples/model.pmml" \
        "$base/realtime-services/iris/1.0" ||
        fail "the example model could not be published; see $state/httpd/logs/error.log"
}

say_how() {
    local said=${STATE:-./run}
    cat <<END

mod_mlserver serves at $url   ($mpm, pid $(cat "$pidfile"))
  user admin, password in $said/admin-password${shown:-}
  accounts $said/users (htpasswd), log $said/httpd/logs/error.log
  stop it with: make stop$([ "${STATE:-./run}" = ./run ] || echo " STATE=$STATE")

Try it (a token, the example model, a row scored):

  T=\$(curl -s $url/login -H 'Content-Type: application/json' -d "{\"username\":\"admin\",\"password\":\"\$(cat $said/admin-password)\"}" | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -H "Authorization: Bearer \$T" $url/services
  curl -H "Authorization: Bearer \$T" $url/api/iris/1.0 -H 'Content-Type: application/json' -d '{"inputData":{"Petal.Length":[1.4],"Petal.Width":[0.2]}}'

END
}

# --- in order ------------------------------------------------------------------

[ -e "$build/modules/mod_mlserver.so" ] || fail "nothing is built; run 'make'"
make_users
place_state
exec 9>"$state/.serve-lock"
flock -w 60 9 || fail "another make serve for $state is at work"
data=$state/data
pidfile=$state/httpd/httpd.pid
place_programs
place_run
probe_sandbox
make_admin
write_config
base=http://127.0.0.1:$port
[ -z "${LISTEN:-}" ] || base=http://${LISTEN%% *}:$port
base=${base/0.0.0.0/127.0.0.1}
url=${base/127.0.0.1/localhost}

now=$(stamp)
if running; then
    if [ "$now" = "$(cat "$state/httpd/stamp" 2>/dev/null)" ]; then
        echo "Already serving."
    else
        echo "The build or the settings changed: starting anew."
        stop_server
    fi
fi
running || start_server
wait_ready
printf '%s\n' "$now" >"$state/httpd/stamp"
publish_example
say_how
