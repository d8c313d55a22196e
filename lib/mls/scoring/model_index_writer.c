/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of the mapped index. It may be killed at any store: every step
 * leaves either the old or the new contents for readers, and what a later
 * writer needs to notice that something was under way.
 *
 * Replacing the file (growth, rebuild):
 *   1. make PATH.new whole; 2. link PATH to PATH.old; 3. rename PATH.new to
 *   PATH; 4. mark the old file superseded; 5. unlink PATH.old.
 * Killed between 3 and 4, readers stay on the old file; PATH.old lets the next
 * writer find and mark it. */

#include "scoring/model_index.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "base/hash.h"
#include "base/ident.h"
#include "scoring/model_index_table.h"

struct mls_index_writer {
    const char *path, *new_path, *old_path;
    const char *spare_path; /* a rebuild that outgrows its first file */
    const char *state_id;
    unsigned char hash_key[MLS_SIPHASH_KEY];
    index_table current; /* file.header is NULL when there is none */
    index_table pending; /* the same, between begin and commit of a rebuild */
};

/* ---- whole files ---- */

static void mark_superseded(index_header *header)
{
    atomic_store_explicit(&header->superseded, 1, memory_order_release);
    MLS_INDEX_STEP();
}

/* The same for a file that is not mapped, whatever is wrong with it. */
static void mark_superseded_path(const char *path)
{
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    struct stat st;

    if (fd < 0) {
        return;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
        && st.st_size >= INDEX_HEADER_SIZE) {
        void *page = mmap(NULL, INDEX_HEADER_SIZE, PROT_READ | PROT_WRITE,
                          MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            mark_superseded(page);
            munmap(page, INDEX_HEADER_SIZE);
        }
    }
    close(fd);
}

/* What a killed writer left. */
static void settle_leftovers(mls_index_writer *writer)
{
    struct stat now, old;

    unlink(writer->new_path);
    unlink(writer->spare_path);
    if (stat(writer->old_path, &old) != 0) {
        return;
    }
    if (stat(writer->path, &now) != 0 || now.st_ino != old.st_ino
        || now.st_dev != old.st_dev) {
        mark_superseded_path(writer->old_path);
    }
    unlink(writer->old_path);
}

static mls_err *make_file(index_table *out, const mls_index_writer *writer,
                          const char *path, uint64_t services,
                          uint64_t revocations, apr_pool_t *scratch)
{
    memset(out, 0, sizeof(*out));
    unlink(path);
    MLS_TRY(mls_index_file_create(&out->file, path, writer->state_id,
                              writer->hash_key, services, revocations,
                              scratch));
    MLS_INDEX_STEP();
    mls_index_table_write_totals(out);
    return NULL;
}

/* Steps 2 to 5 of the file comment; the new file becomes the current one. */
static mls_err *replace_file(mls_index_writer *writer, index_table *next,
                             apr_pool_t *scratch)
{
    unlink(writer->old_path);
    /* Without a link (no file yet, or a file system without links) only the
     * short time until step 4 is not covered. */
    const int linked = link(writer->path, writer->old_path) == 0;
    MLS_INDEX_STEP();
    if (rename(writer->new_path, writer->path) != 0) {
        const int status = errno;
        unlink(writer->old_path);
        return mls_err_apr(scratch, status, "cannot rename %s to %s",
                           writer->new_path, writer->path);
    }
    MLS_INDEX_STEP();
    if (writer->current.file.header) {
        mark_superseded(writer->current.file.header);
    }
    else if (linked) {
        mark_superseded_path(writer->old_path);
    }
    unlink(writer->old_path);
    MLS_INDEX_STEP();
    mls_index_file_close(&writer->current.file);
    writer->current = *next;
    memset(next, 0, sizeof(*next));
    return NULL;
}

/* ---- growth ---- */

