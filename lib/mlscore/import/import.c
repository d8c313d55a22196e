/* SPDX-License-Identifier: Apache-2.0 */
/* The table of importers, and the way from a file's bytes to an image. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "import/importer.h"
#include "import/open_file.h"

/* Formats with a mark come first; ONNX, which has none, last. */
static const mlscore_importer *const importers[] = {
    &mlscore_importer_pmml,        &mlscore_importer_xgboost_json,
    &mlscore_importer_xgboost_ubj, &mlscore_importer_lightgbm,
    &mlscore_importer_onnx,
};

const mlscore_importer *mlscore_importer_for(const unsigned char *bytes,
                                             size_t size)
{
    const mlscore_importer *best = NULL;
    int certainty = 0;

    for (size_t i = 0; i < sizeof(importers) / sizeof(importers[0]); i++) {
        const int sure = importers[i]->sniff(bytes, size);
        if (sure > certainty) {
            best = importers[i];
            certainty = sure;
        }
    }
    return best;
}

static mlscore_import_options with_defaults(const mlscore_import_options *opts)
{
    mlscore_import_options all = opts ? *opts : (mlscore_import_options){0};

    all.max_bytes = all.max_bytes ? all.max_bytes : (size_t)1 << 30;
    all.max_depth = all.max_depth ? all.max_depth : 512;
    all.max_nodes = all.max_nodes ? all.max_nodes : 100000000;
    return all;
}

mlscore_status mlscore_compile_memory(const void *bytes, size_t size,
                                      void **image, size_t *image_size,
                                      const mlscore_import_options *opts,
                                      mlscore_error *err)
{
    const mlscore_import_options options = with_defaults(opts);

    *image = NULL;
    *image_size = 0;
    return mlscore_open_file(bytes, size, image, image_size, &options, err);
}

static mlscore_status write_all(int fd, const char *bytes, size_t size,
                                mlscore_error *err)
{
    while (size > 0) {
        const size_t chunk = size < ((size_t)1 << 30) ? size : (size_t)1 << 30;
        const ssize_t n = write(fd, bytes, chunk);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return mlscore_error_set(err, MLSCORE_EIO,
                                     "cannot write the compiled model: %s",
                                     n < 0 ? strerror(errno) : "no progress");
        }
        bytes += n;
        size -= (size_t)n;
    }
    return MLSCORE_OK;
}

mlscore_status mlscore_compile(const void *bytes, size_t size, int out_fd,
                               const mlscore_import_options *opts,
                               mlscore_error *err)
{
    void *image;
    size_t image_size;
    mlscore_status status =
        mlscore_compile_memory(bytes, size, &image, &image_size, opts, err);

    if (status != MLSCORE_OK) {
        return status;
    }
    /* A pipe has no start to go back to; a file may hold old bytes. */
    if (lseek(out_fd, 0, SEEK_SET) == 0 && ftruncate(out_fd, 0) != 0 &&
        errno != EINVAL) {
        status = mlscore_error_set(err, MLSCORE_EIO,
                                   "cannot write the compiled model: %s",
                                   strerror(errno));
    }
    if (status == MLSCORE_OK) {
        status = write_all(out_fd, image, image_size, err);
    }
    mlscore_free(image);
    return status;
}
