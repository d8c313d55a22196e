/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to the supervisor: admitted, refused, or handed to a helper. */

#include "daemon/super_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "daemon/compile.h"
#include "mlscore/version.h"
#include "pool/dgram.h"

enum { ANSWER_AT_ONCE = 200000 /* microseconds */ };

/* ---- answers ---- */

/* The socket's buffer is empty, so this does not wait for the caller. */
static void answer(int connection, const mls_json *json, apr_pool_t *pool)
{
    mls_err *err = mls_dgram_send(connection, json, NULL, 0,
                                  apr_time_now() + ANSWER_AT_ONCE, pool);

    if (err) {
        return; /* gone: nobody to tell */
    }
}

void mls_super_refuse(mls_super *super, int connection, const mls_err *err)
{
    apr_pool_t *pool;

    if (connection < 0) {
        return;
    }
    apr_pool_create(&pool, super->pool);
    mls_json *json = mls_json_object(pool);
    mls_json_set_bool(json, "ok", 0);
    mls_json_set_string(json, "code", mls_wire_word(err->code));
    mls_json_set_string(json, "message", mls_err_text(err, pool));
    answer(connection, json, pool);
    close(connection);
    apr_pool_destroy(pool);
}

/* ---- helpers ---- */

int mls_super_helpers(const mls_super *super, int kind)
{
    int count = 0;

    for (int i = 0; i < super->helper_count; i++) {
        count += (int)super->helpers[i].kind == kind;
    }
    return count;
}

mls_err *mls_super_fork(mls_super *super, int kind, int connection,
                        int (*body)(void *baton, apr_pool_t *pool),
                        void *baton, apr_pool_t *scratch)
{
    const pid_t self = getpid();
    const pid_t pid = fork();

    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        close(super->listener);
        _exit(getppid() == self ? body(baton, scratch) : 1);
    }
    if (pid < 0) {
        return mls_err_apr(scratch, errno, "start a helper");
    }
    super->helpers[super->helper_count++] =
        (mls_helper){ pid, kind, connection };
    return NULL;
}

static void lost(mls_super *super, const mls_helper *helper, int status)
{
    apr_pool_t *pool;

    super->helpers_lost++;
    mls_daemon_log(super->daemon, "helper_lost pid=%ld signal=%d code=%d",
                   (long)helper->pid,
                   WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                   WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    if (helper->connection < 0) {
        return;
    }
    apr_pool_create(&pool, super->pool);
    mls_super_refuse(super, dup(helper->connection),
                     mls_err_make(pool, MLS_EOTHER, NULL,
                                  "the helper process ended before its work "
                                  "was done"));
    apr_pool_destroy(pool);
}

void mls_super_reaped(mls_super *super, pid_t pid, int status)
{
    for (int i = 0; i < super->helper_count; i++) {
        const mls_helper helper = super->helpers[i];
        if (helper.pid != pid) {
            continue;
        }
        super->helpers[i] = super->helpers[--super->helper_count];
        if (!WIFEXITED(status) || WEXITSTATUS(status)) {
            lost(super, &helper, status);
        }
        if (helper.connection >= 0) {
            close(helper.connection);
        }
        return;
    }
    mls_pool_reaped(super->work, pid, status);
}

/* ---- uploads ---- */

static int upload_body(void *baton, apr_pool_t *pool)
{
    return mls_compile_helper(baton, pool);
}

static mls_err *admit(mls_super *super, int kind, int count, apr_pool_t *pool)
{
    const mls_daemon_options *options = &super->daemon->options;
    const int most = kind == MLS_HELPER_COMPILE ? options->max_compiles
                                                : (int)MLS_SUPER_STORES;

    if (count < 1) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "an upload needs the file's descriptor");
    }
    if (mls_super_helpers(super, kind) >= most) {
        super->refused_busy++;
        return mls_err_make(pool, MLS_EBUSY, NULL,
                            "%d uploads are being worked on already; try "
                            "again in a moment", most);
    }
    if (kind == MLS_HELPER_COMPILE && !super->sandbox
        && !options->sandbox_reduced) {
        return mls_err_make(pool, MLS_EUNAVAILABLE, NULL,
                            "models are compiled in a sandbox only, and this "
                            "system refuses one (%s); allow namespaces, or "
                            "set MLServerSandbox reduced",
                            super->sandbox_reason);
    }
    return NULL;
}

static mls_err *upload(mls_super *super, int kind, int connection,
                       const mls_json *request, const int *fds, int count,
                       apr_pool_t *pool)
{
    const char *subject = mls_json_string(request, "subject");
    const char *id = mls_json_string(request, "requestId");
    mls_compile_job job = {
        .daemon = super->daemon,
        .store_only = kind == MLS_HELPER_STORE,
        .reduced = !super->sandbox,
        .connection = connection,
        .model = count > 0 ? fds[0] : -1,
        .verify = count > 1 ? fds[1] : -1,
        .subject = subject ? subject : "",
        .request_id = id ? id : "-",
    };

    MLS_TRY(admit(super, kind, count, pool));
    MLS_TRY(mls_super_fork(super, kind, connection, upload_body, &job, pool));
    super->compiled += kind == MLS_HELPER_COMPILE;
    return NULL;
}

