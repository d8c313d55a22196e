/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an image: map it, verify it once, build the engine's plan. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "eval/model.h"
#include "image/image_format.h"

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to open the model");
}

/* Verify everything; model->image.base and size are set. */
static mlscore_status verify(mlscore_model *model, mlscore_error *err)
{
    mlscore_image *image = &model->image;
    mlscore_status status =
        mlscore_image_check(image, image->base, image->size, err);

    if (status == MLSCORE_OK) {
        status = mlscore_image_schemas_read(&model->schemas, image, err);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_image_texts_read(&model->texts, image, err);
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    model->engine = mlscore_engine_find(image->engine);
    if (!model->engine) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "the compiled model is of a kind (%u) that "
                                 "this version does not know",
                                 (unsigned)image->engine);
    }
    return model->engine->open(&model->plan, image, &model->schemas.inputs,
                               &model->schemas.outputs, err);
}

/* Never 0; random where the system can, else an address and some noise. */
static uint64_t new_identity(const mlscore_model *model)
{
    uint64_t identity = 0;

    if (getrandom(&identity, sizeof(identity), GRND_NONBLOCK) !=
        (ssize_t)sizeof(identity)) {
        identity = (uint64_t)(uintptr_t)model * 0x9E3779B97F4A7C15u ^
                   (uint64_t)(uintptr_t)model->plan;
    }
    return identity | 1;
}

/* Takes over `mapping` and `copy`, also when it fails. */
static mlscore_status open_bytes(mlscore_model **out, const void *bytes,
                                 size_t size, void *mapping, void *copy,
                                 mlscore_error *err)
{
    mlscore_model *model = mlscore_calloc(1, sizeof(*model));

    if (!model) {
        if (mapping) {
            munmap(mapping, size);
        }
        mlscore_free(copy);
        return no_memory(err);
    }
    model->image.base = bytes;
    model->image.size = size;
    model->mapping = mapping;
    model->copy = copy;
    const mlscore_status status = verify(model, err);
    if (status != MLSCORE_OK) {
        mlscore_model_close(model);
        return status;
    }
    model->identity = new_identity(model);
    *out = model;
    return MLSCORE_OK;
}

mlscore_status mlscore_model_open_memory(mlscore_model **out, const void *bytes,
                                         size_t size, mlscore_error *err)
{
    void *copy = NULL;

    *out = NULL;
    if ((uintptr_t)bytes % MLSCORE_IMAGE_ALIGN != 0) {
        copy = mlscore_malloc_aligned(size);
        if (!copy) {
            return no_memory(err);
        }
        memcpy(copy, bytes, size);
        bytes = copy;
    }
    return open_bytes(out, bytes, size, NULL, copy, err);
}

mlscore_status mlscore_model_open_fd(mlscore_model **out, int fd,
                                     mlscore_error *err)
{
    struct stat info;

    *out = NULL;
    if (fstat(fd, &info) != 0) {
        return mlscore_error_set(err, MLSCORE_EIO,
                                 "cannot read the compiled model: %s",
                                 strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return mlscore_error_set(err, MLSCORE_EIO,
                                 "the compiled model is not a regular file");
    }
    if (info.st_size < MLSCORE_HEADER_BYTES ||
        (uint64_t)info.st_size > SIZE_MAX) {
        return mlscore_error_set(err, MLSCORE_EIMAGE,
                                 "this is not a compiled model");
    }
    const size_t size = (size_t)info.st_size;
    void *mapping = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (mapping == MAP_FAILED) {
        return mlscore_error_set(err, MLSCORE_EIO,
                                 "cannot map the compiled model: %s",
                                 strerror(errno));
    }
    return open_bytes(out, mapping, size, mapping, NULL, err);
}

mlscore_status mlscore_model_open(mlscore_model **out, const char *path,
                                  mlscore_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    *out = NULL;
    if (fd < 0) {
        return mlscore_error_set(err, MLSCORE_EIO, "cannot open %s: %s", path,
                                 strerror(errno));
    }
    const mlscore_status status = mlscore_model_open_fd(out, fd, err);
    close(fd);
    return status;
}

void mlscore_model_close(mlscore_model *model)
{
    if (!model) {
        return;
    }
    if (model->plan) {
        model->engine->free_plan(model->plan);
    }
    mlscore_image_schemas_free(&model->schemas);
    if (model->mapping) {
        munmap(model->mapping, model->image.size);
    }
    mlscore_free(model->copy);
    mlscore_free(model);
}

const mlscore_schema *mlscore_model_inputs(const mlscore_model *model)
{
    return &model->schemas.inputs;
}

const mlscore_schema *mlscore_model_outputs(const mlscore_model *model)
{
    return &model->schemas.outputs;
}

const char *mlscore_model_format(const mlscore_model *model)
{
    return model->texts.format;
}

const char *mlscore_model_kind(const mlscore_model *model)
{
    return model->texts.kind;
}

const char *mlscore_model_producer(const mlscore_model *model)
{
    return model->texts.producer;
}

const char *mlscore_model_known_rows(const mlscore_model *model, size_t *size)
{
    *size = 0;
    return mlscore_image_section(&model->image, MLSCORE_SECTION_KNOWN_ROWS,
                                 size);
}

size_t mlscore_model_size(const mlscore_model *model)
{
    return model->image.size;
}
