/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLS_SCORING_BAD_IMAGES_H
#define MLS_SCORING_BAD_IMAGES_H

/**
 * Image files that could not be used, remembered for as long as they stay what
 * they are: so that a damaged file of a gigabyte is not read to its end by
 * every request that asks for it. One `stat` tells that it was restored.
 *
 * Not thread-safe: the model cache's mutex is held.
 */

#include <sys/stat.h>

#include "mlscore/error.h"
#include "scoring/model_index.h"

enum { MLS_BAD_IMAGES = 16 };

typedef struct mls_bad_image {
    int used;
    unsigned char digest[MLS_INDEX_DIGEST];
    struct stat file; /* when it failed */
    mlscore_error failure;
} mls_bad_image;

typedef struct mls_bad_images {
    mls_bad_image slots[MLS_BAD_IMAGES]; /* zeros: none */
    unsigned next;
} mls_bad_images;

/** What a digest's file failed with, NULL when it is not known or has changed
 *  since. */
const mlscore_error *mls_bad_image_find(
    const mls_bad_images *bad, const unsigned char digest[MLS_INDEX_DIGEST],
    const char *path);

/** The file has failed. Only what lies in the file itself is remembered
 *  (damage, another release's format), not a lack of memory. */
void mls_bad_image_note(mls_bad_images *bad,
                        const unsigned char digest[MLS_INDEX_DIGEST],
                        const char *path, const mlscore_error *failure);

#endif
