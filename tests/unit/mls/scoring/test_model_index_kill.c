/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the index, stopped and killed at every store of an update,
 * while readers read: they see the old or the new entry, never another, and
 * never wait; and the next writer notices what was lost.
 *
 * The writer's source is included, with its steps counted. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <apr_general.h>

static void count_step(void);
#define MLS_INDEX_STEP() count_step()
#include "scoring/model_index_table.c"
#include "scoring/model_index_writer.c"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

enum { BYSTANDERS = 500, OLD = 1000, NEW = 1001 };

static unsigned long steps, stop_at; /* of the child */

static void count_step(void)
{
    if (++steps == stop_at) {
        raise(SIGSTOP);
    }
}

typedef struct world {
    apr_pool_t *pool;
    char folder[64];
    const char *path;
    mls_epochs *epochs;
    mls_index *reader; /* opened before the update */
} world;

static mls_index_entry entry_of(uint64_t generation)
{
    mls_index_entry entry = { .generation = generation,
                              .flags = MLS_INDEX_REALTIME,
                              .owner = (uint32_t)generation * 3 };

    memset(entry.image, (int)(generation * 5 & 255), sizeof(entry.image));
    return entry;
}

static void put_version(mls_index_writer *writer, const char *name,
                        uint64_t generation, apr_pool_t *pool)
{
    const mls_index_entry entry = entry_of(generation);

    if (mls_index_writer_put(writer, name, "1", &entry, pool)) {
        abort();
    }
}

static void family_of(unsigned char out[MLS_INDEX_FAMILY], unsigned number)
{
    memset(out, 0, MLS_INDEX_FAMILY);
    memcpy(out, &number, sizeof(number));
}

static void revoke_number(mls_index_writer *writer, unsigned number,
                          apr_pool_t *pool)
{
    unsigned char family[MLS_INDEX_FAMILY];

    family_of(family, number);
    if (mls_index_writer_revoke_family(writer, family,
                                       (int64_t)time(NULL) + 1000, pool)) {
        abort();
    }
}

/* What the registry holds before the update: "victim" of OLD, others, and a
 * revoked family. */
static void fill(mls_index_writer *writer, apr_pool_t *pool)
{
    char name[32];

    for (unsigned i = 1; i <= BYSTANDERS; i++) {
        snprintf(name, sizeof(name), "bystander-%u", i);
        put_version(writer, name, i, pool);
    }
    put_version(writer, "victim", OLD, pool);
    put_version(writer, "leaver", OLD, pool);
    revoke_number(writer, 1, pool);
}

static mls_index_writer *open_or_abort(world *w, uint64_t generation,
                                       int *rebuild)
{
    mls_index_writer *writer = NULL;

    if (mls_index_writer_open(&writer, w->path, STATE_ID, generation, rebuild,
                              w->pool)) {
        abort();
    }
    return writer;
}

/* ---- updates: NULL `before` parts mean "not there" ---- */

typedef struct update {
    const char *name;
    void (*run)(mls_index_writer *writer, apr_pool_t *pool);
    uint64_t victim, leaver, newcomer, family; /* afterwards */
    uint64_t generation; /* of the registry afterwards */
} update;

static void replace(mls_index_writer *writer, apr_pool_t *pool)
{
    put_version(writer, "victim", NEW, pool);
}

static void replace_twice(mls_index_writer *writer, apr_pool_t *pool)
{
    put_version(writer, "victim", OLD, pool);
    put_version(writer, "victim", NEW, pool);
}

static void publish(mls_index_writer *writer, apr_pool_t *pool)
{
    put_version(writer, "newcomer", NEW, pool);
}

static void withdraw(mls_index_writer *writer, apr_pool_t *pool)
{
    if (mls_index_writer_delete(writer, "leaver", "1", NEW, pool)) {
        abort();
    }
}

static void add_family(mls_index_writer *writer, apr_pool_t *pool)
{
    revoke_number(writer, 2, pool);
}

static void publish_and_grow(mls_index_writer *writer, apr_pool_t *pool)
{
    char name[32];

    for (unsigned i = 1; target(writer)->file.service_slots < 2048; i++) {
        snprintf(name, sizeof(name), "filler-%u", i);
        put_version(writer, name, OLD, pool);
    }
    put_version(writer, "newcomer", NEW, pool);
}

static void rebuild_all(mls_index_writer *writer, apr_pool_t *pool)
{
    if (mls_index_writer_begin_rebuild(writer, pool)) {
        abort();
    }
    fill(writer, pool);
    put_version(writer, "victim", NEW, pool);
    if (mls_index_writer_commit_rebuild(writer, NEW, pool)) {
        abort();
    }
}

