/* SPDX-License-Identifier: Apache-2.0 */
/* What nobody names any more: temporary files, blobs, images. */

#include "daemon/super_private.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "blob/blob.h"

enum { AGE = 3600 /* seconds that an upload may wait for its record */ };

static void remove_temporary(const char *folder, apr_pool_t *pool)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        if (strncmp(entry->d_name, "tmp-", 4) == 0) {
            unlink(apr_pstrcat(pool, folder, "/", entry->d_name, NULL));
        }
    }
    if (directory) {
        closedir(directory);
    }
}

void super_sweep_temporary(const mls_daemon *daemon, apr_pool_t *pool)
{
    remove_temporary(daemon->paths.blobs, pool);
    remove_temporary(daemon->paths.image_format, pool);
}

/* All digests of a kind that records name. */
static mls_err *named(apr_hash_t **out, const char *kind,
                      mls_registry *registry, apr_pool_t *pool)
{
    const char *after = NULL, *text;

    *out = apr_hash_make(pool);
    do {
        mls_json *request = mls_json_object(pool), *answer;
        mls_json_set_string(request, "op", "blob.list");
        mls_json_set_string(request, "kind", kind);
        if (after) {
            mls_json_set_string(request, "after", after);
        }
        MLS_TRY(mls_registry_call(&text, registry,
                                  mls_json_text(request, pool), pool));
        MLS_TRY(mls_json_parse(&answer, text, strlen(text), pool));
        MLS_TRY(mls_wire_outcome(answer, pool));
        const mls_json *digests = mls_json_get(answer, "digests");
        for (size_t i = 0; i < mls_json_length(digests); i++) {
            const char *digest = mls_json_string_of(mls_json_at(digests, i));
            if (digest) {
                apr_hash_set(*out, digest, APR_HASH_KEY_STRING, "");
            }
        }
        after = mls_json_string(answer, "next");
    } while (after);
    return NULL;
}

static int is_old(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && S_ISREG(info.st_mode)
           && info.st_mtime + AGE < time(NULL);
}

static int sweep_folder(const char *folder, apr_hash_t *kept,
                        apr_pool_t *pool)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    int removed = 0;

    while (directory && (entry = readdir(directory))) {
        const char *path =
            apr_pstrcat(pool, folder, "/", entry->d_name, NULL);
        if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.') {
            removed += sweep_folder(path, kept, pool);
        }
        else if (strlen(entry->d_name) == MLS_BLOB_NAME && is_old(path)
                 && !apr_hash_get(kept, entry->d_name,
                                  APR_HASH_KEY_STRING)) {
            removed += unlink(path) == 0;
        }
    }
    if (directory) {
        closedir(directory);
    }
    return removed;
}

void super_sweep_orphans(const mls_daemon *daemon, mls_registry *registry,
                         apr_pool_t *pool)
{
    apr_hash_t *blobs, *images;

    if (named(&blobs, "blob", registry, pool)
        || named(&images, "image", registry, pool)) {
        return; /* the owner is away: nothing is known to be an orphan */
    }
    const int removed = sweep_folder(daemon->paths.blobs, blobs, pool)
                        + sweep_folder(daemon->paths.image_format, images,
                                       pool);
    if (removed > 0) {
        mls_daemon_log(daemon, "swept files=%d", removed);
    }
}
