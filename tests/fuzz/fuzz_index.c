/* SPDX-License-Identifier: Apache-2.0 */
/* The mapped index as a file that anything may have happened to.
 *
 * The first byte: bit 0 mends the header's checksum and boot, so that the
 * search gets behind them; bit 1 opens it for writing too. The file's source is
 * included for its checksum. */

#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "scoring/model_index.h"
#include "scoring/model_index_file.c"

#define STATE_ID "0f8fad5b-d9cb-469f-a165-70867728950e"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
    if (!good) {
        abort();
    }
}

static int write_file(const char *path, const uint8_t *data, size_t size)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int good = fd >= 0 && write(fd, data, size) == (ssize_t)size;

    if (fd >= 0) {
        close(fd);
    }
    return good;
}

static void mend(uint8_t *bytes)
{
    index_header *header = (index_header *)bytes;

    header->magic = INDEX_MAGIC;
    header->version = INDEX_VERSION;
    header->slot_size = sizeof(index_slot);
    mls_index_boot_id(header->boot_id);
    header->checksum = header_checksum(header);
}

static void look_around(const char *path, mls_epochs *epochs,
                        apr_pool_t *pool)
{
    unsigned char subject[MLS_INDEX_KEY];
    const unsigned char family[MLS_INDEX_FAMILY] = { 1 };
    mls_index_entry entry;
    mls_index *index;

    if (mls_index_open(&index, path, epochs, pool)) {
        return;
    }
    const int ticket = mls_epoch_enter(epochs);
    must(strlen(mls_index_state_id(index)) < INDEX_STATE_ID);
    mls_index_subject(index, "file", "ann", subject);
    mls_index_revoked(index, family, subject, 1);
    if (mls_index_find(index, "churn", 5, "1.0", 3, &entry)) {
        must(entry.flags != 0);
        must(mls_index_is_current(index, entry.key, entry.generation));
    }
    mls_index_count(index);
    mls_index_generation(index);
    mls_epoch_leave(epochs, ticket);
}

static int find_generation(const char *path, mls_epochs *epochs,
                           uint64_t *generation, apr_pool_t *pool)
{
    mls_index_entry entry;
    mls_index *index;

    must(mls_index_open(&index, path, epochs, pool) == NULL);
    const int ticket = mls_epoch_enter(epochs);
    const int there = mls_index_find(index, "churn", 5, "1.0", 3, &entry);
    *generation = entry.generation;
    mls_epoch_leave(epochs, ticket);
    return there;
}

/* Whatever the file was: after the rebuild that the writer asks for, or when
 * it asks for none, what is put is found. */
static void write_to_it(const char *path, uint64_t generation,
                        mls_epochs *epochs, apr_pool_t *pool)
{
    const mls_index_entry entry = { .generation = generation + 1,
                                    .flags = MLS_INDEX_REALTIME };
    mls_index_writer *writer;
    uint64_t seen;
    int rebuild = 0;

    must(mls_index_writer_open(&writer, path, STATE_ID, generation, &rebuild,
                               pool) == NULL);
    if (rebuild) {
        must(mls_index_writer_begin_rebuild(writer, pool) == NULL);
        must(mls_index_writer_commit_rebuild(writer, generation, pool)
             == NULL);
    }
    if (mls_index_writer_put(writer, "churn", "1.0", &entry, pool)) {
        return; /* full of what is still needed */
    }
    must(find_generation(path, epochs, &seen, pool) && seen == generation + 1);
    must(mls_index_writer_delete(writer, "churn", "1.0", generation + 2, pool)
         == NULL);
    must(!find_generation(path, epochs, &seen, pool));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int initialized;
    static char path[64];
    apr_pool_t *pool;
    mls_epochs *epochs;
    uint64_t generation = 0;

    if (!initialized) {
        initialized = 1;
        apr_initialize();
        snprintf(path, sizeof(path), "/tmp/fuzz-index-%ld", (long)getpid());
    }
    if (size < 1 || size > 1 << 20 || apr_pool_create(&pool, NULL)) {
        return 0;
    }
    must(mls_epochs_create(&epochs, 2, pool) == NULL);
    /* Aligned as a mapped file is. */
    uint8_t *block = apr_palloc(pool, size + 64);
    uint8_t *bytes = block + (64 - (uintptr_t)block % 64) % 64;
    memcpy(bytes, data + 1, size - 1);
    const size_t length = size - 1;
    if ((data[0] & 1) && length >= INDEX_HEADER_SIZE) {
        mend(bytes);
    }
    unlink(path);
    if (write_file(path, bytes, length)) {
        look_around(path, epochs, pool);
        if (data[0] & 2) {
            index_file file;
            if (!mls_index_file_open(&file, path, 0, pool)) {
                generation = mls_index_file_total(&file, INDEX_TOTAL_GENERATION)
                             & 0xffffffffu;
                mls_index_file_close(&file);
            }
            write_to_it(path, generation, epochs, pool);
        }
    }
    unlink(path);
    apr_pool_destroy(pool);
    unlink(path);
    return 0;
}
