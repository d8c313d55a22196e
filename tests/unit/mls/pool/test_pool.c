/* SPDX-License-Identifier: Apache-2.0 */
/* The pool with real sandboxes and real Python, without a server: a child
 * process plays the supervisor's loop, the test is the child of httpd. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "daemon/pool/pool.h"
#include "pool/pool_client.h"

static const struct {
    const char *name;
    const char *json;
    int reuse;
} services[] = {
    {"double",
     "{\"code\":\"y = x * 2\",\"inputs\":[{\"name\":\"x\",\"type\":"
     "\"numeric\"}],\"outputs\":[{\"name\":\"y\",\"type\":\"numeric\"}]}",
     0},
    {"reused",
     "{\"code\":\"import os; y = os.getpid()\",\"outputs\":[{\"name\":\"y\","
     "\"type\":\"integer\"}]}",
     1},
    {"loop", "{\"code\":\"while True: pass\"}", 0},
    {"crash",
     "{\"code\":\"import ctypes; print('last words', flush=True); "
     "ctypes.string_at(0)\"}",
     0},
    {"hog", "{\"code\":\"x = bytearray(1 << 31)\"}", 0},
    {"forks",
     "{\"code\":\"import os, time\\nn = 0\\ntry:\\n    while n < 5000:\\n"
     "        if os.fork() == 0: time.sleep(30)\\n        n += 1\\n"
     "except OSError: pass\",\"outputs\":[{\"name\":\"n\",\"type\":"
     "\"integer\"}]}",
     0},
    {"spy",
     "{\"code\":\"import glob, os, socket\\ndef seen(p):\\n    try: "
     "open(p).read(1); return True\\n    except OSError: return False\\n"
     "shadow = seen('/etc/shadow') or seen(secret)\\n"
     "roots = ','.join(sorted(os.listdir('/')))\\n"
     "try:\\n    open('/usr/x', 'w'); wrote = True\\n"
     "except OSError: wrote = False\\n"
     "try:\\n    socket.create_connection(('127.0.0.1', int(port)), 1); "
     "connected = True\\nexcept OSError: connected = False\\n"
     "uid = os.getuid()\","
     "\"inputs\":[{\"name\":\"secret\",\"type\":\"character\"},{\"name\":"
     "\"port\",\"type\":\"integer\"}],\"outputs\":[{\"name\":\"shadow\","
     "\"type\":\"logical\"},{\"name\":\"wrote\",\"type\":\"logical\"},"
     "{\"name\":\"connected\",\"type\":\"logical\"},{\"name\":\"roots\","
     "\"type\":\"character\"},{\"name\":\"uid\",\"type\":\"integer\"}]}",
     0},
    {"escape",
     "{\"code\":\"import ctypes, os\\nlibc = ctypes.CDLL(None, "
     "use_errno=True)\\nr = [libc.unshare(0x10000000), libc.mount(b'n', "
     "b'/tmp', b'tmpfs', 0, None), libc.ptrace(16, 1, 0, 0)]\\n"
     "y = ','.join(map(str, r))\",\"outputs\":[{\"name\":\"y\",\"type\":"
     "\"character\"}]}",
     0},
};

typedef struct state {
    apr_pool_t *pool;
    char folder[64];
    char socket[96];
    pid_t supervisor;
    mls_pool_client *client;
    mls_identities who;
} state;

/* ---- the supervisor's side ---- */

static mls_err *definition(mls_pool_definition *out, void *baton,
                           const char *name, const char *version,
                           apr_pool_t *pool)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (strcmp(services[i].name, name) == 0) {
            out->json = services[i].json;
            out->runtime = "Python";
            out->generation = 1;
            out->reuse = services[i].reuse;
            return NULL;
        }
    }
    return mls_err_make(pool, MLS_ENOTFOUND, NULL, "no service %s", name);
}

static void quiet(void *baton, const char *line)
{
    if (getenv("POOL_VERBOSE")) {
        fprintf(stderr, "%s\n", line);
    }
}

