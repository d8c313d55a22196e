/* SPDX-License-Identifier: Apache-2.0 */
/* tests/workers/vectors.json against the C side: the client of httpd's
 * children speaks with a child process that plays supervisor and worker, and
 * compares each byte. The Python side has tests/workers/test_vectors.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "pool/dgram.h"
#include "pool/pool_client.h"

enum { MOST = 65536 };

typedef struct state {
    apr_pool_t *pool;
    mls_json *vectors;
    char folder[64];
    char path[96];
} state;

static mls_json *read_vectors(apr_pool_t *pool)
{
    const char *root = getenv("MLS_TEST_ROOT");
    const char *path = apr_pstrcat(pool, root ? root : ".",
                                   "/tests/workers/vectors.json", NULL);
    char *text = apr_palloc(pool, MOST);
    mls_json *json = NULL;
    FILE *in = fopen(path, "re");

    assert_non_null(in);
    const size_t length = fread(text, 1, MOST, in);
    fclose(in);
    assert_null(mls_json_parse(&json, text, length, pool));
    return json;
}

static size_t from_hex(unsigned char *out, const char *hex)
{
    const size_t length = strlen(hex) / 2;

    for (size_t i = 0; i < length; i++) {
        unsigned value = 0;
        sscanf(hex + 2 * i, "%2x", &value);
        out[i] = (unsigned char)value;
    }
    return length;
}

/* ---- the other side ---- */

static void need(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "# not as the vector says: %s\n", what);
        _exit(1);
    }
}

static int memory_file(const char *text)
{
    const int fd = memfd_create("console", 0);

    need(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "console");
    return fd;
}

/* A C frame's descriptor goes with the first byte. */
static void send_bytes(int stream, const unsigned char *bytes, size_t length,
                       int console)
{
    struct iovec part = { (void *)bytes, length };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { .bytes = { 0 } };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof(control.bytes) };

    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &console, sizeof(console));
    need(sendmsg(stream, &message, MSG_NOSIGNAL) == (ssize_t)length,
         "the answer's bytes");
}

static void read_exactly(int fd, unsigned char *out, size_t length)
{
    while (length) {
        const ssize_t got = read(fd, out, length);
        need(got > 0, "the request's length");
        out += got;
        length -= (size_t)got;
    }
}

static int receive_request(int connection, const char *expected,
                           apr_pool_t *pool)
{
    char text[4096];
    struct iovec part = { text, sizeof(text) };
    char control[CMSG_SPACE(4 * sizeof(int))];
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
                              .msg_control = control,
                              .msg_controllen = sizeof(control) };
    int fds[4], count = 0;
    const ssize_t got = recvmsg(connection, &message, 0);

    mls_rights_take(&message, fds, &count, 4);
    need(count == 1, "one descriptor with the request");
    need(got == (ssize_t)strlen(expected)
             && !memcmp(text, expected, (size_t)got),
         "the request's datagram");
    return fds[0];
}

/* Plays one call; `answer` (hex) is what the worker writes. */
static void play(int listener, const mls_json *call, const char *answer,
                 int whole, apr_pool_t *pool)
{
    unsigned char expected[MOST], bytes[MOST];
    const int connection = accept(listener, NULL, NULL);
    const int stream = receive_request(
        connection, mls_json_string(call, "request"), pool);
    const char *text = mls_json_string(call, "answer");

    need(send(connection, text, strlen(text), 0) > 0, "the answer");
    const size_t sent = from_hex(expected, mls_json_string(call, "sent"));
    read_exactly(stream, bytes, sent);
    need(!memcmp(bytes, expected, sent), "the request's bytes");
    const size_t length = from_hex(bytes, answer);
    if (length) {
        send_bytes(stream, bytes, length,
                   memory_file(mls_json_string(call, "console")));
    }
    if (!whole) {
        close(stream);
        _exit(0);
    }
    const char *done = mls_json_string(call, "done");
    const ssize_t got = recv(connection, bytes, sizeof(bytes), 0);
    need(got == (ssize_t)strlen(done) && !memcmp(bytes, done, (size_t)got),
         "the last datagram");
    _exit(0);
}

static pid_t start(const state *s, const char *answer, int whole)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    unlink(s->path);
    strncpy(address.sun_path, s->path, sizeof(address.sun_path) - 1);
    assert_int_equal(
        bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        play(listener, mls_json_get(s->vectors, "call"), answer, whole,
             s->pool);
    }
    close(listener);
    return pid;
}

static void ended_well(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static mls_err *run(mls_pool_result **out, const state *s)
{
    const mls_json *call = mls_json_get(s->vectors, "call");
    const char *body = mls_json_string(call, "body");
    const mls_pool_call one = {
        .request_id = mls_json_string(call, "requestId"),
        .time_limit = (int)mls_json_int(call, "timeLimit", 0),
        .caller = -1,
    };
    mls_pool_client *client;

    assert_null(mls_pool_client_open(&client, s->path, s->pool));
    return mls_pool_run(out, client, &one, mls_json_string(call, "service"),
                        mls_json_string(call, "version"),
                        mls_json_uint(call, "generation", 0), body,
                        strlen(body), s->pool);
}

/* ---- tests ---- */

static void a_call_has_these_bytes(void **data)
{
    const state *s = *data;
    const mls_json *call = mls_json_get(s->vectors, "call");
    mls_pool_result *result = NULL;
    const pid_t pid = start(s, mls_json_string(call, "received"), 1);

    assert_null(run(&result, s));
    assert_false(result->crashed);
    assert_string_equal(
        mls_json_text(result->json, s->pool),
        mls_json_text(mls_json_get(call, "result"), s->pool));
    ended_well(pid);
}

static void bad_results_are_crashes(void **data)
{
    const state *s = *data;
    const mls_json *bad = mls_json_get(s->vectors, "badResults");

    assert_true(mls_json_length(bad) > 3);
    for (size_t i = 0; i < mls_json_length(bad); i++) {
        mls_pool_result *result = NULL;
        const pid_t pid =
            start(s, mls_json_string(mls_json_at(bad, i), "bytes"), 0);
        mls_err *err = run(&result, s);

        ended_well(pid);
        if (!err) {
            assert_true(result->crashed);
            assert_non_null(result->reason);
        }
        else {
            assert_int_equal(err->code, MLS_EUNAVAILABLE);
        }
    }
}

static int set_up(void **data)
{
    state *s = calloc(1, sizeof(*s));

    apr_pool_create(&s->pool, NULL);
    s->vectors = read_vectors(s->pool);
    strcpy(s->folder, "/tmp/mls-vectors-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/s", s->folder);
    *data = s;
    return 0;
}

static int tear_down(void **data)
{
    state *s = *data;

    unlink(s->path);
    rmdir(s->folder);
    apr_pool_destroy(s->pool);
    free(s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_has_these_bytes),
        cmocka_unit_test(bad_results_are_crashes),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
