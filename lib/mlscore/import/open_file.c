/* SPDX-License-Identifier: Apache-2.0 */
/* What surrounds a model's bytes, and which importer reads them. */

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/container.h"
#include "import/open_file.h"
#include "import/unpack.h"

/* Layers around a model: a container in a gzip file in a zip archive ... */
enum { MOST_LAYERS = 4 };

/* One way in: where the bytes are now, and what was learned on the way. */
struct opened {
    const unsigned char *bytes;
    size_t size;
    mlscore_unpacked unpacked; /* the last layer's bytes */
    mlscore_container container;
};

/* What the first bytes look like, for a person: text as it is, the rest in
 * hexadecimal. */
static void describe(char *out, size_t out_size, const unsigned char *bytes,
                     size_t size)
{
    const size_t shown = size < 16 ? size : 16;
    int text = shown > 0;

    for (size_t i = 0; i < shown; i++) {
        text = text && bytes[i] >= 0x20 && bytes[i] < 0x7F;
    }
    if (text) {
        snprintf(out, out_size, "\"%.*s\"", (int)shown, (const char *)bytes);
        return;
    }
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < shown && at + 4 < out_size; i++) {
        at += (size_t)snprintf(out + at, out_size - at, i ? " %02x" : "%02x",
                               bytes[i]);
    }
}

static mlscore_status unknown(const unsigned char *bytes, size_t size,
                              mlscore_error *err)
{
    char looks[64];

    if (size == 0) {
        return mlscore_error_set(err, MLSCORE_EFORMAT, "the model is empty");
    }
    describe(looks, sizeof(looks), bytes, size);
    return mlscore_error_set(
        err, MLSCORE_EFORMAT,
        "not a model that is understood; it begins with %s. Understood are "
        "PMML 3.0 to 4.4, ONNX, XGBoost (JSON or UBJSON), LightGBM text, each "
        "also in a zip or gzip file or after the four bytes blob, and the "
        "container that rx_serialize_model writes",
        looks);
}

/* ---- layers -------------------------------------------------------------- */

/* For choosing among the files of a zip archive. */
static int is_model(const unsigned char *bytes, size_t size)
{
    return mlscore_is_container(bytes, size) || mlscore_is_gzip(bytes, size) ||
           mlscore_importer_for(bytes, size) != NULL;
}

static int has_prefix(const struct opened *opened)
{
    return opened->size >= 4 && memcmp(opened->bytes, "blob", 4) == 0;
}

/* Replace the bytes by what they unpack to. */
static mlscore_status unpack(struct opened *opened,
                             const mlscore_import_options *options,
                             mlscore_error *err)
{
    mlscore_unpacked inner;
    const mlscore_status status =
        mlscore_is_gzip(opened->bytes, opened->size)
            ? mlscore_unpack_gzip(&inner, opened->bytes, opened->size,
                                  options->max_bytes, err)
            : mlscore_unpack_zip(&inner, opened->bytes, opened->size,
                                 options->max_bytes, is_model, err);

    if (status == MLSCORE_OK) {
        mlscore_free(opened->unpacked.bytes);
        opened->unpacked = inner;
        opened->bytes = inner.bytes;
        opened->size = inner.size;
    }
    return status;
}

static mlscore_status enter_container(struct opened *opened, mlscore_error *err)
{
    if (opened->container.arena) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "a model container inside another");
    }
    const mlscore_status status = mlscore_container_read(
        &opened->container, opened->bytes, opened->size, err);
    if (status == MLSCORE_OK) {
        opened->bytes = opened->container.model;
        opened->size = opened->container.model_size;
    }
    return status;
}

/* Take off all layers. Unpacking under a container keeps the container's
 * bytes no longer than needed: its hints and rows are copies. */