static void accept_request(mls_pool *pool, int listener, apr_pool_t *parent)
{
    char bytes[65536];
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct iovec part = {bytes, sizeof(bytes)};
    union {
        char bytes[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(connection, &header, MSG_CMSG_CLOEXEC);
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    int fds[4], count = 0;
    apr_pool_t *scratch;
    mls_json *json;

    if (item) {
        count = (int)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(item), (size_t)count * sizeof(int));
    }
    apr_pool_create(&scratch, parent);
    if (got > 0 && !mls_json_parse(&json, bytes, (size_t)got, scratch)) {
        mls_pool_request(pool, connection, json, fds, count);
    }
    else {
        close(connection);
    }
    apr_pool_destroy(scratch);
}

static void supervise(int listener, const mls_pool_config *config)
{
    apr_pool_t *pool;
    mls_pool *made;
    struct pollfd fds[512];
    int status;
    pid_t pid;

    apr_pool_create(&pool, NULL);
    if (mls_pool_create(&made, config, pool)) {
        _exit(1);
    }
    for (;;) {
        int timeout = 100;
        int count = mls_pool_poll(made, fds + 1, 511, &timeout);
        fds[0].fd = listener;
        fds[0].events = POLLIN;
        poll(fds, (nfds_t)count + 1, timeout < 100 ? timeout : 100);
        mls_pool_dispatch(made, fds + 1, count);
        if (fds[0].revents) {
            accept_request(made, listener, pool);
        }
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            mls_pool_reaped(made, pid, status);
        }
    }
}

/* A copy that an ordinary user can read, wherever the checkout lies. */
static void copy_workers(const state *s)
{
    char command[512];
    const char *source = getenv("MLSERVER_SOURCE");

    snprintf(command, sizeof(command),
             "mkdir -p %s/w && cp -r %s/tools/workers/python %s/w/ && "
             "chmod -R a+rX %s",
             s->folder, source ? source : ".", s->folder, s->folder);
    assert_int_equal(system(command), 0);
}

static mls_pool_config config_make(const state *s)
{
    mls_pool_limits *limits = apr_palloc(s->pool, sizeof(*limits));
    mls_pool_interpreter *python = apr_pcalloc(s->pool, sizeof(*python));

    mls_pool_limits_default(limits);
    limits->queue = 64;
    limits->workers = 4;
    limits->spare = 1;
    limits->memory = 1 << 30;
    limits->file_size = 1 << 26;
    python->name = "Python";
    python->version = "";
    python->path = "/usr/bin/python3";
    mls_pool_config config = {
        .limits = limits,
        .interpreters = python,
        .interpreter_count = 1,
        .workers = apr_pstrcat(s->pool, s->folder, "/w", NULL),
        .blobs = "/nonexistent",
        .who = &s->who,
        .sandbox = 1,
        .definition = definition,
        .log = quiet};

    return config;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    assert_int_equal(listen(fd, 64), 0);
    return fd;
}