static const update updates[] = {
    { "replace", replace, NEW, OLD, 0, 0, NEW },
    { "replace twice", replace_twice, NEW, OLD, 0, 0, NEW },
    { "publish", publish, OLD, OLD, NEW, 0, NEW },
    { "withdraw", withdraw, OLD, 0, 0, 0, NEW },
    { "revoke", add_family, OLD, OLD, 0, 1, OLD },
    { "publish and grow", publish_and_grow, OLD, OLD, NEW, 0, NEW },
    { "rebuild", rebuild_all, NEW, OLD, 0, 0, NEW },
};

/* ---- readers ---- */

/* The generation seen; checks that the rest of the entry belongs to it. */
static uint64_t look(world *w, mls_index *index, const char *name)
{
    mls_index_entry entry, want;
    const int ticket = mls_epoch_enter(w->epochs);
    const int there = mls_index_find(index, name, strlen(name), "1", 1,
                                     &entry);

    mls_epoch_leave(w->epochs, ticket);
    if (!there) {
        return 0;
    }
    want = entry_of(entry.generation);
    assert_memory_equal(entry.image, want.image, MLS_INDEX_DIGEST);
    assert_int_equal(entry.owner, want.owner);
    assert_int_equal(entry.flags, want.flags);
    return entry.generation;
}

static uint64_t look_family(world *w, mls_index *index, unsigned number)
{
    unsigned char family[MLS_INDEX_FAMILY];
    const unsigned char nobody[MLS_INDEX_KEY] = { 0 };

    family_of(family, number);
    const int ticket = mls_epoch_enter(w->epochs);
    const int revoked = mls_index_revoked(index, family, nobody, 0);
    mls_epoch_leave(w->epochs, ticket);
    return (uint64_t)revoked;
}

static void assert_either(const char *what, uint64_t seen, uint64_t before,
                          uint64_t after)
{
    if (seen != before && seen != after) {
        fail_msg("step %lu: %s: saw %lu, neither %lu nor %lu", stop_at, what,
                 (unsigned long)seen, (unsigned long)before,
                 (unsigned long)after);
    }
}

static void check_old_or_new(world *w, mls_index *index, const update *u)
{
    char name[32];

    assert_either("victim", look(w, index, "victim"), OLD, u->victim);
    assert_either("leaver", look(w, index, "leaver"), OLD, u->leaver);
    assert_either("newcomer", look(w, index, "newcomer"), 0, u->newcomer);
    assert_either("family", look_family(w, index, 2), 0, u->family);
    assert_int_equal(look_family(w, index, 1), 1);
    for (unsigned i = 1; i <= BYSTANDERS; i += 7) {
        snprintf(name, sizeof(name), "bystander-%u", i);
        assert_int_equal(look(w, index, name), i);
    }
}

static void check_new(world *w, mls_index *index, const update *u)
{
    assert_int_equal(look(w, index, "victim"), u->victim);
    assert_int_equal(look(w, index, "leaver"), u->leaver);
    assert_int_equal(look(w, index, "newcomer"), u->newcomer);
    assert_int_equal(look_family(w, index, 2), u->family);
    assert_int_equal(look_family(w, index, 1), 1);
    assert_int_equal(mls_index_generation(index), u->generation);
}

static mls_index *open_index(world *w)
{
    mls_index *index = NULL;

    assert_null(mls_index_open(&index, w->path, w->epochs, w->pool));
    return index;
}

/* ---- one round ---- */