/* A quarter full, so that doubling is rare. */
static uint64_t capacity_for(uint64_t entries)
{
    uint64_t capacity = INDEX_CAPACITY_MIN;

    while (capacity < 4 * entries && capacity <= INDEX_CAPACITY_MAX) {
        capacity *= 2;
    }
    return capacity;
}

/* Into a new file with room for so many more versions and revocations. */
static mls_err *grow(mls_index_writer *writer, index_table *t,
                     const unsigned more[2], apr_pool_t *scratch)
{
    const int64_t now = (int64_t)time(NULL);
    const int is_pending = t == &writer->pending;
    const char *path = is_pending ? writer->spare_path : writer->new_path;
    index_table bigger;

    MLS_TRY(make_file(&bigger, writer, path,
                      capacity_for(mls_index_table_count(t, 0, now) + more[0]),
                      capacity_for(mls_index_table_count(t, 1, now) + more[1]),
                      scratch));
    mls_index_table_copy(&bigger, t, 0, now);
    mls_index_table_copy(&bigger, t, 1, now);
    bigger.services = t->services;
    bigger.generation = t->generation;
    mls_index_table_write_totals(&bigger);
    mls_err *err = NULL;
    if (!is_pending) {
        err = replace_file(writer, &bigger, scratch);
    }
    else if (rename(path, writer->new_path) != 0) {
        err = mls_err_apr(scratch, errno, "cannot rename %s", path);
    }
    else {
        mls_index_file_close(&t->file);
        *t = bigger;
    }
    if (err) {
        mls_index_file_close(&bigger.file);
        unlink(path);
    }
    return err;
}

/* Half full is full; when there is no space for a bigger file, seven eighths
 * have to do. */
static mls_err *make_room(mls_index_writer *writer, index_table *t,
                          int revocations, const unsigned more[2],
                          apr_pool_t *scratch)
{
    const uint64_t capacity = revocations ? t->file.revocation_slots
                                          : t->file.service_slots;
    const uint64_t wanted = t->used[revocations] + more[revocations];

    if (2 * wanted <= capacity) {
        return NULL;
    }
    mls_err *err = grow(writer, t, more, scratch);
    if (err && 8 * wanted <= 7 * capacity) {
        return NULL;
    }
    return err;
}

/* ---- the interface ---- */

static index_table *target(mls_index_writer *writer)
{
    return writer->pending.file.header ? &writer->pending : &writer->current;
}

static apr_status_t close_writer(void *baton)
{
    mls_index_writer *writer = baton;

    if (writer->pending.file.header) {
        mls_index_file_close(&writer->pending.file);
        unlink(writer->new_path);
    }
    mls_index_file_close(&writer->current.file);
    return APR_SUCCESS;
}

/* A file of this state, whole, of this boot (after a power cut pages may be of
 * different times without any checksum telling) and of this generation. */
static int is_good(index_table *t, const char *state_id, uint64_t generation)
{
    static const unsigned char unknown[16];
    unsigned char boot_id[16];

    mls_index_boot_id(boot_id);
    return strcmp(t->file.header->state_id, state_id) == 0
           && memcmp(boot_id, unknown, sizeof(boot_id)) != 0
           && memcmp(boot_id, t->file.header->boot_id, sizeof(boot_id)) == 0
           && mls_index_table_scan(t) && t->generation == generation;
}

