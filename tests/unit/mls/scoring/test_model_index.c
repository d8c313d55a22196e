/* SPDX-License-Identifier: Apache-2.0 */
/* The mapped index, its reader beside its writer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "scoring/model_index.h"
#include "scoring/model_index_format.h"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

typedef struct fixture {
    apr_pool_t *pool;
    char folder[64];
    const char *path;
    mls_epochs *epochs;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));

    strcpy(f->folder, "/tmp/mls-index-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(apr_pool_create(&f->pool, NULL), APR_SUCCESS);
    f->path = apr_pstrcat(f->pool, f->folder, "/index", NULL);
    assert_null(mls_epochs_create(&f->epochs, 8, f->pool));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[128];

    apr_pool_destroy(f->pool);
    snprintf(command, sizeof(command), "rm -rf %s", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static mls_index_writer *open_writer(fixture *f, uint64_t generation,
                                     int *rebuild)
{
    mls_index_writer *writer = NULL;
    mls_err *err = mls_index_writer_open(&writer, f->path, STATE_ID,
                                         generation, rebuild, f->pool);

    assert_null(err);
    return writer;
}

/* A writer of a new, empty, published index. */
static mls_index_writer *new_writer(fixture *f)
{
    int rebuild = 0;
    mls_index_writer *writer = open_writer(f, 0, &rebuild);

    assert_int_equal(rebuild, 1);
    assert_null(mls_index_writer_begin_rebuild(writer, f->pool));
    assert_null(mls_index_writer_commit_rebuild(writer, 0, f->pool));
    return writer;
}

static mls_index *open_reader(fixture *f)
{
    mls_index *index = NULL;

    assert_null(mls_index_open(&index, f->path, f->epochs, f->pool));
    return index;
}

static mls_index_entry entry_of(uint64_t generation)
{
    mls_index_entry entry = { .generation = generation,
                              .flags = MLS_INDEX_REALTIME,
                              .owner = (uint32_t)(generation * 7) };

    memset(entry.image, (int)(generation & 255), sizeof(entry.image));
    return entry;
}

static void put(fixture *f, mls_index_writer *writer, const char *name,
                const char *version, uint64_t generation)
{
    const mls_index_entry entry = entry_of(generation);

    assert_null(mls_index_writer_put(writer, name, version, &entry, f->pool));
}

/* The generation that the reader sees, 0 when the version is not there. */
static uint64_t look(fixture *f, mls_index *index, const char *name,
                     const char *version)
{
    mls_index_entry entry, want;
    const int ticket = mls_epoch_enter(f->epochs);
    const int there = mls_index_find(index, name, strlen(name), version,
                                     strlen(version), &entry);

    if (there) {
        want = entry_of(entry.generation);
        assert_memory_equal(entry.image, want.image, MLS_INDEX_DIGEST);
        assert_int_equal(entry.owner, want.owner);
        assert_int_equal(entry.flags, want.flags);
        assert_int_equal(mls_index_is_current(index, entry.key,
                                              entry.generation), 1);
        assert_int_equal(mls_index_is_current(index, entry.key,
                                              entry.generation + 1), 0);
    }
    mls_epoch_leave(f->epochs, ticket);
    return there ? entry.generation : 0;
}

static void test_what_is_put_is_found_until_deleted(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);

    assert_string_equal(mls_index_state_id(index), STATE_ID);
    assert_int_equal(look(f, index, "churn", "1.0"), 0);
    put(f, writer, "churn", "1.0", 11);
    put(f, writer, "churn", "2.0", 12);
    put(f, writer, "chur", "n2.0", 13);
    assert_int_equal(look(f, index, "churn", "1.0"), 11);
    assert_int_equal(look(f, index, "churn", "2.0"), 12);
    assert_int_equal(look(f, index, "chur", "n2.0"), 13);
    assert_int_equal(look(f, index, "churn1.0", ""), 0);
    assert_int_equal(mls_index_count(index), 3);
    assert_int_equal(mls_index_generation(index), 13);

    put(f, writer, "churn", "1.0", 14);
    assert_int_equal(look(f, index, "churn", "1.0"), 14);
    assert_int_equal(mls_index_count(index), 3);

    assert_null(mls_index_writer_delete(writer, "churn", "1.0", 15, f->pool));
    assert_int_equal(look(f, index, "churn", "1.0"), 0);
    assert_int_equal(look(f, index, "churn", "2.0"), 12);
    assert_int_equal(mls_index_count(index), 2);
    assert_int_equal(mls_index_generation(index), 15);
    assert_null(mls_index_writer_delete(writer, "no", "such", 16, f->pool));
    assert_int_equal(mls_index_count(index), 2);
    assert_int_equal(mls_index_generation(index), 16);

    put(f, writer, "churn", "1.0", 17);
    assert_int_equal(look(f, index, "churn", "1.0"), 17);
}

