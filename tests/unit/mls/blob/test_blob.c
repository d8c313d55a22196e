/* SPDX-License-Identifier: Apache-2.0 */
/* The blob store: whole or absent, found again by digest, swept with care. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "blob/blob.h"

/* SHA-256 of "abc", from FIPS 180-2. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct fixture {
    apr_pool_t *pool;
    char folder[64];
    mls_blob_store store;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    apr_pool_create(&f->pool, NULL);
    strcpy(f->folder, "/tmp/mls-blob-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->store = (mls_blob_store){
        f->folder, apr_pstrcat(f->pool, f->folder, "/tmp", NULL), 0640, 0750
    };
    assert_int_equal(mkdir(f->store.temporary, 0700), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    apr_snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    apr_pool_destroy(f->pool);
    free(f);
    return 0;
}

static int file_of(const char *text)
{
    const int fd = memfd_create("source", MFD_CLOEXEC);

    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static const char *put(struct fixture *f, const char *text)
{
    const int fd = file_of(text);
    const char *digest;
    int64_t size;

    assert_null(mls_blob_put(&digest, &size, &f->store, fd, 1000, f->pool));
    assert_int_equal(size, strlen(text));
    close(fd);
    return digest;
}

static int exists(struct fixture *f, const char *digest)
{
    return !access(mls_blob_path(&f->store, digest, f->pool), F_OK);
}

static int leftovers(struct fixture *f)
{
    int removed;

    assert_null(mls_blob_sweep_temporary(&removed, &f->store, f->pool));
    return removed;
}

static void make_old(struct fixture *f, const char *digest)
{
    const struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } };

    assert_int_equal(utimensat(AT_FDCWD, mls_blob_path(&f->store, digest,
                                                       f->pool), times, 0),
                     0);
}

static void test_a_file_is_found_by_its_digest(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char text[4];
    int fd;

    assert_string_equal(put(f, "abc"), ABC);
    assert_null(mls_blob_open(&fd, &f->store, ABC, 1, f->pool));
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_memory_equal(text, "abc", 3);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    close(fd);
    assert_int_equal(leftovers(f), 0);
}

static void test_an_empty_file_is_a_file(void **state)
{
    struct fixture *f = *state;

    assert_true(exists(f, put(f, "")));
}

static void test_the_position_of_the_source_does_not_matter(void **state)
{
    struct fixture *f = *state;
    const int fd = file_of("abc");
    const char *digest;
    int64_t size;

    lseek(fd, 2, SEEK_SET);
    assert_null(mls_blob_put(&digest, &size, &f->store, fd, 3, f->pool));
    assert_string_equal(digest, ABC);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 2);
    close(fd);
}

static void test_too_much_is_refused_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    const int fd = file_of("abc");
    const char *digest;
    int64_t size;

    const mls_err *err =
        mls_blob_put(&digest, &size, &f->store, fd, 2, f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ETOOLARGE);
    assert_false(exists(f, ABC));
    assert_int_equal(leftovers(f), 0);
    close(fd);
}

static void test_a_pipe_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *digest;
    int64_t size;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    const mls_err *err =
        mls_blob_put(&digest, &size, &f->store, ends[0], 10, f->pool);
    assert_int_equal(err->code, MLS_EINVALID);
    close(ends[0]);
    close(ends[1]);
}

static void test_damage_is_seen_when_it_is_looked_for(void **state)
{
    struct fixture *f = *state;
    int fd;

    put(f, "abc");
    const char *path = mls_blob_path(&f->store, ABC, f->pool);
    const int damaged = open(path, O_WRONLY);
    assert_int_equal(write(damaged, "abd", 3), 3);
    close(damaged);
    const mls_err *err = mls_blob_open(&fd, &f->store, ABC, 1, f->pool);
    assert_int_equal(err->code, MLS_ECORRUPT);
    assert_int_equal(fd, -1);
    assert_null(mls_blob_open(&fd, &f->store, ABC, 0, f->pool));
    close(fd);
}

static void test_names_that_are_no_digests_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "", "abc", "../../etc/passwd",
                                         "A" ABC, ABC "0" };
    int fd;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_false(mls_blob_name_valid(names[i]));
        const mls_err *err =
            mls_blob_open(&fd, &f->store, names[i], 0, f->pool);
        assert_int_equal(err->code, MLS_EINVALID);
    }
    const mls_err *err = mls_blob_open(&fd, &f->store, ABC, 0, f->pool);
    assert_int_equal(err->code, MLS_ENOTFOUND);
}

static void test_an_abandoned_file_is_gone(void **state)
{
    struct fixture *f = *state;
    mls_blob_temporary *temporary;
    apr_pool_t *pool;

    apr_pool_create(&pool, f->pool);
    assert_null(mls_blob_begin(&temporary, &f->store, pool));
    apr_pool_destroy(pool);
    assert_int_equal(leftovers(f), 0);
    assert_null(mls_blob_begin(&temporary, &f->store, f->pool));
    assert_int_equal(leftovers(f), 1);
    mls_blob_abandon(temporary);
}

static int only_abc(void *baton, const char *digest)
{
    return !strcmp(digest, ABC);
}

static void test_a_sweep_takes_what_is_old_and_unwanted(void **state)
{
    struct fixture *f = *state;
    const apr_time_t before = apr_time_now() - apr_time_from_sec(3600);
    int removed;

    put(f, "abc");
    const char *old = put(f, "old"), *young = put(f, "young");
    make_old(f, ABC);
    make_old(f, old);
    assert_null(mls_blob_sweep(&removed, &f->store, only_abc, NULL, before,
                               f->pool));
    assert_int_equal(removed, 1);
    assert_true(exists(f, ABC) && exists(f, young) && !exists(f, old));
}

static void test_storing_again_makes_an_old_file_young(void **state)
{
    struct fixture *f = *state;
    const apr_time_t before = apr_time_now() - apr_time_from_sec(3600);
    int removed;

    make_old(f, put(f, "old"));
    const char *old = put(f, "old");
    assert_null(mls_blob_sweep(&removed, &f->store, only_abc, NULL, before,
                               f->pool));
    assert_int_equal(removed, 0);
    assert_true(exists(f, old));
}

static void test_no_sweep_while_the_lock_is_shared(void **state)
{
    struct fixture *f = *state;
    const char *old = put(f, "old");
    int removed, lock;

    make_old(f, old);
    assert_null(mls_blob_lock(&lock, &f->store, 0, f->pool));
    assert_null(mls_blob_sweep(&removed, &f->store, only_abc, NULL,
                               apr_time_now(), f->pool));
    assert_int_equal(removed, 0);
    assert_true(exists(f, old));
    close(lock);
    assert_null(mls_blob_sweep(&removed, &f->store, only_abc, NULL,
                               apr_time_now(), f->pool));
    assert_int_equal(removed, 1);
}

static void test_deleting_twice_is_no_error(void **state)
{
    struct fixture *f = *state;

    put(f, "abc");
    assert_null(mls_blob_delete(&f->store, ABC, f->pool));
    assert_null(mls_blob_delete(&f->store, ABC, f->pool));
    assert_false(exists(f, ABC));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_file_is_found_by_its_digest),
        TEST(test_an_empty_file_is_a_file),
        TEST(test_the_position_of_the_source_does_not_matter),
        TEST(test_too_much_is_refused_and_leaves_nothing),
        TEST(test_a_pipe_is_refused),
        TEST(test_damage_is_seen_when_it_is_looked_for),
        TEST(test_names_that_are_no_digests_are_refused),
        TEST(test_an_abandoned_file_is_gone),
        TEST(test_a_sweep_takes_what_is_old_and_unwanted),
        TEST(test_storing_again_makes_an_old_file_young),
        TEST(test_no_sweep_while_the_lock_is_shared),
        TEST(test_deleting_twice_is_no_error),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