mls_err *mls_index_writer_open(mls_index_writer **out, const char *path,
                               const char *state_id, uint64_t generation,
                               int *rebuild, apr_pool_t *pool)
{
    mls_index_writer *writer = apr_pcalloc(pool, sizeof(*writer));
    index_table *current = &writer->current;

    if (strlen(state_id) >= INDEX_STATE_ID) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "a state's id has at most %d characters",
                            INDEX_STATE_ID - 1);
    }
    writer->path = apr_pstrdup(pool, path);
    writer->new_path = apr_pstrcat(pool, path, ".new", NULL);
    writer->old_path = apr_pstrcat(pool, path, ".old", NULL);
    writer->spare_path = apr_pstrcat(pool, path, ".spare", NULL);
    writer->state_id = apr_pstrdup(pool, state_id);
    settle_leftovers(writer);

    mls_err *err = mls_index_file_open(&current->file, path, 1, pool);
    if (err && err->code != MLS_ENOTFOUND && err->code != MLS_ECORRUPT) {
        return err;
    }
    apr_pool_cleanup_register(pool, writer, close_writer,
                              apr_pool_cleanup_null);
    if (!err && strcmp(current->file.header->state_id, state_id) == 0) {
        /* Kept over rebuilds, so that readers' hashes stay good. */
        memcpy(writer->hash_key, current->file.header->hash_key,
               MLS_SIPHASH_KEY);
    }
    else {
        MLS_TRY(mls_random_bytes(writer->hash_key, MLS_SIPHASH_KEY, pool));
    }
    *rebuild = err || !is_good(current, state_id, generation);
    if (err) {
        MLS_TRY(mls_index_writer_begin_rebuild(writer, pool));
    }
    *out = writer;
    return NULL;
}

mls_err *mls_index_writer_reserve(mls_index_writer *writer, unsigned versions,
                                  unsigned revocations, apr_pool_t *scratch)
{
    const unsigned more[2] = { versions, revocations };

    MLS_TRY(make_room(writer, target(writer), 0, more, scratch));
    return make_room(writer, target(writer), 1, more, scratch);
}

/* Put a record under its key, in a slot of its own, a free or an empty one.
 * *previous is what the key had; its flags (word 7) are 0 when nothing. */
static mls_err *put(mls_index_writer *writer, const index_record *record,
                    uint64_t kind, index_record *previous,
                    apr_pool_t *scratch)
{
    const int64_t now = (int64_t)time(NULL);
    index_table *t = target(writer);
    uint64_t place = 0;
    index_found where = mls_index_table_locate(&place, previous, t,
                                               record->word, kind, now);

    if (where == INDEX_FOUND_NOTHING || where == INDEX_FOUND_EMPTY) {
        static const unsigned one[2] = { 1, 1 };
        MLS_TRY(make_room(writer, t, kind != 0, one, scratch));
        where = mls_index_table_locate(&place, previous, t, record->word,
                                       kind, now);
    }
    if (where == INDEX_FOUND_NOTHING) {
        return mls_err_make(scratch, MLS_ENOSPACE, NULL,
                            "the index %s is full", writer->path);
    }
    if (where != INDEX_FOUND_SAME) {
        memset(previous, 0, sizeof(*previous));
    }
    t->used[kind != 0] += where == INDEX_FOUND_EMPTY;
    mls_index_table_write(t, place, kind, record);
    return NULL;
}

static void service_key(index_record *record, const mls_index_writer *writer,
                        const char *name, const char *version)
{
    unsigned char key[MLS_INDEX_KEY];

    mls_siphash128_pair(writer->hash_key, name, strlen(name), version,
                        strlen(version), key);
    memset(record, 0, sizeof(*record));
    memcpy(record->word, key, sizeof(key));
}

static void raise_generation(index_table *t, uint64_t generation)
{
    if (generation > t->generation) {
        t->generation = generation;
    }
    mls_index_table_write_totals(t);
}

mls_err *mls_index_writer_put(mls_index_writer *writer, const char *name,
                              const char *version,
                              const mls_index_entry *entry,
                              apr_pool_t *scratch)
{
    index_record record, previous;

    if (entry->flags == 0) {
        return mls_err_make(scratch, MLS_EINVALID, NULL,
                            "an index entry without flags");
    }
    service_key(&record, writer, name, version);
    memcpy(&record.word[INDEX_SERVICE_IMAGE], entry->image, MLS_INDEX_DIGEST);
    record.word[INDEX_SERVICE_GENERATION] = entry->generation;
    record.word[INDEX_SERVICE_FLAGS] = (uint64_t)entry->owner << 32
                                       | entry->flags;
    MLS_TRY(put(writer, &record, 0, &previous, scratch));
    index_table *t = target(writer); /* after put: it may have grown */
    t->services += (uint32_t)previous.word[INDEX_SERVICE_FLAGS] == 0;
    raise_generation(t, entry->generation);
    return NULL;
}