static int set_up(void **out)
{
    state *s = calloc(1, sizeof(*s));

    apr_initialize();
    apr_pool_create(&s->pool, NULL);
    strcpy(s->folder, "/tmp/mlspool-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->socket, sizeof(s->socket), "%s/s", s->folder);
    copy_workers(s);
    s->who = (mls_identities){.privileged = geteuid() == 0, .worker = 65534,
                              .worker_group = 65534};
    mls_pool_config config = config_make(s);
    int listener = listen_at(s->socket);
    s->supervisor = fork();
    if (s->supervisor == 0) {
        supervise(listener, &config);
    }
    close(listener);
    assert_null(mls_pool_client_open(&s->client, s->socket, s->pool));
    *out = s;
    return 0;
}

static int tear_down(void **out)
{
    state *s = *out;
    char command[96];

    kill(s->supervisor, SIGKILL);
    waitpid(s->supervisor, NULL, 0);
    snprintf(command, sizeof(command), "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
    apr_pool_destroy(s->pool);
    free(s);
    return 0;
}

static mls_err *run(mls_pool_result **out, const state *s, const char *name,
                    const char *body, int milliseconds)
{
    mls_pool_call call = {"test", milliseconds, -1, NULL, NULL};
    apr_pool_t *own;

    apr_pool_create(&own, s->pool);
    return mls_pool_run(out, s->client, &call, name, "1", 1, body,
                        strlen(body), own);
}

static const mls_json *output(const mls_pool_result *result)
{
    return mls_json_get(result->json, "outputParameters");
}

static mls_pool_result *must_run(const state *s, const char *name,
                                 const char *body)
{
    mls_pool_result *result = NULL;
    mls_err *err = run(&result, s, name, body, 20000);

    if (err) {
        fail_msg("%s: %s", name, mls_err_text(err, s->pool));
    }
    return result;
}

/* ---- tests ---- */

static void a_call_is_answered_each_time_by_a_fresh_process(void **out)
{
    for (int i = 0; i < 20; i++) {
        char body[32];
        snprintf(body, sizeof(body), "{\"x\": %d}", i);
        mls_pool_result *result = must_run(*out, "double", body);
        assert_non_null(result->json);
        assert_true(mls_json_double(output(result), "y", -1) == 2.0 * i);
    }
}

static void reuse_keeps_the_process(void **out)
{
    int64_t first = mls_json_int(output(must_run(*out, "reused", "{}")), "y",
                                 -1);

    for (int i = 0; i < 5; i++) {
        assert_int_equal(
            mls_json_int(output(must_run(*out, "reused", "{}")), "y", -2),
            first);
    }
}

static void an_endless_loop_ends_at_its_time_limit(void **out)
{
    mls_pool_result *result;
    mls_err *err = run(&result, *out, "loop", "{}", 1500);

    assert_non_null(err);
    assert_int_equal(err->code, MLS_ETIMEOUT);
    must_run(*out, "double", "{\"x\": 1}");
}

static void a_crash_is_reported_with_its_last_words(void **out)
{
    mls_pool_result *result = must_run(*out, "crash", "{}");

    assert_true(result->crashed);
    assert_non_null(strstr(result->console, "last words"));
    assert_non_null(strstr(result->reason, "signal"));
}

static void a_memory_hog_gets_an_error(void **out)
{
    mls_pool_result *result = must_run(*out, "hog", "{}");

    assert_non_null(result->json);
    assert_non_null(
        strstr(mls_json_string(result->json, "errorMessage"), "MemoryError"));
}

static void a_fork_bomb_is_bounded(void **out)
{
    int64_t n = mls_json_int(output(must_run(*out, "forks", "{}")), "n", -1);

    assert_true(n >= 0 && n <= 128);
    must_run(*out, "double", "{\"x\": 1}");
}

/* The secret: readable by root only, in a folder that everybody may enter. */
static void make_secret(const state *s, char *path, size_t size)
{
    snprintf(path, size, "%s/secret", s->folder);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    chmod(s->folder, 0755);
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in {
        sa_family_t family;
        unsigned short port;
        unsigned char address[12];
    } address = {AF_INET, 0, {127, 0, 0, 1}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    listen(fd, 1);
    getsockname(fd, (struct sockaddr *)&address, &size);
    *port = (address.port & 0xff) << 8 | address.port >> 8;
    return fd;
}

static void the_host_is_out_of_reach(void **out)
{
    char path[128], body[256];
    int port, fd = listen_anywhere(&port);

    make_secret(*out, path, sizeof(path));
    snprintf(body, sizeof(body), "{\"secret\":\"%s\",\"port\":%d}", path,
             port);
    const mls_json *seen = output(must_run(*out, "spy", body));
    assert_int_equal(mls_json_bool(seen, "shadow", -1), 0);
    assert_int_equal(mls_json_bool(seen, "wrote", -1), 0);
    assert_int_equal(mls_json_bool(seen, "connected", -1), 0);
    assert_null(strstr(mls_json_string(seen, "roots"), "root"));
    assert_null(strstr(mls_json_string(seen, "roots"), "home"));
    assert_int_not_equal(mls_json_int(seen, "uid", 0), 0);
    close(fd);
}

static void namespaces_and_tracing_are_refused_to_code(void **out)
{
    assert_string_equal(
        mls_json_string(output(must_run(*out, "escape", "{}")), "y"),
        "-1,-1,-1");
}

static void an_unknown_service_is_not_found(void **out)
{
    mls_pool_result *result;
    mls_err *err = run(&result, *out, "nothing", "{}", 5000);

    assert_non_null(err);
    assert_int_equal(err->code, MLS_ENOTFOUND);
}

/* ---- sessions ---- */

static mls_json *control(const state *s, const char *op, const char *user,
                         const char *id, int *code)
{
    mls_pool_call call = {"test", 20000, -1, NULL, NULL};
    mls_json *request = mls_json_object(s->pool), *answer = NULL;

    mls_json_set_string(request, "op", op);
    mls_json_set_string(request, "provider", "file");
    mls_json_set_string(request, "user", user);
    if (id) {
        mls_json_set_string(request, "id", id);
    }
    mls_err *err =
        mls_session_control(&answer, s->client, &call, request, s->pool);
    *code = err ? err->code : 0;
    return answer;
}

static mls_pool_result *execute(const state *s, const char *id,
                                const char *user, const char *body, int *code)
{
    mls_pool_call call = {"test", 20000, -1, NULL, NULL};
    mls_subject subject = {"file", user};
    mls_json *operation = mls_json_object(s->pool);
    mls_session_data data = {body, strlen(body), -1, -1, -1};
    mls_pool_result *result = NULL;

    mls_json_set_string(operation, "do", "execute");
    mls_err *err = mls_session_do(&result, s->client, &call, &subject, id,
                                  operation, &data, s->pool);
    *code = err ? err->code : 0;
    return result;
}

static void a_session_keeps_state_and_is_private(void **out)
{
    int code;
    mls_json *made = control(*out, "session.create", "alice", NULL, &code);
    assert_int_equal(code, 0);
    const char *id = mls_json_string(made, "id");

    mls_pool_result *result =
        execute(*out, id, "alice", "{\"code\":\"x = 41\"}", &code);
    assert_int_equal(code, 0);
    result = execute(*out, id, "alice",
                     "{\"code\":\"y = x + 1\",\"outputParameters\":[\"y\"]}",
                     &code);
    const mls_json *list = mls_json_get(result->json, "outputParameters");
    assert_int_equal(mls_json_int(mls_json_at(list, 0), "value", -1), 42);

    execute(*out, id, "bob", "{\"code\":\"1\"}", &code);
    assert_int_equal(code, MLS_ENOTFOUND);
    mls_json *seen = control(*out, "session.list", "bob", NULL, &code);
    assert_int_equal(mls_json_length(mls_json_get(seen, "sessions")), 0);
    control(*out, "session.close", "bob", id, &code);
    assert_int_equal(code, MLS_ENOTFOUND);
    control(*out, "session.close", "alice", id, &code);
    assert_int_equal(code, 0);
    control(*out, "session.cancel", "alice", id, &code);
    assert_int_equal(code, MLS_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_answered_each_time_by_a_fresh_process),
        cmocka_unit_test(reuse_keeps_the_process),
        cmocka_unit_test(an_endless_loop_ends_at_its_time_limit),
        cmocka_unit_test(a_crash_is_reported_with_its_last_words),
        cmocka_unit_test(a_memory_hog_gets_an_error),
        cmocka_unit_test(a_fork_bomb_is_bounded),
        cmocka_unit_test(the_host_is_out_of_reach),
        cmocka_unit_test(namespaces_and_tracing_are_refused_to_code),
        cmocka_unit_test(an_unknown_service_is_not_found),
        cmocka_unit_test(a_session_keeps_state_and_is_private),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