/* ---- status ---- */

static mls_json *status(mls_super *super, apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_bool(json, "ok", 1);
    mls_json_set_string(json, "version", MLSCORE_VERSION);
    mls_json_set_int(json, "imageFormat", MLSCORE_IMAGE_FORMAT);
    mls_json_set_int(json, "pid", getpid());
    mls_json_set_int(json, "started", super->started);
    mls_json_set_string(json, "sandbox",
                        super->sandbox ? "namespaces"
                        : super->daemon->options.sandbox_reduced
                            ? "reduced" : "refused");
    mls_json_set_string(json, "sandboxReason", super->sandbox_reason);
    mls_json_set_int(json, "compiling",
                     mls_super_helpers(super, MLS_HELPER_COMPILE));
    mls_json_set_int(json, "maxCompiles",
                     super->daemon->options.max_compiles);
    mls_json_set_uint(json, "compiles", super->compiled);
    mls_json_set_uint(json, "refusedBusy", super->refused_busy);
    mls_json_set_uint(json, "refusedPeers", super->refused_peers);
    mls_json_set_uint(json, "helpersLost", super->helpers_lost);
    mls_json_set_uint(json, "upkeeps", super->upkeeps);
    mls_json_set(json, "pool", mls_pool_status(super->work, pool));
    mls_json_set(json, "runtimes",
                 mls_json_get(mls_pool_runtimes(super->work, pool), "items"));
    return json;
}

static mls_json *welcome(apr_pool_t *pool)
{
    mls_json *json = mls_json_object(pool);

    mls_json_set_bool(json, "ok", 1);
    mls_json_set_int(json, "protocol", MLS_WIRE_PROTOCOL);
    mls_json_set_string(json, "version", MLSCORE_VERSION);
    return json;
}

/* ---- dispatch ---- */

static void close_all(const int *fds, int count)
{
    for (int i = 0; i < count; i++) {
        close(fds[i]);
    }
}

/* One request; says whether the connection and the descriptors are somebody
 * else's now. */
static mls_err *dispatch(mls_super *super, int connection,
                         const mls_json *request, const int *fds, int count,
                         int *connection_taken, int *fds_taken,
                         apr_pool_t *pool)
{
    const char *op = mls_json_string(request, "op");
    const int64_t protocol =
        mls_json_int(request, "protocol", MLS_WIRE_PROTOCOL);

    if (protocol != MLS_WIRE_PROTOCOL) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "this server speaks protocol %d",
                            MLS_WIRE_PROTOCOL);
    }
    if (op && (!strcmp(op, "compile") || !strcmp(op, "store"))) {
        MLS_TRY(upload(super,
                       *op == 'c' ? MLS_HELPER_COMPILE : MLS_HELPER_STORE,
                       connection, request, fds, count, pool));
        *connection_taken = 1;
    }
    else if (op && !strcmp(op, "status")) {
        answer(connection, status(super, pool), pool);
    }
    else if (op && !strcmp(op, "hello")) {
        answer(connection, welcome(pool), pool);
    }
    else if (op && mls_pool_takes(op)) {
        *connection_taken = *fds_taken = 1;
        mls_pool_request(super->work, connection, request, fds, count);
    }
    else {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "there is no operation \"%s\"", op ? op : "");
    }
    return NULL;
}

void mls_super_receive(mls_super *super, mls_client client)
{
    int connection_taken = 0, fds_taken = 0;
    int fds[MLS_DGRAM_FDS];
    mls_json *request;
    apr_pool_t *pool;
    int count;

    apr_pool_create(&pool, super->pool);
    mls_err *err = mls_dgram_receive(&request, fds, &count, client.fd,
                                     apr_time_now(), pool);
    if (!err && request) {
        err = dispatch(super, client.fd, request, fds, count,
                       &connection_taken, &fds_taken, pool);
    }
    if (!fds_taken) {
        close_all(fds, count);
    }
    if (err) {
        mls_super_refuse(super, client.fd, err);
    }
    else if (!connection_taken) {
        close(client.fd);
    }
    apr_pool_destroy(pool);
}

static void accept_one(mls_super *super, int fd)
{
    const mls_wire_peers peers = mls_daemon_peers(&super->daemon->who);
    uid_t uid;
    gid_t gid;

    if (!mls_wire_peer_allowed(fd, &peers, &uid, &gid)) {
        super->refused_peers++;
        mls_daemon_log(super->daemon,
                       "peer_refused socket=supervisor uid=%ld gid=%ld",
                       (long)uid, (long)gid);
        close(fd);
        return;
    }
    super->clients[super->client_count++] =
        (mls_client){ fd, apr_time_now() };
}

void mls_super_accept(mls_super *super)
{
    while (super->client_count < MLS_SUPER_CLIENTS) {
        const int fd = accept4(super->listener, NULL, NULL,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            return;
        }
        accept_one(super, fd);
    }
}
