/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to the registry owner: a few idle ones are kept, made anew in
 * another process, and a call outlives a restart of the owner. */

#include "registry/remote/registry_client.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/ident.h"
#include "registry/remote/wire.h"

enum {
    IDLE_MOST = 4,
    RETRY_FOR = 2000000,   /* microseconds without an owner */
    RETRY_FIRST = 5000,    /* microseconds */
    RETRY_LONGEST = 100000,
    PATIENCE = 10000000
};

struct mls_registry {
    const char *path;
    apr_interval_time_t patience;
    pthread_mutex_t mutex; /* of what follows */
    pid_t process;         /* whose the idle connections are */
    int idle[IDLE_MOST];
    int idle_count;
};

static void close_idle(mls_registry *registry)
{
    while (registry->idle_count) {
        close(registry->idle[--registry->idle_count]);
    }
}

static apr_status_t cleanup(void *data)
{
    mls_registry *registry = data;

    close_idle(registry);
    pthread_mutex_destroy(&registry->mutex);
    return APR_SUCCESS;
}

mls_err *mls_registry_open(mls_registry **out, const char *socket_path,
                           apr_pool_t *pool)
{
    mls_registry *registry = apr_pcalloc(pool, sizeof(*registry));

    MLS_TRY(mls_wire_check_path(socket_path, pool));
    registry->path = apr_pstrdup(pool, socket_path);
    registry->patience = PATIENCE;
    pthread_mutex_init(&registry->mutex, NULL);
    apr_pool_cleanup_register(pool, registry, cleanup, apr_pool_cleanup_null);
    *out = registry;
    return NULL;
}

void mls_registry_set_patience(mls_registry *registry,
                               apr_interval_time_t patience)
{
    registry->patience = patience;
}

/* ---- connections ---- */

/* An idle connection, or -1. A forked child has copies of its parent's
 * descriptors; closing them there does not disturb the parent. */
static int take_idle(mls_registry *registry)
{
    int fd = -1;

    pthread_mutex_lock(&registry->mutex);
    if (registry->process != getpid()) {
        close_idle(registry);
        registry->process = getpid();
    }
    if (registry->idle_count) {
        fd = registry->idle[--registry->idle_count];
    }
    pthread_mutex_unlock(&registry->mutex);
    return fd;
}

static void give_idle(mls_registry *registry, int fd)
{
    pthread_mutex_lock(&registry->mutex);
    if (registry->process == getpid() && registry->idle_count < IDLE_MOST) {
        registry->idle[registry->idle_count++] = fd;
        fd = -1;
    }
    pthread_mutex_unlock(&registry->mutex);
    if (fd >= 0) {
        close(fd);
    }
}

static mls_err *exchange(char **answer, size_t *length, int fd,
                         const char *request, apr_time_t deadline,
                         apr_pool_t *pool)
{
    MLS_TRY(mls_wire_send(fd, request, strlen(request), deadline, pool));
    return mls_wire_receive(answer, length, fd, MLS_WIRE_ANSWER_MAX, deadline,
                            pool);
}

static mls_err *greet(int fd, apr_time_t deadline, apr_pool_t *pool)
{
    mls_json *hello = mls_json_object(pool);
    mls_json *welcome;
    char *answer;
    size_t length;

    mls_json_set_string(hello, "op", "hello");
    mls_json_set_int(hello, "protocol", MLS_WIRE_PROTOCOL);
    MLS_TRY(exchange(&answer, &length, fd, mls_json_text(hello, pool),
                     deadline, pool));
    MLS_TRY(mls_json_parse(&welcome, answer, length, pool));
    return mls_wire_outcome(welcome, pool);
}

static mls_err *connect_new(int *fd, mls_registry *registry,
                            apr_time_t deadline, apr_pool_t *pool)
{
    MLS_TRY(mls_wire_connect(fd, registry->path, SOCK_STREAM, pool));
    mls_err *err = greet(*fd, deadline, pool);
    if (err) {
        close(*fd);
        *fd = -1;
    }
    return err;
}

/* ---- calls ---- */

static int worth_another_try(const mls_err *err)
{
    return err->code == MLS_EUNAVAILABLE;
}

/* One try. An idle connection may have died with the former owner: that is
 * found out at once and costs no try. */
static mls_err *attempt(char **answer, size_t *length, mls_registry *registry,
                        const char *request, apr_time_t deadline,
                        apr_pool_t *pool)
{
    mls_err *err;
    int fd;

    while ((fd = take_idle(registry)) >= 0) {
        err = exchange(answer, length, fd, request, deadline, pool);
        if (!err) {
            give_idle(registry, fd);
            return NULL;
        }
        close(fd);
        if (!worth_another_try(err)) {
            return err;
        }
    }
    MLS_TRY(connect_new(&fd, registry, deadline, pool));
    err = exchange(answer, length, fd, request, deadline, pool);
    if (err) {
        close(fd);
        return err;
    }
    give_idle(registry, fd);
    return NULL;
}

static mls_err *call(char **answer, size_t *length, mls_registry *registry,
                     const char *request, apr_pool_t *pool)
{
    const apr_time_t deadline = apr_time_now() + registry->patience;
    apr_interval_time_t pause = RETRY_FIRST;
    apr_time_t away_since = 0;

    if (strlen(request) > MLS_WIRE_REQUEST_MAX) {
        return mls_err_make(pool, MLS_ETOOLARGE, NULL,
                            "the registry takes at most %d MB at once",
                            MLS_WIRE_REQUEST_MAX >> 20);
    }
    for (;;) {
        mls_err *err =
            attempt(answer, length, registry, request, deadline, pool);
        const apr_time_t now = apr_time_now();

        if (!err || !worth_another_try(err)) {
            return err;
        }
        away_since = away_since ? away_since : now;
        if (now - away_since + pause > RETRY_FOR || now >= deadline) {
            return err;
        }
        apr_sleep(pause);
        pause = pause * 2 < RETRY_LONGEST ? pause * 2 : RETRY_LONGEST;
    }
}

mls_err *mls_registry_call(const char **answer, mls_registry *registry,
                           const char *request, apr_pool_t *pool)
{
    char *text;
    size_t length;

    MLS_TRY(call(&text, &length, registry, request, pool));
    *answer = text;
    return NULL;
}

mls_err *mls_registry_ask(mls_json **answer, mls_registry *registry,
                          const mls_json *request, apr_pool_t *pool)
{
    char *text;
    size_t length;

    MLS_TRY(call(&text, &length, registry, mls_json_text(request, pool),
                 pool));
    MLS_TRY(mls_json_parse(answer, text, length, pool));
    return mls_wire_outcome(*answer, pool);
}

mls_err *mls_registry_write(mls_json **answer, mls_registry *registry,
                            mls_json *request, apr_pool_t *pool)
{
    unsigned char id[16];

    MLS_TRY(mls_random_bytes(id, sizeof(id), pool));
    mls_json_set_string(request, "id", mls_hex(id, sizeof(id), pool));
    return mls_registry_ask(answer, registry, request, pool);
}
