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
#include "scoring/model_index_format.h"

#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"
#endif

/* Tests count the steps at which a kill could hit, by defining this. */
#ifndef MLS_INDEX_STEP
#define MLS_INDEX_STEP() ((void)0)
#endif

/* A file being written and what is in it. */
typedef struct table {
    index_file file;
    uint64_t generation;
    uint64_t services; /* versions that are there */
    uint64_t used[2];  /* slots that are not empty: services, revocations */
} table;

struct mls_index_writer {
    const char *path, *new_path, *old_path;
    const char *spare_path; /* a rebuild that outgrows its first file */
    const char *state_id;
    unsigned char hash_key[MLS_SIPHASH_KEY];
    table current; /* file.header is NULL when there is none */
    table pending; /* the same, between begin and commit of a rebuild */
};

/* ---- slots ---- */

static void store(index_word *word, uint64_t value, memory_order order)
{
    atomic_store_explicit(word, value, order);
    MLS_INDEX_STEP();
}

static int is_whole(uint64_t sequence)
{
    return sequence != 0 && (sequence & 1) == 0;
}

static void write_slot(index_slot *slot, uint64_t place,
                       const index_record *record)
{
    const uint64_t s[2] = {
        atomic_load_explicit(&slot->sequence[0], memory_order_relaxed),
        atomic_load_explicit(&slot->sequence[1], memory_order_relaxed)
    };
    const uint64_t highest = s[0] > s[1] ? s[0] : s[1];
    const uint64_t next = highest == 0 ? 2 : (highest | 1) + 1;
    const int older = is_whole(s[0]) && (!is_whole(s[1]) || s[1] < s[0]);

    store(&slot->sequence[older], next - 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (int i = 0; i < INDEX_WORDS; i++) {
        store(&slot->copy[older][i], record->word[i], memory_order_relaxed);
    }
    store(&slot->checksum[older], index_checksum(record, next, place),
          memory_order_relaxed);
    store(&slot->sequence[older], next, memory_order_release);
}

static void write_totals(table *t)
{
    index_record totals = { { 0 } };

    totals.word[INDEX_TOTAL_GENERATION] = t->generation;
    totals.word[INDEX_TOTAL_SERVICES] = t->services;
    write_slot(&t->file.header->totals, INDEX_PLACE_TOTALS, &totals);
}

/* Nobody needs the entry any more: another key may have its slot. */
static int is_free(const index_record *record, uint64_t kind, int64_t now)
{
    if (kind == 0) {
        return (uint32_t)record->word[INDEX_SERVICE_FLAGS] == 0;
    }
    return (int64_t)record->word[INDEX_REVOKED_EXPIRES] < now;
}

typedef enum found { FOUND_NOTHING, FOUND_SAME, FOUND_FREE, FOUND_EMPTY } found;

/* Where the entry of a key is, or where it would go: the first slot of its
 * chain that is free, else the empty one at the end. */
static found locate(uint64_t *place, index_record *record, const table *t,
                    const uint64_t key[2], uint64_t kind, int64_t now)
{
    const index_slot *slots = kind ? t->file.revocations : t->file.services;
    const uint64_t capacity = kind ? t->file.revocation_slots
                                   : t->file.service_slots;
    const uint64_t base = kind ? INDEX_PLACE_REVOCATIONS : 0;
    uint64_t at = index_start(key, kind, capacity);
    found best = FOUND_NOTHING;

    for (uint64_t probes = 0; probes < capacity; probes++) {
        const index_state state = index_slot_read(record, &slots[at],
                                                  base + at, NULL);
        if (state == INDEX_SLOT_EMPTY) {
            if (best == FOUND_NOTHING) {
                *place = at;
                best = FOUND_EMPTY;
            }
            return best;
        }
        if (state == INDEX_SLOT_WHOLE && record->word[0] == key[0]
            && record->word[1] == key[1]
            && (!kind || record->word[INDEX_REVOKED_KIND] == kind)) {
            *place = at;
            return FOUND_SAME;
        }
        if (state == INDEX_SLOT_WHOLE && best == FOUND_NOTHING
            && is_free(record, kind, now)) {
            *place = at;
            best = FOUND_FREE;
        }
        at = (at + 1) & (capacity - 1);
    }
    return best;
}

static void write_place(table *t, uint64_t place, uint64_t kind,
                        const index_record *record)
{
    if (kind) {
        write_slot(&t->file.revocations[place],
                   INDEX_PLACE_REVOCATIONS + place, record);
    }
    else {
        write_slot(&t->file.services[place], place, record);
    }
}

/* ---- whole files ---- */

/* Read every slot: fills in what is used; 0 when something is damaged, was
 * under way, or the number of versions is not what the totals say. */
static int scan(table *t)
{
    const index_file *file = &t->file;
    const uint64_t all = file->service_slots + file->revocation_slots;
    index_record record;
    int clean = 1;

    t->services = t->used[0] = t->used[1] = 0;
    for (uint64_t i = 0; i < all; i++) {
        const int revocation = i >= file->service_slots;
        const uint64_t place = revocation ? INDEX_PLACE_REVOCATIONS + i
                                                - file->service_slots
                                          : i;
        const index_state state = index_slot_read(&record,
                                                  &file->services[i], place,
                                                  &clean);
        if (state != INDEX_SLOT_EMPTY) {
            t->used[revocation]++;
        }
        if (state == INDEX_SLOT_WHOLE && !revocation) {
            t->services += (uint32_t)record.word[INDEX_SERVICE_FLAGS] != 0;
        }
    }
    if (index_slot_read(&record, &file->header->totals, INDEX_PLACE_TOTALS,
                        &clean) != INDEX_SLOT_WHOLE) {
        return 0;
    }
    t->generation = record.word[INDEX_TOTAL_GENERATION];
    return clean && t->services == record.word[INDEX_TOTAL_SERVICES];
}

static void mark_superseded(index_header *header)
{
    store(&header->superseded, 1, memory_order_release);
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

static mls_err *make_file(table *out, const mls_index_writer *writer,
                          const char *path, uint64_t services,
                          uint64_t revocations, apr_pool_t *scratch)
{
    memset(out, 0, sizeof(*out));
    unlink(path);
    MLS_TRY(index_file_create(&out->file, path, writer->state_id,
                              writer->hash_key, services, revocations,
                              scratch));
    MLS_INDEX_STEP();
    write_totals(out);
    return NULL;
}

/* Steps 2 to 5 of the file comment; the new file becomes the current one. */
static mls_err *replace_file(mls_index_writer *writer, table *next,
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
    index_file_close(&writer->current.file);
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

static uint64_t entries_to_keep(const table *t, int revocations, int64_t now)
{
    const index_slot *slots = revocations ? t->file.revocations
                                          : t->file.services;
    const uint64_t capacity = revocations ? t->file.revocation_slots
                                          : t->file.service_slots;
    const uint64_t base = revocations ? INDEX_PLACE_REVOCATIONS : 0;
    uint64_t count = 0;

    for (uint64_t i = 0; i < capacity; i++) {
        index_record record;
        count += index_slot_read(&record, &slots[i], base + i, NULL)
                     == INDEX_SLOT_WHOLE
                 && !is_free(&record, (uint64_t)revocations, now);
    }
    return count;
}

/* Copy what is still needed into a new table, which has room for it. */
static void copy_entries(table *to, const table *from, int revocations,
                         int64_t now)
{
    const index_slot *slots = revocations ? from->file.revocations
                                          : from->file.services;
    const uint64_t capacity = revocations ? from->file.revocation_slots
                                          : from->file.service_slots;
    const uint64_t base = revocations ? INDEX_PLACE_REVOCATIONS : 0;

    for (uint64_t i = 0; i < capacity; i++) {
        index_record record, unused;
        uint64_t place;
        if (index_slot_read(&record, &slots[i], base + i, NULL)
                != INDEX_SLOT_WHOLE
            || is_free(&record, (uint64_t)revocations, now)) {
            continue;
        }
        const uint64_t kind = revocations ? record.word[INDEX_REVOKED_KIND]
                                          : 0;
        if (locate(&place, &unused, to, record.word, kind, now)
            == FOUND_EMPTY) {
            write_place(to, place, kind, &record);
            to->used[revocations]++;
        }
    }
}

/* Into a new file with room for so many more versions and revocations. */
static mls_err *grow(mls_index_writer *writer, table *t,
                     const unsigned more[2], apr_pool_t *scratch)
{
    const int64_t now = (int64_t)time(NULL);
    const int is_pending = t == &writer->pending;
    const char *path = is_pending ? writer->spare_path : writer->new_path;
    table bigger;

    MLS_TRY(make_file(&bigger, writer, path,
                      capacity_for(entries_to_keep(t, 0, now) + more[0]),
                      capacity_for(entries_to_keep(t, 1, now) + more[1]),
                      scratch));
    copy_entries(&bigger, t, 0, now);
    copy_entries(&bigger, t, 1, now);
    bigger.services = t->services;
    bigger.generation = t->generation;
    write_totals(&bigger);
    mls_err *err = NULL;
    if (!is_pending) {
        err = replace_file(writer, &bigger, scratch);
    }
    else if (rename(path, writer->new_path) != 0) {
        err = mls_err_apr(scratch, errno, "cannot rename %s", path);
    }
    else {
        index_file_close(&t->file);
        *t = bigger;
    }
    if (err) {
        index_file_close(&bigger.file);
        unlink(path);
    }
    return err;
}

/* Half full is full; when there is no space for a bigger file, seven eighths
 * have to do. */
static mls_err *make_room(mls_index_writer *writer, table *t, int revocations,
                          const unsigned more[2], apr_pool_t *scratch)
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

static table *target(mls_index_writer *writer)
{
    return writer->pending.file.header ? &writer->pending : &writer->current;
}

static apr_status_t close_writer(void *baton)
{
    mls_index_writer *writer = baton;

    if (writer->pending.file.header) {
        index_file_close(&writer->pending.file);
        unlink(writer->new_path);
    }
    index_file_close(&writer->current.file);
    return APR_SUCCESS;
}

/* A file of this state, whole, of this boot (after a power cut pages may be of
 * different times without any checksum telling) and of this generation. */
static int is_good(table *t, const char *state_id, uint64_t generation)
{
    static const unsigned char unknown[16];
    unsigned char boot_id[16];

    index_boot_id(boot_id);
    return strcmp(t->file.header->state_id, state_id) == 0
           && memcmp(boot_id, unknown, sizeof(boot_id)) != 0
           && memcmp(boot_id, t->file.header->boot_id, sizeof(boot_id)) == 0
           && scan(t) && t->generation == generation;
}

mls_err *mls_index_writer_open(mls_index_writer **out, const char *path,
                               const char *state_id, uint64_t generation,
                               int *rebuild, apr_pool_t *pool)
{
    mls_index_writer *writer = apr_pcalloc(pool, sizeof(*writer));
    table *current = &writer->current;

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

    mls_err *err = index_file_open(&current->file, path, 1, pool);
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
    table *t = target(writer);
    uint64_t place = 0;
    found where = locate(&place, previous, t, record->word, kind, now);

    if (where == FOUND_NOTHING || where == FOUND_EMPTY) {
        static const unsigned one[2] = { 1, 1 };
        MLS_TRY(make_room(writer, t, kind != 0, one, scratch));
        where = locate(&place, previous, t, record->word, kind, now);
    }
    if (where == FOUND_NOTHING) {
        return mls_err_make(scratch, MLS_ENOSPACE, NULL,
                            "the index %s is full", writer->path);
    }
    if (where != FOUND_SAME) {
        memset(previous, 0, sizeof(*previous));
    }
    t->used[kind != 0] += where == FOUND_EMPTY;
    write_place(t, place, kind, record);
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

static void raise_generation(table *t, uint64_t generation)
{
    if (generation > t->generation) {
        t->generation = generation;
    }
    write_totals(t);
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
    table *t = target(writer); /* after put: it may have grown */
    t->services += (uint32_t)previous.word[INDEX_SERVICE_FLAGS] == 0;
    raise_generation(t, entry->generation);
    return NULL;
}

mls_err *mls_index_writer_delete(mls_index_writer *writer, const char *name,
                                 const char *version, uint64_t generation,
                                 apr_pool_t *scratch)
{
    table *t = target(writer);
    index_record record, previous;
    uint64_t place;

    service_key(&record, writer, name, version);
    record.word[INDEX_SERVICE_GENERATION] = generation;
    if (locate(&place, &previous, t, record.word, 0, 0) == FOUND_SAME
        && (uint32_t)previous.word[INDEX_SERVICE_FLAGS] != 0) {
        write_place(t, place, 0, &record);
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
    if (locate(&place, &old, target(writer), record.word, kind, now)
            == FOUND_SAME
        && !is_free(&old, kind, now)) {
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
    index_file_close(&writer->pending.file);
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
    write_totals(&writer->pending);
    return replace_file(writer, &writer->pending, scratch);
}