static mlscore_status unwrap(struct opened *opened,
                             const mlscore_import_options *options,
                             mlscore_error *err)
{
    for (int layer = 0; layer <= MOST_LAYERS; layer++) {
        mlscore_status status = MLSCORE_OK;

        if (mlscore_is_container(opened->bytes, opened->size)) {
            status = enter_container(opened, err);
        }
        else if (has_prefix(opened)) {
            opened->bytes += 4;
            opened->size -= 4;
        }
        else if (mlscore_is_gzip(opened->bytes, opened->size) ||
                 mlscore_is_zip(opened->bytes, opened->size)) {
            status = unpack(opened, options, err);
        }
        else {
            return MLSCORE_OK;
        }
        if (status != MLSCORE_OK) {
            return status;
        }
    }
    return mlscore_error_set(err, MLSCORE_ELIMIT,
                             "the model is packed more than %d times over",
                             MOST_LAYERS);
}

/* ---- importing ----------------------------------------------------------- */

/* The container's word for the format must be what the bytes are. */
static mlscore_status check_format(const struct opened *opened,
                                   const mlscore_importer *importer,
                                   mlscore_error *err)
{
    const char *stated = opened->container.format;
    const size_t length = strcspn(stated, " -_");

    for (size_t i = 0; i < length; i++) {
        const char c = importer->name[i];
        if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != stated[i]) {
            return mlscore_error_set(err, MLSCORE_EFORMAT,
                                     "the container calls its model \"%s\", "
                                     "but it is %s",
                                     stated, importer->name);
        }
    }
    return MLSCORE_OK;
}

static mlscore_status import_model(const struct opened *opened, void **image,
                                   size_t *image_size,
                                   const mlscore_import_options *options,
                                   mlscore_error *err)
{
    const mlscore_importer *importer =
        mlscore_importer_for(opened->bytes, opened->size);
    mlscore_image_builder *builder = NULL;

    if (!importer) {
        return unknown(opened->bytes, opened->size, err);
    }
    mlscore_status status = check_format(opened, importer, err);
    if (status == MLSCORE_OK) {
        status = importer->read(&builder, opened->bytes, opened->size, options,
                                &opened->container.hints, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_image_builder_finish(builder, image, image_size, err);
    }
    mlscore_image_builder_free(builder);
    return status;
}

/* Known rows, the container's and those in the model's own file, scored by
 * what was just compiled. */
static mlscore_status verify(const struct opened *opened, const void *bytes,
                             size_t size, mlscore_error *err)
{
    mlscore_image image;
    size_t own_size = 0;
    mlscore_status status = mlscore_image_check(&image, bytes, size, err);
    const char *own =
        status == MLSCORE_OK
            ? mlscore_image_section(&image, MLSCORE_SECTION_KNOWN_ROWS,
                                    &own_size)
            : NULL;

    if (status != MLSCORE_OK || (!own && !opened->container.verify)) {
        return status;
    }
    mlscore_model *model;
    status = mlscore_model_open_memory(&model, bytes, size, err);
    if (status != MLSCORE_OK) {
        return status;
    }
    if (opened->container.verify) {
        status = mlscore_verify(model, opened->container.verify,
                                opened->container.verify_length, err);
    }
    if (status == MLSCORE_OK && own) {
        status = mlscore_verify(model, own, own_size, err);
    }
    mlscore_model_close(model);
    return status;
}

mlscore_status mlscore_open_file(const unsigned char *bytes, size_t size,
                                 void **image, size_t *image_size,
                                 const mlscore_import_options *options,
                                 mlscore_error *err)
{
    struct opened opened = {.bytes = bytes, .size = size};
    mlscore_status status;

    if (size > options->max_bytes) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the model is larger than %zu bytes",
                                 options->max_bytes);
    }
    status = unwrap(&opened, options, err);
    if (status == MLSCORE_OK) {
        status = import_model(&opened, image, image_size, options, err);
    }
    if (status == MLSCORE_OK) {
        status = verify(&opened, *image, *image_size, err);
        if (status != MLSCORE_OK) {
            mlscore_free(*image);
            *image = NULL;
            *image_size = 0;
        }
    }
    mlscore_container_free(&opened.container);
    mlscore_free(opened.unpacked.bytes);
    return status;
}
