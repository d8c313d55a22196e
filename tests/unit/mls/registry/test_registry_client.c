/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a real owner in a child process: typed calls, threads,
 * forks, an owner that dies, a server that is somebody else. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "daemon/daemon.h"
#include "daemon/owner.h"
#include "registry/registry.h"
#include "registry/remote/registry_client.h"
#include "registry/remote/wire.h"

struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_daemon daemon;
    pid_t owner;
    mls_registry *registry;
};

static void start_owner(struct fixture *f)
{
    int lifeline[2];

    assert_int_equal(pipe(lifeline), 0);
    f->owner = fork();
    if (f->owner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        f->daemon.lifeline = lifeline[0];
        _exit(mls_owner_main(&f->daemon, f->pool));
    }
    /* The write end stays open here, as the parent's does. */
    close(lifeline[0]);
}

static void end_owner(struct fixture *f, int number)
{
    kill(f->owner, number);
    waitpid(f->owner, NULL, 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    apr_pool_create(&f->pool, NULL);
    strcpy(f->folder, "/tmp/mls-client-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    mls_daemon_defaults(&f->daemon.options);
    mls_paths_make(&f->daemon.paths, f->folder, f->folder, f->pool);
    f->daemon.who = (mls_identities){ .user = geteuid(), .group = getegid(),
                                      .user_name = "us" };
    f->daemon.role = "owner";
    f->daemon.log_fd = open("/dev/null", O_WRONLY);
    start_owner(f);
    assert_null(mls_registry_open(&f->registry,
                                  f->daemon.paths.registry_socket, f->pool));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    end_owner(f, SIGTERM);
    close(f->daemon.log_fd);
    apr_snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

static mls_service service_of(const char *name, const char *version)
{
    return (mls_service){ .name = name, .version = version,
                          .runtime_type = "Python",
                          .publisher = { "file", "admin" } };
}

static void succeed(struct fixture *f, mls_err *err)
{
    if (err) {
        fail_msg("%s", mls_err_text(err, f->pool));
    }
}

static void assert_code(const mls_err *err, int code)
{
    assert_non_null(err);
    assert_int_equal(err->code, code);
}

/* The thread sanitizer does not follow a process with threads that forks, and
 * under valgrind an owner takes longer to start than a call is patient: what
 * kills owners beside threads is left to the other builds. */
static void need_forks_beside_threads(void)
{
#ifdef __SANITIZE_THREAD__
    skip();
#endif
    if (getenv("MLS_TEST_VALGRIND")) {
        skip();
    }
}

/* ---- tests ---- */

static void test_a_service_from_publish_to_delete(void **state)
{
    struct fixture *f = *state;
    mls_service service = service_of("a", "1");
    const mls_service *made, *got, *changed;

    succeed(f, mls_service_create(&made, f->registry, &service, f->pool));
    assert_true(made->generation > 0 && made->created > 0);
    assert_code(mls_service_create(NULL, f->registry, &service, f->pool),
                MLS_EEXISTS);
    service.code = "y = x";
    succeed(f, mls_service_update(&changed, f->registry, &service,
                                  made->generation, f->pool));
    assert_true(changed->generation > made->generation);
    assert_true(changed->created == made->created);
    assert_code(mls_service_update(NULL, f->registry, &service,
                                   made->generation, f->pool),
                MLS_ECONFLICT);
    succeed(f, mls_service_get(&got, f->registry, "a", "1", f->pool));
    assert_string_equal(got->code, "y = x");
    assert_true(got->generation == changed->generation);
    succeed(f, mls_service_delete(f->registry, "a", "1", 0, f->pool));
    assert_code(mls_service_delete(f->registry, "a", "1", 0, f->pool),
                MLS_ENOTFOUND);
    succeed(f, mls_service_get(&got, f->registry, "a", "1", f->pool));
    assert_null(got);
}

static void test_lists_are_oldest_first(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "z", "m", "a", "q" };
    apr_array_header_t *all;

    succeed(f, mls_service_list(&all, f->registry, NULL, f->pool));
    assert_int_equal(all->nelts, 0);
    for (int i = 0; i < 4; i++) {
        const mls_service service = service_of(names[i], "1");
        succeed(f, mls_service_create(NULL, f->registry, &service, f->pool));
    }
    const mls_service again = service_of("z", "1");
    succeed(f, mls_service_update(NULL, f->registry, &again, 0, f->pool));
    succeed(f, mls_service_list(&all, f->registry, NULL, f->pool));
    assert_int_equal(all->nelts, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(APR_ARRAY_IDX(all, i, const mls_service *)->name,
                            names[i]);
    }
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;
    const mls_token_request request = {
        .subject = { "file", "admin" }, .address = "::1", .agent = "test",
        .access_lifetime = 60, .refresh_idle = 600, .refresh_maximum = 6000
    };
    mls_tokens *first, *second, *third;

    succeed(f, mls_token_issue(&first, f->registry, &request, f->pool));
    succeed(f, mls_token_refresh(&second, f->registry, first->refresh,
                                 &request, f->pool));
    succeed(f, mls_token_refresh(&third, f->registry, first->refresh,
                                 &request, f->pool));
    assert_string_equal(second->refresh, third->refresh);
    succeed(f, mls_token_revoke(NULL, f->registry, second->refresh, f->pool));
    assert_code(mls_token_refresh(&third, f->registry, second->refresh,
                                  &request, f->pool), MLS_EUNAUTHORIZED);
    assert_code(mls_token_revoke(NULL, f->registry, "unknown", f->pool),
                MLS_ENOTFOUND);
    succeed(f, mls_token_revoke_subject(f->registry, &request.subject,
                                        f->pool));
}

static void test_wrong_values_do_not_reach_the_owner(void **state)
{
    struct fixture *f = *state;
    const mls_service service = service_of("", "1");
    const mls_token_request request = { .subject = { "file", "" } };
    mls_tokens *tokens;

    assert_code(mls_service_create(NULL, f->registry, &service, f->pool),
                MLS_EINVALID);
    assert_code(mls_token_issue(&tokens, f->registry, &request, f->pool),
                MLS_EINVALID);
}

/* Calls go on while the owner is killed and comes back. */
static void *keep_an_owner(void *data)
{
    struct fixture *f = data;

    for (int i = 0; i < 8; i++) {
        apr_sleep(150000);
        end_owner(f, SIGKILL);
        start_owner(f);
    }
    return NULL;
}

static void test_calls_outlive_an_owner(void **state)
{
    need_forks_beside_threads();
    struct fixture *f = *state;
    apr_array_header_t *all;
    pthread_t keeper;
    apr_pool_t *each;
    int count = 0;

    const mls_service first = service_of("first", "1");
    succeed(f, mls_service_create(NULL, f->registry, &first, f->pool));
    apr_pool_create(&each, f->pool);
    assert_int_equal(pthread_create(&keeper, NULL, keep_an_owner, f), 0);
    const apr_time_t end = apr_time_now() + apr_time_from_sec(2);
    while (apr_time_now() < end) {
        apr_pool_clear(each);
        const mls_service service =
            service_of("a", apr_psprintf(each, "%d", count));
        succeed(f, mls_service_create(NULL, f->registry, &service, each));
        count++;
    }
    pthread_join(keeper, NULL);
    succeed(f, mls_service_list(&all, f->registry, "a", f->pool));
    assert_int_equal(all->nelts, count);
}

static void test_without_an_owner_it_says_so_after_two_seconds(void **state)
{
    struct fixture *f = *state;
    const mls_service *got;

    succeed(f, mls_service_get(&got, f->registry, "a", "1", f->pool));
    end_owner(f, SIGKILL);
    const apr_time_t began = apr_time_now();
    assert_code(mls_service_get(&got, f->registry, "a", "1", f->pool),
                MLS_EUNAVAILABLE);
    const apr_time_t took = apr_time_now() - began;
    assert_true(took > 1000000 && took < 3000000);
    start_owner(f);
    succeed(f, mls_service_get(&got, f->registry, "a", "1", f->pool));
}

/* ---- threads and forks ---- */

struct worker {
    struct fixture *f;
    int number;
    atomic_int failed;
};

static void *publish_some(void *data)
{
    struct worker *worker = data;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 0; i < 20; i++) {
        const char *name = apr_psprintf(pool, "t%d", worker->number);
        const char *version = apr_psprintf(pool, "%d", i);
        const mls_service service = service_of(name, version);
        const mls_service *got = NULL;
        if (mls_service_create(NULL, worker->f->registry, &service, pool)
            || mls_service_get(&got, worker->f->registry, name, version, pool)
            || !got || strcmp(got->name, name)
            || strcmp(got->version, version)) {
            atomic_fetch_add(&worker->failed, 1);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void test_threads_share_a_handle(void **state)
{
    struct fixture *f = *state;
    enum { THREADS = 16 };
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    apr_array_header_t *all;

    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .f = f, .number = i };
        assert_int_equal(pthread_create(&threads[i], NULL, publish_some,
                                        &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&workers[i].failed), 0);
    }
    succeed(f, mls_service_list(&all, f->registry, NULL, f->pool));
    assert_int_equal(all->nelts, 20 * THREADS);
}

/* Parent and child must not read each other's answers from one connection. */
static void test_a_fork_gets_connections_of_its_own(void **state)
{
    struct fixture *f = *state;
    const mls_service *got;
    pid_t children[4];

    succeed(f, mls_service_get(&got, f->registry, "a", "1", f->pool));
    for (int i = 0; i < 4; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            struct worker worker = { .f = f, .number = 100 + i };
            publish_some(&worker);
            _exit(atomic_load(&worker.failed) ? 1 : 0);
        }
    }
    struct worker worker = { .f = f, .number = 1 };
    publish_some(&worker);
    assert_int_equal(atomic_load(&worker.failed), 0);
    for (int i = 0; i < 4; i++) {
        int status;
        waitpid(children[i], &status, 0);
        assert_int_equal(status, 0);
    }
}

/* ---- who listens ---- */

static void test_a_socket_of_somebody_else_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *path = apr_pstrcat(f->pool, f->folder, "/other.sock", NULL);
    int listener, fd;

    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(f->folder, 0777), 0);
    assert_int_equal(seteuid(65534), 0);
    assert_null(mls_wire_listen(&listener, path, SOCK_STREAM, f->pool));
    assert_int_equal(seteuid(0), 0);
    const mls_err *err =
        mls_wire_connect(&fd, path, SOCK_STREAM, f->pool);
    assert_code(err, MLS_EUNAVAILABLE);
    assert_non_null(strstr(mls_err_text(err, f->pool), "uid 65534"));
    close(listener);
}

static void test_a_path_that_is_too_long_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    mls_registry *registry;
    char path[120];

    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    assert_code(mls_registry_open(&registry, path, f->pool), MLS_EINVALID);
    path[107] = '\0';
    assert_null(mls_registry_open(&registry, path, f->pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_service_from_publish_to_delete),
        TEST(test_lists_are_oldest_first),
        TEST(test_tokens),
        TEST(test_wrong_values_do_not_reach_the_owner),
        TEST(test_calls_outlive_an_owner),
        TEST(test_without_an_owner_it_says_so_after_two_seconds),
        TEST(test_threads_share_a_handle),
        TEST(test_a_fork_gets_connections_of_its_own),
        TEST(test_a_socket_of_somebody_else_is_refused),
        TEST(test_a_path_that_is_too_long_is_refused_at_once),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
