/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_MODEL_INDEX_H
#define MLS_SCORING_MODEL_INDEX_H

/**
 * The mapped index: (service, version) -> image, generation; and what is
 * revoked. One writer (the registry owner), any number of readers that take no
 * lock, make no system call and never wait. docs/internals/index.md has the
 * bytes and the proof.
 *
 * A slot holds two copies, each with sequence and checksum; a reader takes the
 * newest valid one. The file only ever grows by a new file that is renamed
 * over the old one, whose header is then marked superseded.
 */

#include <stdint.h>

#include <apr_pools.h>
#include <apr_time.h>

#include "base/err.h"
#include "scoring/epoch.h"

enum { MLS_INDEX_KEY = 16, MLS_INDEX_DIGEST = 32, MLS_INDEX_FAMILY = 16 };

/** What the index says of one service version. */
typedef struct mls_index_entry {
    unsigned char key[MLS_INDEX_KEY]; /* keyed hash of name and version */
    unsigned char image[MLS_INDEX_DIGEST]; /* SHA-256; zero for standard */
    uint64_t generation;
    uint32_t flags; /* MLS_INDEX_REALTIME ... */
    uint32_t owner; /* 0: calling a service never depends on whose it is */
} mls_index_entry;

enum { MLS_INDEX_REALTIME = 1, MLS_INDEX_STANDARD = 2 };

/* ---- reader ---- */

typedef struct mls_index mls_index;

/** Map the index at `path`. MLS_ENOTFOUND when there is none yet,
 *  MLS_ECORRUPT when its header is wrong. Closed with the pool. `epochs`
 *  protects the mapping when it is replaced by a grown file. */
mls_err *mls_index_open(mls_index **out, const char *path,
                        mls_epochs *epochs, apr_pool_t *pool);

/** 1 and *entry when the version is there, 0 when not (then entry->key is set
 *  and the rest zero). Follows a superseded file by itself. The caller of this
 *  and of what follows is inside an epoch (mls_epoch_enter). */
int mls_index_find(mls_index *index, const char *name, size_t name_length,
                   const char *version, size_t version_length,
                   mls_index_entry *entry);

/** 1 while `key` still has exactly this generation; used to drop cached
 *  models. */
int mls_index_is_current(mls_index *index,
                         const unsigned char key[MLS_INDEX_KEY],
                         uint64_t generation);

/** 1 when a token of this family, or of this subject issued at `issued`
 *  (seconds since 1970), is revoked. `subject` is mls_index_subject's hash. */
int mls_index_revoked(mls_index *index,
                      const unsigned char family[MLS_INDEX_FAMILY],
                      const unsigned char subject[MLS_INDEX_KEY],
                      int64_t issued);

/** Keyed hash of a subject, for mls_index_revoked. */
void mls_index_subject(mls_index *index, const char *provider,
                       const char *name, unsigned char out[MLS_INDEX_KEY]);

/** Changes when the index was made anew with another hash key: hashes of
 *  subjects that were kept are worthless then. */
uint64_t mls_index_key_id(mls_index *index);

/** Number of service versions and generation of the whole index. */
uint64_t mls_index_count(mls_index *index);
uint64_t mls_index_generation(mls_index *index);

/** The state's id, a text of 36 characters, the audience of its tokens. */
const char *mls_index_state_id(mls_index *index);

/** The epochs it was opened with. */
mls_epochs *mls_index_epochs(mls_index *index);

/* ---- writer: the registry owner only ---- */

typedef struct mls_index_writer mls_index_writer;

/** Create or open the index at `path` for writing. *rebuild is set when the
 *  caller must put everything again: new file, wrong checksum, or a generation
 *  other than `generation` (the registry's last). Files are 0640. */
mls_err *mls_index_writer_open(mls_index_writer **out, const char *path,
                               const char *state_id, uint64_t generation,
                               int *rebuild, apr_pool_t *pool);

/** Make room for so many more versions and revocations, so that putting them
 *  cannot fail for want of space: to be called before the registry commits.
 *  MLS_ENOSPACE. */
mls_err *mls_index_writer_reserve(mls_index_writer *writer, unsigned versions,
                                  unsigned revocations, apr_pool_t *scratch);

/** Put or replace a version; grows when needed. entry->key is ignored. The
 *  whole-index generation becomes entry->generation when that is higher. */
mls_err *mls_index_writer_put(mls_index_writer *writer, const char *name,
                              const char *version,
                              const mls_index_entry *entry,
                              apr_pool_t *scratch);
/** Deleting what is not there only raises the generation. */
mls_err *mls_index_writer_delete(mls_index_writer *writer, const char *name,
                                 const char *version, uint64_t generation,
                                 apr_pool_t *scratch);

/** Revoke a family until `expires`, or what a subject got before
 *  `not_before`, until `expires` (seconds since 1970). Expired entries make
 *  room. */
mls_err *mls_index_writer_revoke_family(
    mls_index_writer *writer, const unsigned char family[MLS_INDEX_FAMILY],
    int64_t expires, apr_pool_t *scratch);
mls_err *mls_index_writer_revoke_subject(mls_index_writer *writer,
                                         const char *provider,
                                         const char *name, int64_t not_before,
                                         int64_t expires, apr_pool_t *scratch);

/** Start from nothing in a new file beside the old one; puts go there until
 *  mls_index_writer_commit_rebuild renames it into place. */
mls_err *mls_index_writer_begin_rebuild(mls_index_writer *writer,
                                        apr_pool_t *scratch);
mls_err *mls_index_writer_commit_rebuild(mls_index_writer *writer,
                                         uint64_t generation,
                                         apr_pool_t *scratch);

#endif