mls_err *mls_index_writer_delete(mls_index_writer *writer, const char *name,
                                 const char *version, uint64_t generation,
                                 apr_pool_t *scratch)
{
    index_table *t = target(writer);
    index_record record, previous;
    uint64_t place;

    service_key(&record, writer, name, version);
    record.word[INDEX_SERVICE_GENERATION] = generation;
    if (mls_index_table_locate(&place, &previous, t, record.word, 0, 0)
            == INDEX_FOUND_SAME
        && (uint32_t)previous.word[INDEX_SERVICE_FLAGS] != 0) {
        mls_index_table_write(t, place, 0, &record);
        t->services--;
    }
    raise_generation(t, generation);
    return NULL;
}

static mls_err *add_revocation(mls_index_writer *writer,
                               const unsigned char *key, uint64_t kind,
                               int64_t not_before, int64_t expires,
                               apr_pool_t *scratch)
{
    const int64_t now = (int64_t)time(NULL);
    index_record record = { { 0 } }, old;
    uint64_t place;

    memcpy(record.word, key, MLS_INDEX_KEY);
    /* Never take back what an earlier revocation said. */
    if (mls_index_table_locate(&place, &old, target(writer), record.word,
                               kind, now)
            == INDEX_FOUND_SAME
        && !mls_index_is_free(&old, kind, now)) {
        const int64_t before = (int64_t)old.word[INDEX_REVOKED_NOT_BEFORE];
        const int64_t until = (int64_t)old.word[INDEX_REVOKED_EXPIRES];
        not_before = before > not_before ? before : not_before;
        expires = until > expires ? until : expires;
    }
    record.word[INDEX_REVOKED_KIND] = kind;
    record.word[INDEX_REVOKED_NOT_BEFORE] = (uint64_t)not_before;
    record.word[INDEX_REVOKED_EXPIRES] = (uint64_t)expires;
    return put(writer, &record, kind, &old, scratch);
}

mls_err *mls_index_writer_revoke_family(
    mls_index_writer *writer, const unsigned char family[MLS_INDEX_FAMILY],
    int64_t expires, apr_pool_t *scratch)
{
    return add_revocation(writer, family, INDEX_KIND_FAMILY, 0, expires,
                          scratch);
}

mls_err *mls_index_writer_revoke_subject(mls_index_writer *writer,
                                         const char *provider,
                                         const char *name, int64_t not_before,
                                         int64_t expires, apr_pool_t *scratch)
{
    unsigned char key[MLS_INDEX_KEY];

    mls_siphash128_pair(writer->hash_key, provider, strlen(provider), name,
                        strlen(name), key);
    return add_revocation(writer, key, INDEX_KIND_SUBJECT, not_before,
                          expires, scratch);
}

mls_err *mls_index_writer_begin_rebuild(mls_index_writer *writer,
                                        apr_pool_t *scratch)
{
    mls_index_file_close(&writer->pending.file);
    return make_file(&writer->pending, writer, writer->new_path,
                     INDEX_CAPACITY_MIN, INDEX_CAPACITY_MIN, scratch);
}

mls_err *mls_index_writer_commit_rebuild(mls_index_writer *writer,
                                         uint64_t generation,
                                         apr_pool_t *scratch)
{
    if (!writer->pending.file.header) {
        return mls_err_make(scratch, MLS_EINVALID, NULL,
                            "no rebuild of the index was begun");
    }
    writer->pending.generation = generation;
    mls_index_table_write_totals(&writer->pending);
    return replace_file(writer, &writer->pending, scratch);
}
