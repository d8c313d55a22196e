/* SPDX-License-Identifier: Apache-2.0 */
/* One runtime: start it, load it, talk to it, end it. */

#include "daemon/pool/pool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"

enum { DATAGRAM = 65536, DESCRIPTORS = 4 };

/* ---- datagrams ---- */

int pool_send(int channel, mls_json *message, const int *fds, int count,
              apr_pool_t *scratch)
{
    const char *text = mls_json_text(message, scratch);
    struct iovec part = {(void *)text, strlen(text)};
    union {
        char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (count > 0) {
        memset(&control, 0, sizeof(control));
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(item), fds, (size_t)count * sizeof(int));
    }
    return sendmsg(channel, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? 0
                                                                       : errno;
}

static int take_descriptors(struct msghdr *header, int *fds, int room)
{
    int count = 0;

    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item;
         item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        int found = (int)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        int values[DESCRIPTORS];
        memcpy(values, CMSG_DATA(item), (size_t)found * sizeof(int));
        for (int i = 0; i < found; i++) {
            if (count < room) {
                fds[count++] = values[i];
            }
            else {
                close(values[i]);
            }
        }
    }
    return count;
}

mls_json *pool_receive(int channel, int *fds, int room, int *count,
                       int *closed, apr_pool_t *scratch)
{
    char *bytes = apr_palloc(scratch, DATAGRAM);
    struct iovec part = {bytes, DATAGRAM};
    union {
        char bytes[CMSG_SPACE(DESCRIPTORS * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(channel, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    mls_json *json = NULL;

    *count = 0;
    *closed = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got <= 0) {
        return NULL;
    }
    *count = take_descriptors(&header, fds, room);
    if (header.msg_flags & MSG_TRUNC ||
        mls_json_parse(&json, bytes, (size_t)got, scratch)) {
        *closed = 1; /* it does not speak the protocol */
        return NULL;
    }
    return json;
}

static mls_json *message_make(apr_pool_t *scratch, const char *op)
{
    mls_json *message = mls_json_object(scratch);

    mls_json_set_string(message, "op", op);
    return message;
}

/* ---- start ---- */

mls_err *pool_open_blob(int *fd, const mls_pool *pool, const char *digest,
                        apr_pool_t *scratch)
{
    unsigned char check[32];

    *fd = -1;
    if (!digest) {
        return NULL;
    }
    if (!mls_hex_decode(check, sizeof(check), digest)) {
        return mls_err_make(scratch, MLS_ECORRUPT, NULL,
                            "'%s' is not a snapshot's digest", digest);
    }
    const char *path = apr_psprintf(scratch, "%s/%.2s/%s", pool->config.blobs,
                                    digest, digest);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0) {
        return mls_err_apr(scratch, errno, "cannot open the snapshot %s",
                           digest);
    }
    return NULL;
}

static mls_err *start_process(pool_runtime *runtime, mls_pool *pool,
                              int network, apr_pool_t *scratch)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return mls_err_apr(scratch, errno, "cannot make a channel");
    }
    mls_err *err =
        pool_sandbox_start(&runtime->pid, pool, pair[1], network, scratch);
    close(pair[1]);
    if (err) {
        close(pair[0]);
        return err;
    }
    runtime->control = pair[0];
    return NULL;
}

static const mls_pool_definition *copy_definition(
    const mls_pool_definition *from, apr_pool_t *pool)
{
    mls_pool_definition *to = apr_pmemdup(pool, from, sizeof(*to));

    to->json = from->json ? apr_pstrdup(pool, from->json) : NULL;
    to->runtime = apr_pstrdup(pool, from->runtime);
    to->snapshot = from->snapshot ? apr_pstrdup(pool, from->snapshot) : NULL;
    return to;
}

mls_err *pool_runtime_start(pool_runtime **out, mls_pool *pool,
                            const mls_pool_definition *definition,
                            apr_pool_t *scratch)
{
    apr_pool_t *own;
    int snapshot;

    MLS_TRY(pool_open_blob(&snapshot, pool, definition->snapshot, scratch));
    apr_pool_create(&own, pool->pool);
    pool_runtime *runtime = apr_pcalloc(own, sizeof(*runtime));
    runtime->pool = own;
    runtime->snapshot = snapshot;
    runtime->definition = copy_definition(definition, own);
    runtime->generation = definition->generation;
    runtime->reuse = definition->reuse;
    runtime->started = runtime->used = apr_time_now();
    mls_err *err =
        start_process(runtime, pool, definition->network, scratch);
    if (err) {
        if (snapshot >= 0) {
            close(snapshot);
        }
        apr_pool_destroy(own);
        return err;
    }
    runtime->next = pool->runtimes;
    pool->runtimes = runtime;
    pool->changed = 1;
    *out = runtime;
    return NULL;
}

