/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_MODEL_INDEX_FORMAT_H
#define MLS_SCORING_MODEL_INDEX_FORMAT_H

/**
 * The bytes of the mapped index, private to model_index*.c. The words are those
 * of the machine: the file does not travel. docs/internals/index.md tells the
 * same as prose, and why a reader never waits.
 *
 *   header (one page) | service slots | revocation slots
 */

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <apr_pools.h>

#include "base/err.h"
#include "base/hash.h"

#if ATOMIC_LLONG_LOCK_FREE != 2
#error "the mapped index needs lock-free 64-bit atomics"
#endif

typedef _Atomic uint64_t index_word;

enum {
    INDEX_WORDS = 8, /* what one copy of a slot holds */
    INDEX_STATE_ID = 40,
    INDEX_HEADER_SIZE = 4096,
    INDEX_CAPACITY_MIN = 1024,
    INDEX_CAPACITY_MAX = 1 << 24,
    INDEX_VERSION = 1
};

/** Reads "MLSINDEX" in a little-endian file; also tells the byte order. */
#define INDEX_MAGIC UINT64_C(0x5845444e49534c4d)

/** One slot: two copies of eight words. A sequence is 0 (never written), odd
 *  (being written) or even (whole). Copy 0 is written first and the writer
 *  always takes the older copy, so a slot is empty while sequence[0] is 0, and
 *  after the first write at least one copy is whole. */
typedef struct index_slot {
    index_word sequence[2];
    index_word checksum[2];
    index_word unused[4];
    index_word copy[2][INDEX_WORDS];
} index_slot;

/** What is fixed when the file is made, and the two things that change. */
typedef struct index_header {
    uint64_t magic;
    uint32_t version;
    uint32_t slot_size;
    char state_id[INDEX_STATE_ID];
    unsigned char hash_key[MLS_SIPHASH_KEY];
    unsigned char boot_id[16];
    uint64_t services;    /* slots; a power of two */
    uint64_t revocations; /* slots; a power of two */
    uint64_t checksum;    /* of the bytes before */
    index_word superseded; /* nonzero: a newer file has this name */
    _Alignas(64) index_slot totals; /* words: see INDEX_TOTAL_ */
} index_header;

static_assert(sizeof(index_slot) == 192, "three cache lines");
static_assert(sizeof(index_header) <= INDEX_HEADER_SIZE, "one page");
static_assert(offsetof(index_header, checksum) == 104, "no padding");

/** Words of header.totals. */
enum { INDEX_TOTAL_GENERATION, INDEX_TOTAL_SERVICES };

/** Words of a service slot: key (2), image (4), generation, flags and owner
 *  (low and high half). Flags 0: deleted. */
enum { INDEX_SERVICE_IMAGE = 2, INDEX_SERVICE_GENERATION = 6,
       INDEX_SERVICE_FLAGS = 7 };

/** Words of a revocation slot: key (2), kind, not before, expiry. */
enum { INDEX_REVOKED_KIND = 2, INDEX_REVOKED_NOT_BEFORE,
       INDEX_REVOKED_EXPIRES };
enum { INDEX_KIND_FAMILY = 1, INDEX_KIND_SUBJECT = 2 };

/** A slot's contents as read. */
typedef struct index_record {
    uint64_t word[INDEX_WORDS];
} index_record;

/** A file in memory. */
typedef struct index_file {
    index_header *header; /* the mapping; read-only for readers */
    size_t size;
    index_slot *services;
    index_slot *revocations;
    uint64_t service_slots, revocation_slots; /* as checked when opened */
    uint64_t key_id; /* tells hash keys apart */
    uint64_t device, inode;
} index_file;

typedef enum index_state {
    INDEX_SLOT_EMPTY, /* never used: a search may stop */
    INDEX_SLOT_BAD,   /* used, but no copy is whole */
    INDEX_SLOT_WHOLE
} index_state;

/** Read the newest whole copy. `clean`, when not NULL, is set to 0 when a copy
 *  is half written or damaged. Never waits. */
index_state mls_index_slot_read(index_record *out, const index_slot *slot,
                            uint64_t place, int *clean);

/** Sum over a copy; `place` is the slot's number, so that a copy in the wrong
 *  place is not whole either. */
uint64_t mls_index_checksum(const index_record *record, uint64_t sequence,
                        uint64_t place);

/** Slot numbers for mls_index_checksum: services, then revocations from 2^32,
 *  then the totals. */
#define INDEX_PLACE_REVOCATIONS (UINT64_C(1) << 32)
#define INDEX_PLACE_TOTALS (UINT64_C(1) << 33)

/** Where a search for a key begins. */
static inline uint64_t index_start(const uint64_t key[2], uint64_t kind,
                                   uint64_t capacity)
{
    return (key[0] ^ kind * UINT64_C(0x9e3779b97f4a7c15)) & (capacity - 1);
}

/** Map an existing file, checking header and size. MLS_ENOTFOUND,
 *  MLS_ECORRUPT. The caller closes it. */
mls_err *mls_index_file_open(index_file *out, const char *path, int writable,
                         apr_pool_t *pool);

/** Make `path`, which must not exist, with its space allocated: a header and
 *  empty slots. MLS_ENOSPACE. */
mls_err *mls_index_file_create(index_file *out, const char *path,
                           const char *state_id,
                           const unsigned char hash_key[MLS_SIPHASH_KEY],
                           uint64_t services, uint64_t revocations,
                           apr_pool_t *pool);
void mls_index_file_close(index_file *file);

/** Find a service (kind 0) or revocation by key; 1 and *out when there. */
int mls_index_file_find(index_record *out, const index_file *file,
                    const uint64_t key[2], uint64_t kind);

/** Generation and number of services. */
uint64_t mls_index_file_total(const index_file *file, int which);

/** The running kernel's boot, zero when it cannot be told. */
void mls_index_boot_id(unsigned char out[16]);

#endif