static void begin(world *w)
{
    int rebuild = 0;

    memset(w, 0, sizeof(*w));
    strcpy(w->folder, "/tmp/mls-kill-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    assert_int_equal(apr_pool_create(&w->pool, NULL), APR_SUCCESS);
    w->path = apr_pstrcat(w->pool, w->folder, "/index", NULL);
    assert_null(mls_epochs_create(&w->epochs, 4, w->pool));
    mls_index_writer *writer = open_or_abort(w, 0, &rebuild);
    fill(writer, w->pool);
    assert_null(mls_index_writer_commit_rebuild(writer, OLD, w->pool));
    w->reader = open_index(w);
}

static void end(world *w)
{
    static const char *const names[] = { "", ".new", ".old", ".spare" };

    for (size_t i = 0; i < 4; i++) {
        unlink(apr_pstrcat(w->pool, w->path, names[i], NULL));
    }
    apr_pool_destroy(w->pool);
    assert_int_equal(rmdir(w->folder), 0); /* nothing else was left */
}

/* A child that updates, and stops at a step. Returns the child when it has
 * stopped, 0 when it ended before. */
static pid_t start_child(world *w, const update *u)
{
    int status, rebuild = 0;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* stopped, when a check fails */
        mls_index_writer *writer = open_or_abort(w, OLD, &rebuild);
        steps = 0;
        u->run(writer, w->pool);
        _exit(rebuild ? 3 : 0);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    if (WIFSTOPPED(status)) {
        return child;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    return 0;
}

/* The registry has the update; the next owner opens the index. */
static void recover(world *w, const update *u)
{
    int rebuild = 0;
    mls_index_writer *writer = open_or_abort(w, u->generation, &rebuild);

    if (!rebuild && u->generation == NEW) {
        /* Then it must be there already. */
        check_new(w, w->reader, u);
    }
    if (rebuild) {
        assert_null(mls_index_writer_begin_rebuild(writer, w->pool));
        fill(writer, w->pool);
        u->run(writer, w->pool);
        if (writer->pending.file.header) {
            assert_null(mls_index_writer_commit_rebuild(
                writer, u->generation, w->pool));
        }
    }
    else if (u->family) {
        add_family(writer, w->pool); /* revocations are put again */
    }
    check_new(w, w->reader, u);
    check_new(w, open_index(w), u);
}

/* 0 when the update has fewer than `at` steps. */
static int round_at(const update *u, unsigned long at)
{
    world w;
    int status;

    begin(&w);
    stop_at = at;
    const pid_t child = start_child(&w, u);
    const unsigned long was = stop_at;
    stop_at = 0;
    if (!child) {
        check_new(&w, w.reader, u);
        end(&w);
        return 0;
    }
    stop_at = was;
    check_old_or_new(&w, w.reader, u); /* the writer is stopped */
    check_old_or_new(&w, open_index(&w), u);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    check_old_or_new(&w, w.reader, u);
    stop_at = 0;
    recover(&w, u);
    end(&w);
    return 1;
}

/* The same, but the writer goes on after the stop. */
static void round_continued(const update *u, unsigned long at)
{
    world w;
    int status;

    begin(&w);
    stop_at = at;
    const pid_t child = start_child(&w, u);
    assert_true(child > 0);
    check_old_or_new(&w, w.reader, u);
    kill(child, SIGCONT);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    check_new(&w, w.reader, u);
    stop_at = 0;
    end(&w);
}

static unsigned long count_steps(const update *u)
{
    world w;
    int rebuild = 0;

    begin(&w);
    mls_index_writer *writer = open_or_abort(&w, OLD, &rebuild);
    steps = 0;
    u->run(writer, w.pool);
    const unsigned long total = steps;
    check_new(&w, w.reader, u);
    end(&w);
    return total;
}

/* Every step, except in the middle of copying hundreds of entries into a file
 * that nobody reads yet. */
static void test_update(const update *u)
{
    const unsigned long total = count_steps(u);

    assert_true(total > 10);
    for (unsigned long at = 1; at <= total; at++) {
        if (at > 150 && at + 150 < total) {
            at += 211;
        }
        assert_int_equal(round_at(u, at), 1);
        if (at % 3 == 0) {
            round_continued(u, at);
        }
    }
    assert_int_equal(round_at(u, total + 1), 0);
}

#define UPDATE_TEST(function, i)          \
    static void function(void **state)    \
    {                                     \
        test_update(&updates[i]);         \
    }

UPDATE_TEST(test_killed_while_replacing, 0)
UPDATE_TEST(test_killed_while_replacing_twice, 1)
UPDATE_TEST(test_killed_while_publishing, 2)
UPDATE_TEST(test_killed_while_withdrawing, 3)
UPDATE_TEST(test_killed_while_revoking, 4)
UPDATE_TEST(test_killed_while_growing, 5)
UPDATE_TEST(test_killed_while_rebuilding, 6)

/* Killed at any instant of a busy loop, not only between stores. */
static void test_killed_at_random_while_readers_read(void **state)
{
    for (int round = 0; round < 20; round++) {
        world w;
        int status, rebuild = 0;
        begin(&w);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            mls_index_writer *writer = open_or_abort(&w, OLD, &rebuild);
            for (uint64_t g = NEW;; g++) {
                put_version(writer, "victim", g, w.pool);
            }
        }
        uint64_t last = OLD;
        for (int i = 0; i < 20000 + round * 1000; i++) {
            const uint64_t seen = look(&w, w.reader, "victim");
            assert_true(seen >= last);
            last = seen;
        }
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(look(&w, w.reader, "victim") >= last);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_while_replacing),
        cmocka_unit_test(test_killed_while_replacing_twice),
        cmocka_unit_test(test_killed_while_publishing),
        cmocka_unit_test(test_killed_while_withdrawing),
        cmocka_unit_test(test_killed_while_revoking),
        cmocka_unit_test(test_killed_while_growing),
        cmocka_unit_test(test_killed_while_rebuilding),
        cmocka_unit_test(test_killed_at_random_while_readers_read),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