/* ---- load ---- */

static int definition_file(const char *json)
{
    int fd = memfd_create("definition", MFD_CLOEXEC);
    size_t left = strlen(json);

    while (fd >= 0 && left > 0) {
        ssize_t put = write(fd, json, left);
        if (put < 0) {
            close(fd);
            return -1;
        }
        json += put;
        left -= (size_t)put;
    }
    if (fd >= 0) {
        lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

static mls_json *load_message(const mls_pool *pool,
                              const pool_runtime *runtime, apr_pool_t *scratch)
{
    mls_json *message = message_make(scratch, "load");
    mls_json *limits = mls_json_object(scratch);

    mls_json_set_string(message, "kind",
                        runtime->session ? "session" : "service");
    mls_json_set_string(message, "mode", runtime->reuse ? "reuse" : "fresh");
    mls_json_set_string(message, "init", runtime->definition->init_each
                                             ? "each"
                                             : "per-zygote");
    mls_json_set_bool(message, "isolate", pool->config.sandbox);
    mls_json_set_bool(message, "filter", 1);
    if (runtime->session) {
        mls_json_set_string(message, "id", runtime->session);
    }
    mls_json_set_int(limits, "files", pool->config.folder_size / 2);
    mls_json_set(message, "limits", limits);
    return message;
}

static int send_load(mls_pool *pool, pool_runtime *runtime,
                     apr_pool_t *scratch)
{
    int fds[3], count = 0, definition = -1;

    fds[count++] = pool->filter;
    if (!runtime->session) {
        definition = definition_file(runtime->definition->json);
        fds[count++] = definition;
    }
    if (runtime->snapshot >= 0) {
        fds[count++] = runtime->snapshot;
    }
    int failed = pool_send(runtime->control,
                           load_message(pool, runtime, scratch), fds, count,
                           scratch);
    if (definition >= 0) {
        close(definition);
    }
    if (runtime->snapshot >= 0) {
        close(runtime->snapshot);
        runtime->snapshot = -1;
    }
    return failed;
}

/* ---- messages from a runtime ---- */

static pool_worker *find_worker(pool_runtime *runtime, int64_t id)
{
    for (pool_worker *w = runtime->workers; w; w = w->next) {
        if (w->id == id) {
            return w;
        }
    }
    return NULL;
}

static void got_hello(mls_pool *pool, pool_runtime *runtime,
                      const mls_json *message, apr_pool_t *scratch)
{
    const char *version = mls_json_string(message, "version");

    if (mls_json_int(message, "protocol", 0) != 1) {
        pool_runtime_end(pool, runtime,
                         "the runtime speaks another protocol version");
        return;
    }
    runtime->version = apr_pstrdup(runtime->pool, version ? version : "");
    runtime->state = RUNTIME_LOADING;
    if (send_load(pool, runtime, scratch)) {
        pool_runtime_end(pool, runtime, "the runtime takes no definition");
    }
}

static void got_ready(mls_pool *pool, pool_runtime *runtime,
                      const mls_json *message)
{
    const char *failure = mls_json_string(message, "loadError");

    runtime->state = RUNTIME_READY;
    runtime->fork_safe = mls_json_bool(message, "forkSafe", 0);
    runtime->load_failed = failure != NULL;
    if (failure) {
        pool_log(pool, "runtime loaded with an error: name=%s version=%s",
                 runtime->service ? runtime->service->name : "-",
                 runtime->service ? runtime->service->version : "-");
    }
    if (runtime->session) {
        pool_session_ready(pool, runtime, failure);
        return;
    }
    runtime->service->failures = 0;
    if (!runtime->fork_safe) {
        pool_log(pool,
                 "runtime not fork-safe: name=%s version=%s threads=%d",
                 runtime->service->name, runtime->service->version,
                 (int)mls_json_int(message, "threads", 0));
    }
}

static void got_worker(pool_runtime *runtime, const mls_json *message, int fd)
{
    pool_worker *worker =
        find_worker(runtime, mls_json_int(message, "id", -1));

    if (!worker || worker->state != WORKER_STARTING || fd < 0) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    worker->channel = fd;
    worker->state = WORKER_IDLE;
}

static void got_message(mls_pool *pool, pool_runtime *runtime,
                        const mls_json *message, int fd, apr_pool_t *scratch)
{
    const char *op = mls_json_string(message, "op");

    op = op ? op : "";
    if (strcmp(op, "worker") == 0) {
        got_worker(runtime, message, fd);
        return;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (strcmp(op, "hello") == 0 && runtime->state == RUNTIME_STARTING) {
        got_hello(pool, runtime, message, scratch);
    }
    else if (strcmp(op, "ready") == 0 && runtime->state == RUNTIME_LOADING) {
        got_ready(pool, runtime, message);
    }
    else if (strcmp(op, "ended") == 0) {
        pool_worker *worker =
            find_worker(runtime, mls_json_int(message, "id", -1));
        if (worker && !runtime->session) {
            pool_worker_ended(pool, runtime, worker,
                              (int)mls_json_int(message, "status", 0),
                              (int)mls_json_int(message, "signal", 0));
        }
    }
}

void pool_runtime_readable(mls_pool *pool, pool_runtime *runtime)
{
    apr_pool_t *scratch;
    int fds[DESCRIPTORS], count, closed;

    apr_pool_create(&scratch, pool->pool);
    mls_json *message = pool_receive(runtime->control, fds, DESCRIPTORS,
                                     &count, &closed, scratch);
    for (int i = 1; i < count; i++) {
        close(fds[i]);
    }
    if (closed) {
        if (count > 0) {
            close(fds[0]);
        }
        if (runtime->service && runtime->state < RUNTIME_READY) {
            pool_service_failed(pool, runtime->service,
                                "the runtime ended while it was loading");
        }
        pool_runtime_end(pool, runtime, "the runtime ended");
    }
    else if (message) {
        got_message(pool, runtime, message, count > 0 ? fds[0] : -1, scratch);
        pool->changed = 1;
    }
    apr_pool_destroy(scratch);
}

/* ---- end ---- */

void pool_runtime_kill_worker(mls_pool *pool, pool_runtime *runtime,
                              pool_worker *worker)
{
    mls_json *message = message_make(runtime->pool, "kill");

    if (worker->state == WORKER_DYING) {
        return;
    }
    worker->state = WORKER_DYING;
    mls_json_set_int(message, "id", worker->id);
    if (runtime->fork_safe || runtime->session) {
        pool_send(runtime->control, message, NULL, 0, runtime->pool);
    }
    else {
        pool_runtime_retire(pool, runtime);
        kill(-runtime->pid, SIGKILL);
    }
}

void pool_runtime_retire(mls_pool *pool, pool_runtime *runtime)
{
    if (runtime->state < RUNTIME_RETIRED) {
        runtime->state = RUNTIME_RETIRED;
        pool->changed = 1;
    }
}

static void worker_lost(pool_worker *worker, const char *reason)
{
    pool_request *request = worker->request;

    if (request && !request->done) {
        pool_answer_error(request, "crashed",
                          reason ? reason : "the worker ended");
    }
    if (worker->channel >= 0) {
        close(worker->channel);
    }
}

void pool_runtime_end(mls_pool *pool, pool_runtime *runtime,
                      const char *reason)
{
    pool_runtime **link = &pool->runtimes;

    while (*link && *link != runtime) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = runtime->next;
    }
    if (runtime->session && runtime->state < RUNTIME_READY) {
        pool_session_ready(pool, runtime, reason ? reason : "it was ended");
    }
    for (pool_worker *w = runtime->workers; w; w = w->next) {
        pool_request *request = w->request;
        worker_lost(w, reason);
        if (request) {
            request->worker = NULL;
            pool_request_end(pool, request);
        }
    }
    if (reason) {
        pool_log(pool, "runtime ended: name=%s version=%s session=%s "
                       "reason=\"%s\"",
                 runtime->service ? runtime->service->name : "-",
                 runtime->service ? runtime->service->version : "-",
                 runtime->session ? runtime->session : "-", reason);
    }
    if (runtime->pid > 0) {
        kill(-runtime->pid, SIGKILL);
        kill(runtime->pid, SIGKILL);
    }
    close(runtime->control);
    if (runtime->snapshot >= 0) {
        close(runtime->snapshot);
    }
    pool->changed = 1;
    apr_pool_destroy(runtime->pool);
}
