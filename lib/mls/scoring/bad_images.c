/* SPDX-License-Identifier: Apache-2.0 */
/* The last image files that failed, each with what stat said of it. */

#include "scoring/bad_images.h"

#include <string.h>

static int same_time(const struct timespec *one, const struct timespec *other)
{
    return one->tv_sec == other->tv_sec && one->tv_nsec == other->tv_nsec;
}

/* The change time cannot be set back, so a write is always seen, up to the
 * clock's resolution of some milliseconds. */
static int same_file(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size &&
           same_time(&one->st_mtim, &other->st_mtim) &&
           same_time(&one->st_ctim, &other->st_ctim);
}

static mls_bad_image *slot_of(const mls_bad_images *bad,
                              const unsigned char digest[MLS_INDEX_DIGEST])
{
    for (unsigned i = 0; i < MLS_BAD_IMAGES; i++) {
        const mls_bad_image *one = &bad->slots[i];

        if (one->used && !memcmp(one->digest, digest, MLS_INDEX_DIGEST)) {
            return (mls_bad_image *)one;
        }
    }
    return NULL;
}

const mlscore_error *mls_bad_image_find(
    const mls_bad_images *bad, const unsigned char digest[MLS_INDEX_DIGEST],
    const char *path)
{
    const mls_bad_image *one = slot_of(bad, digest);
    struct stat now;

    if (!one || stat(path, &now) || !same_file(&one->file, &now)) {
        return NULL;
    }
    return &one->failure;
}

void mls_bad_image_note(mls_bad_images *bad,
                        const unsigned char digest[MLS_INDEX_DIGEST],
                        const char *path, const mlscore_error *failure)
{
    mls_bad_image *one = slot_of(bad, digest);
    struct stat now;

    if ((failure->status != MLSCORE_EIMAGE &&
         failure->status != MLSCORE_EVERSION) ||
        stat(path, &now)) {
        return; /* a missing file is found out soon enough */
    }
    if (!one) {
        one = &bad->slots[bad->next];
        bad->next = (bad->next + 1) % MLS_BAD_IMAGES;
    }
    one->used = 1;
    memcpy(one->digest, digest, MLS_INDEX_DIGEST);
    one->file = now;
    one->failure = *failure;
}