static void test_a_hundred_thousand_versions_are_found_by_an_old_reader(
    void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f); /* of the smallest file */
    const unsigned count = 100000;
    char name[32];

    for (unsigned i = 1; i <= count; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        put(f, writer, name, "1.0", i);
    }
    for (unsigned i = 1; i <= count; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        assert_int_equal(look(f, index, name, "1.0"), i);
    }
    assert_int_equal(mls_index_count(index), count);
    assert_int_equal(look(f, index, "service-0", "1.0"), 0);
}

static void test_tombstones_do_not_fill_the_index(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    struct stat st;
    char name[32];

    put(f, writer, "stays", "1", 1);
    for (unsigned i = 2; i <= 50000; i++) {
        snprintf(name, sizeof(name), "passing-%u", i);
        put(f, writer, name, "1", i);
        assert_null(mls_index_writer_delete(writer, name, "1", i, f->pool));
    }
    mls_index *index = open_reader(f);
    assert_int_equal(look(f, index, "stays", "1"), 1);
    assert_int_equal(mls_index_count(index), 1);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(st.st_size
                <= INDEX_HEADER_SIZE + 4096 * (long)sizeof(index_slot));
}

static void test_what_is_reserved_needs_no_growth(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    struct stat before, after;
    char name[32];

    put(f, writer, "stays", "1", 1);
    assert_null(mls_index_writer_reserve(writer, 3000, 10, f->pool));
    assert_int_equal(stat(f->path, &before), 0);
    for (unsigned i = 1; i <= 3000; i++) {
        snprintf(name, sizeof(name), "new-%u", i);
        put(f, writer, name, "1", i + 1);
    }
    assert_int_equal(stat(f->path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    mls_index *index = open_reader(f);
    assert_int_equal(look(f, index, "stays", "1"), 1);
    assert_int_equal(look(f, index, "new-3000", "1"), 3001);
}

/* A disk that is full, as far as this process can see: no file grows. */
static void test_room_that_cannot_be_had_changes_nothing(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    struct rlimit before, small;
    char name[32];

    for (unsigned i = 1; i <= 3000; i++) {
        snprintf(name, sizeof(name), "old-%u", i);
        put(f, writer, name, "1", i);
    }
    mls_index *index = open_reader(f);

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    mls_err *err = mls_index_writer_reserve(writer, 1000000, 0, f->pool);
    mls_err *none = mls_index_writer_reserve(writer, 1, 1, f->pool);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(err);
    assert_null(none);
    /* what is there is shown and changed as before, and so is one more */
    put(f, writer, "old-7", "1", 4000);
    put(f, writer, "one-more", "1", 4001);
    assert_int_equal(look(f, index, "old-3000", "1"), 3000);
    assert_int_equal(look(f, index, "old-7", "1"), 4000);
    assert_int_equal(look(f, index, "one-more", "1"), 4001);
    assert_int_equal(mls_index_count(index), 3001);
}

static int revoked(fixture *f, mls_index *index, int family, const char *who,
                   int64_t issued)
{
    unsigned char key[MLS_INDEX_FAMILY], subject[MLS_INDEX_KEY];
    const int ticket = mls_epoch_enter(f->epochs);

    memset(key, family, sizeof(key));
    mls_index_subject(index, "file", who, subject);
    const int is = mls_index_revoked(index, key, subject, issued);
    mls_epoch_leave(f->epochs, ticket);
    return is;
}

static void test_families_and_subjects_are_revoked(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    const int64_t now = (int64_t)time(NULL);
    unsigned char family[MLS_INDEX_FAMILY];

    assert_int_equal(revoked(f, index, 1, "ann", now), 0);
    memset(family, 1, sizeof(family));
    assert_null(mls_index_writer_revoke_family(writer, family, now + 100,
                                               f->pool));
    assert_int_equal(revoked(f, index, 1, "ann", now), 1);
    assert_int_equal(revoked(f, index, 2, "ann", now), 0);

    assert_null(mls_index_writer_revoke_subject(writer, "file", "ann", now,
                                                now + 100, f->pool));
    assert_int_equal(revoked(f, index, 2, "ann", now - 1), 1);
    assert_int_equal(revoked(f, index, 2, "ann", now), 0);
    assert_int_equal(revoked(f, index, 2, "bob", now - 1), 0);
    /* an earlier "not before" does not take the later one back */
    assert_null(mls_index_writer_revoke_subject(writer, "file", "ann",
                                                now - 50, now + 50, f->pool));
    assert_int_equal(revoked(f, index, 2, "ann", now - 1), 1);
}

static void test_expired_revocations_make_room(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    const int64_t now = (int64_t)time(NULL);
    unsigned char family[MLS_INDEX_FAMILY];
    struct stat st;

    memset(family, 0xee, sizeof(family));
    assert_null(mls_index_writer_revoke_family(writer, family, now + 1000,
                                               f->pool));
    for (unsigned i = 0; i < 20000; i++) {
        mls_siphash128((const unsigned char *)STATE_ID, &i, sizeof(i), family);
        assert_null(mls_index_writer_revoke_family(writer, family, now - 10,
                                                   f->pool));
    }
    mls_index *index = open_reader(f);
    assert_int_equal(revoked(f, index, 0xee, "ann", now), 1);
    assert_int_equal(stat(f->path, &st), 0);
    assert_true(st.st_size
                <= INDEX_HEADER_SIZE + 4096 * (long)sizeof(index_slot));
}

static void test_five_thousand_live_revocations_all_hold(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    const int64_t now = (int64_t)time(NULL);
    unsigned char family[MLS_INDEX_FAMILY];
    const unsigned char nobody[MLS_INDEX_KEY] = { 0 };

    put(f, writer, "stays", "1", 1);
    for (unsigned i = 0; i < 5000; i++) {
        mls_siphash128((const unsigned char *)STATE_ID, &i, sizeof(i), family);
        assert_null(mls_index_writer_revoke_family(writer, family, now + 99,
                                                   f->pool));
    }
    const int ticket = mls_epoch_enter(f->epochs);
    for (unsigned i = 0; i < 10000; i++) {
        mls_siphash128((const unsigned char *)STATE_ID, &i, sizeof(i), family);
        assert_int_equal(mls_index_revoked(index, family, nobody, now),
                         i < 5000);
    }
    mls_epoch_leave(f->epochs, ticket);
    assert_int_equal(look(f, index, "stays", "1"), 1);
}

/* How the writer is opened again, and whether it asks for a rebuild. */
static void test_opening_again_asks_for_a_rebuild_when_something_is_off(
    void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    int rebuild = 0;

    put(f, writer, "churn", "1.0", 5);
    writer = open_writer(f, 5, &rebuild);
    assert_int_equal(rebuild, 0);
    put(f, writer, "churn", "1.0", 6);
    open_writer(f, 5, &rebuild);
    assert_int_equal(rebuild, 1);
    open_writer(f, 7, &rebuild);
    assert_int_equal(rebuild, 1);
    open_writer(f, 6, &rebuild);
    assert_int_equal(rebuild, 0);
    assert_null(mls_index_writer_open(
        &writer, f->path, "3f2504e0-4f89-11d3-9a0c-0305e82c3301", 6, &rebuild,
        f->pool));
    assert_int_equal(rebuild, 1);
}

static void test_a_rebuild_shows_all_at_once(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    char name[32];

    put(f, writer, "old", "1", 1);
    const uint64_t key_id = mls_index_key_id(index);
    assert_null(mls_index_writer_begin_rebuild(writer, f->pool));
    for (unsigned i = 1; i <= 3000; i++) {
        snprintf(name, sizeof(name), "new-%u", i);
        put(f, writer, name, "1", i + 1);
    }
    assert_int_equal(look(f, index, "old", "1"), 1);
    assert_int_equal(look(f, index, "new-1", "1"), 0);
    assert_null(mls_index_writer_commit_rebuild(writer, 3001, f->pool));
    assert_int_equal(look(f, index, "old", "1"), 0);
    assert_int_equal(look(f, index, "new-1", "1"), 2);
    assert_int_equal(look(f, index, "new-3000", "1"), 3001);
    assert_int_equal(mls_index_generation(index), 3001);
    assert_int_equal(mls_index_key_id(index), key_id);
    put(f, writer, "later", "1", 3002);
    assert_int_equal(look(f, index, "later", "1"), 3002);
    mls_err *err = mls_index_writer_commit_rebuild(writer, 1, f->pool);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_EINVALID);
}

static void test_a_missing_index_is_not_found(void **state)
{
    fixture *f = *state;
    mls_index *index = NULL;
    mls_err *err = mls_index_open(&index, f->path, f->epochs, f->pool);

    assert_non_null(err);
    assert_int_equal(err->code, MLS_ENOTFOUND);
}

static void write_bytes(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static unsigned char *read_bytes(fixture *f, size_t *length)
{
    struct stat st;
    FILE *file = fopen(f->path, "rb");

    assert_non_null(file);
    assert_int_equal(stat(f->path, &st), 0);
    unsigned char *bytes = apr_palloc(f->pool, (apr_size_t)st.st_size);
    *length = fread(bytes, 1, (size_t)st.st_size, file);
    fclose(file);
    return bytes;
}

static void test_a_damaged_header_is_refused(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = NULL;
    size_t length;
    int rebuild = 0;

    put(f, writer, "churn", "1.0", 1);
    unsigned char *bytes = read_bytes(f, &length);
    unlink(f->path);
    for (size_t i = 0; i < offsetof(index_header, superseded); i++) {
        bytes[i] ^= 0x10;
        write_bytes(f->path, bytes, length);
        bytes[i] ^= 0x10;
        mls_err *err = mls_index_open(&index, f->path, f->epochs, f->pool);
        assert_non_null(err);
        assert_int_equal(err->code, MLS_ECORRUPT);
    }
    for (size_t cut = 0; cut < length; cut += 977) {
        write_bytes(f->path, bytes, cut);
        assert_non_null(mls_index_open(&index, f->path, f->epochs, f->pool));
    }
    writer = open_writer(f, 1, &rebuild);
    assert_int_equal(rebuild, 1);
    put(f, writer, "again", "1.0", 2);
    assert_null(mls_index_writer_commit_rebuild(writer, 2, f->pool));
    assert_int_equal(look(f, open_reader(f), "again", "1.0"), 2);
}

/* Where in the file the slot of the only used service is. */
static size_t used_slot(const unsigned char *bytes, uint64_t capacity)
{
    for (uint64_t i = 0; i < capacity; i++) {
        const size_t at = INDEX_HEADER_SIZE + i * sizeof(index_slot);
        uint64_t sequence;
        memcpy(&sequence, bytes + at, sizeof(sequence));
        if (sequence) {
            return at;
        }
    }
    fail_msg("no slot is used");
    return 0;
}

static void test_a_damaged_copy_falls_back_to_the_older_one(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    size_t length;
    int rebuild = 0;

    put(f, writer, "churn", "1.0", 1);
    put(f, writer, "churn", "1.0", 2);
    unsigned char *bytes = read_bytes(f, &length);
    const size_t slot = used_slot(bytes, INDEX_CAPACITY_MIN);
    const size_t newer = slot + offsetof(index_slot, copy[1]);
    const size_t older = slot + offsetof(index_slot, copy[0]);

    for (size_t i = 0; i < 64; i++) {
        unlink(f->path);
        bytes[newer + i] ^= 1;
        write_bytes(f->path, bytes, length);
        assert_int_equal(look(f, open_reader(f), "churn", "1.0"), 1);
        open_writer(f, 2, &rebuild);
        assert_int_equal(rebuild, 1);

        unlink(f->path);
        bytes[older + i] ^= 1;
        write_bytes(f->path, bytes, length);
        assert_int_equal(look(f, open_reader(f), "churn", "1.0"), 0);
        open_writer(f, 2, &rebuild);
        assert_int_equal(rebuild, 1);
        bytes[newer + i] ^= 1;
        bytes[older + i] ^= 1;
    }
}

static void test_a_half_written_slot_is_seen_as_before(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    uint64_t odd = 5;
    size_t length;
    int rebuild = 0;

    put(f, writer, "churn", "1.0", 1);
    put(f, writer, "churn", "1.0", 2);
    unsigned char *bytes = read_bytes(f, &length);
    const size_t slot = used_slot(bytes, INDEX_CAPACITY_MIN);
    memcpy(bytes + slot, &odd, sizeof(odd)); /* copy 0 is the older one */
    unlink(f->path);
    write_bytes(f->path, bytes, length);
    assert_int_equal(look(f, open_reader(f), "churn", "1.0"), 2);
    writer = open_writer(f, 2, &rebuild);
    assert_int_equal(rebuild, 1);
    put(f, writer, "churn", "1.0", 3);
    assert_int_equal(look(f, open_reader(f), "churn", "1.0"), 3);
}

static void test_a_reader_keeps_the_old_file_while_there_is_no_new_one(
    void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    index_file raw;

    put(f, writer, "churn", "1.0", 1);
    assert_null(mls_index_file_open(&raw, f->path, 1, f->pool));
    unlink(f->path);
    atomic_store(&raw.header->superseded, 1);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(look(f, index, "churn", "1.0"), 1);
    }
    mls_index_file_close(&raw);
}

/* Killed after the rename and before the mark: the next writer marks it. */
static void test_the_next_writer_marks_what_a_killed_one_replaced(void **state)
{
    fixture *f = *state;
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    const char *old = apr_pstrcat(f->pool, f->path, ".old", NULL);
    struct stat st;
    size_t length;
    int rebuild = 0;

    put(f, writer, "churn", "1.0", 1);
    unsigned char *bytes = read_bytes(f, &length);
    assert_int_equal(rename(f->path, old), 0);
    write_bytes(f->path, bytes, length);
    writer = open_writer(f, 1, &rebuild);
    assert_int_equal(rebuild, 0);
    assert_int_not_equal(stat(old, &st), 0);
    put(f, writer, "churn", "1.0", 2);
    assert_int_equal(look(f, index, "churn", "1.0"), 2);
}

/* In a process of its own: a disk of 600 KB, which the first file nearly
 * fills. 0 when all is well, 77 when there may be no such disk. */
static int fill_small_disk(fixture *f)
{
    const mls_index_entry entry = entry_of(5);
    char name[32];
    unsigned count = 0;
    mls_err *err = NULL;

    if (unshare(CLONE_NEWNS) != 0
        || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount("none", f->folder, "tmpfs", 0, "size=600k") != 0) {
        return 77;
    }
    mls_index_writer *writer = new_writer(f);
    mls_index *index = open_reader(f);
    while (!err && count < 5000) {
        snprintf(name, sizeof(name), "service-%u", ++count);
        err = mls_index_writer_put(writer, name, "1", &entry, f->pool);
    }
    /* More than half, because it is no use to stop before it is full. */
    if (!err || err->code != MLS_ENOSPACE || count < 800 || count > 1000) {
        return 1;
    }
    for (unsigned i = 1; i < count; i++) {
        snprintf(name, sizeof(name), "service-%u", i);
        if (look(f, index, name, "1") != 5) {
            return 2;
        }
    }
    /* What is there can be replaced and deleted, and that makes room. */
    if (mls_index_writer_put(writer, "service-1", "1", &entry, f->pool)
        || mls_index_writer_delete(writer, "service-2", "1", 6, f->pool)) {
        return 3;
    }
    err = mls_index_writer_begin_rebuild(writer, f->pool);
    if (!err || err->code != MLS_ENOSPACE
        || look(f, index, "service-1", "1") != 5) {
        return 4;
    }
    return 0;
}

static void test_a_full_disk_is_an_error_and_loses_nothing(void **state)
{
    fixture *f = *state;
    int status;
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        _exit(fill_small_disk(f));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip(); /* not allowed to mount */
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_put_is_found_until_deleted),
        TEST(test_a_hundred_thousand_versions_are_found_by_an_old_reader),
        TEST(test_tombstones_do_not_fill_the_index),
        TEST(test_what_is_reserved_needs_no_growth),
        TEST(test_room_that_cannot_be_had_changes_nothing),
        TEST(test_families_and_subjects_are_revoked),
        TEST(test_expired_revocations_make_room),
        TEST(test_five_thousand_live_revocations_all_hold),
        TEST(test_opening_again_asks_for_a_rebuild_when_something_is_off),
        TEST(test_a_rebuild_shows_all_at_once),
        TEST(test_a_full_disk_is_an_error_and_loses_nothing),
        TEST(test_a_missing_index_is_not_found),
        TEST(test_a_damaged_header_is_refused),
        TEST(test_a_damaged_copy_falls_back_to_the_older_one),
        TEST(test_a_half_written_slot_is_seen_as_before),
        TEST(test_a_reader_keeps_the_old_file_while_there_is_no_new_one),
        TEST(test_the_next_writer_marks_what_a_killed_one_replaced),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
