/* SPDX-License-Identifier: Apache-2.0 */
/* gzip by zlib, zip by libzip, both with limits. */

#include <inttypes.h>
#include <string.h>
#include <zip.h>
#include <zlib.h>

#include "base/alloc.h"
#include "import/unpack.h"

enum {
    MOST_FILES = 100,      /* in a zip archive */
    MOST_RATIO = 200,      /* XML reaches 30, a zip bomb 1000 */
    FREE_BYTES = 16 << 20, /* whatever the ratio */
    FIRST_BYTES = 64 << 10 /* of the buffer; it doubles */
};

/* The largest size that `packed` bytes may unpack to. */
static size_t limit_for(size_t packed, size_t max_bytes)
{
    size_t limit;

    if (mlscore_mul_size(&limit, packed, MOST_RATIO)) {
        limit = SIZE_MAX;
    }
    limit = limit < FREE_BYTES ? FREE_BYTES : limit;
    return limit < max_bytes ? limit : max_bytes;
}

static mlscore_status too_large(size_t limit, mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ELIMIT,
                             "the file unpacks to more than %zu bytes", limit);
}

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to unpack the model");
}

/* Twice as much room; one byte above the limit tells that it is passed. */
static mlscore_status more_room(mlscore_unpacked *out, size_t *capacity,
                                size_t limit, mlscore_error *err)
{
    if (out->size > limit) {
        return too_large(limit, err);
    }
    size_t more = *capacity ? *capacity * 2 : FIRST_BYTES;
    more = more > limit ? limit + 1 : more;
    unsigned char *bytes = mlscore_realloc(out->bytes, more);
    if (!bytes) {
        return no_memory(err);
    }
    out->bytes = bytes;
    *capacity = more;
    return MLSCORE_OK;
}

static void discard(mlscore_unpacked *out)
{
    mlscore_free(out->bytes);
    *out = (mlscore_unpacked){NULL, 0};
}

/* ---- gzip ---------------------------------------------------------------- */

int mlscore_is_gzip(const unsigned char *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8;
}

/* zlib counts in unsigned int. */
static unsigned chunk(size_t size)
{
    return size < (1u << 30) ? (unsigned)size : 1u << 30;
}

static mlscore_status inflate_all(mlscore_unpacked *out, z_stream *stream,
                                  const unsigned char *end, size_t limit,
                                  mlscore_error *err)
{
    size_t capacity = 0;

    for (;;) {
        if (out->size == capacity) {
            const mlscore_status status = more_room(out, &capacity, limit, err);
            if (status != MLSCORE_OK) {
                return status;
            }
        }
        const unsigned room = chunk(capacity - out->size);
        stream->next_out = out->bytes + out->size;
        stream->avail_out = room;
        stream->avail_in = chunk((size_t)(end - stream->next_in));
        const int code = inflate(stream, Z_NO_FLUSH);
        out->size += room - stream->avail_out;
        if (code == Z_STREAM_END) {
            /* Another member may follow, or padding. */
            if (!mlscore_is_gzip(stream->next_in,
                                 (size_t)(end - stream->next_in)) ||
                inflateReset(stream) != Z_OK) {
                return out->size > limit ? too_large(limit, err) : MLSCORE_OK;
            }
        }
        else if (code == Z_MEM_ERROR) {
            return no_memory(err);
        }
        else if (code != Z_OK &&
                 !(code == Z_BUF_ERROR && stream->avail_out == 0)) {
            return mlscore_error_set(
                err, MLSCORE_EFORMAT, "the gzip file is damaged: %s",
                stream->msg ? stream->msg : "it ends too early");
        }
    }
}

mlscore_status mlscore_unpack_gzip(mlscore_unpacked *out,
                                   const unsigned char *bytes, size_t size,
                                   size_t max_bytes, mlscore_error *err)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes};

    *out = (mlscore_unpacked){NULL, 0};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) {
        return no_memory(err);
    }
    const mlscore_status status = inflate_all(out, &stream, bytes + size,
                                              limit_for(size, max_bytes), err);
    inflateEnd(&stream);
    if (status != MLSCORE_OK) {
        discard(out);
    }
    return status;
}

/* ---- zip ----------------------------------------------------------------- */

int mlscore_is_zip(const unsigned char *bytes, size_t size)
{
    return size >= 4 &&
           (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

/* Folders and what macOS adds are no files of the user's. */
static int is_file(const char *name)
{
    const size_t length = strlen(name);

    return length > 0 && name[length - 1] != '/' &&
           strncmp(name, "__MACOSX/", 9) != 0;
}

static mlscore_status zip_failed(const char *what, const char *why,
                                 mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_EFORMAT,
                             "the zip archive cannot be read: %s%s%.200s",
                             what ? what : "", what ? ": " : "", why);
}

static mlscore_status read_entry(mlscore_unpacked *out, zip_file_t *file,
                                 const char *name, size_t limit,
                                 mlscore_error *err)
{
    size_t capacity = 0;

    for (;;) {
        if (out->size == capacity) {
            const mlscore_status status = more_room(out, &capacity, limit, err);
            if (status != MLSCORE_OK) {
                return status;
            }
        }
        const zip_int64_t n =
            zip_fread(file, out->bytes + out->size, capacity - out->size);
        if (n < 0) {
            return zip_failed(name, zip_file_strerror(file), err);
        }
        if (n == 0) {
            return out->size > limit ? too_large(limit, err) : MLSCORE_OK;
        }
        out->size += (size_t)n;
    }
}

static mlscore_status open_entry(mlscore_unpacked *out, zip_t *archive,
                                 zip_uint64_t index, const char *name,
                                 size_t limit, mlscore_error *err)
{
    zip_file_t *file = zip_fopen_index(archive, index, 0);

    *out = (mlscore_unpacked){NULL, 0};
    if (!file) {
        return zip_failed(name, zip_strerror(archive), err);
    }
    const mlscore_status status = read_entry(out, file, name, limit, err);
    zip_fclose(file);
    if (status != MLSCORE_OK) {
        discard(out);
    }
    return status;
}

static size_t count_files(zip_t *archive, zip_uint64_t entries)
{
    size_t files = 0;

    for (zip_uint64_t i = 0; i < entries; i++) {
        const char *name = zip_get_name(archive, i, 0);
        files += name && is_file(name);
    }
    return files;
}

/* Every file is looked into; the limit is for all of them together. */
static mlscore_status
find_model(mlscore_unpacked *out, zip_t *archive, size_t limit,
           int (*wanted)(const unsigned char *bytes, size_t size),
           mlscore_error *err)
{
    const zip_int64_t count = zip_get_num_entries(archive, 0);
    const zip_uint64_t entries = count > 0 ? (zip_uint64_t)count : 0;
    const size_t files =
        entries <= MOST_FILES ? count_files(archive, entries) : MOST_FILES + 1;

    if (files > MOST_FILES) {
        return mlscore_error_set(err, MLSCORE_ELIMIT,
                                 "the zip archive has more than %d files",
                                 MOST_FILES);
    }
    for (zip_uint64_t i = 0; i < entries; i++) {
        const char *name = zip_get_name(archive, i, 0);
        mlscore_unpacked file;

        if (!name || !is_file(name)) {
            continue;
        }
        const mlscore_status status =
            open_entry(&file, archive, i, name, limit, err);
        if (status != MLSCORE_OK) {
            return status;
        }
        limit -= file.size;
        if (files > 1 && !wanted(file.bytes, file.size)) {
            discard(&file);
            continue;
        }
        if (out->bytes) {
            discard(&file);
            return mlscore_error_set(err, MLSCORE_EFORMAT,
                                     "the zip archive holds several models; "
                                     "publish one at a time");
        }
        *out = file;
    }
    return out->bytes
               ? MLSCORE_OK
               : mlscore_error_set(err, MLSCORE_EFORMAT,
                                   files == 0 ? "the zip archive is empty"
                                              : "no file in the zip archive "
                                                "is a model");
}

mlscore_status
mlscore_unpack_zip(mlscore_unpacked *out, const unsigned char *bytes,
                   size_t size, size_t max_bytes,
                   int (*wanted)(const unsigned char *bytes, size_t size),
                   mlscore_error *err)
{
    zip_error_t reason;

    *out = (mlscore_unpacked){NULL, 0};
    zip_error_init(&reason);
    zip_source_t *source = zip_source_buffer_create(bytes, size, 0, &reason);
    zip_t *archive =
        source ? zip_open_from_source(source, ZIP_RDONLY, &reason) : NULL;
    if (!archive) {
        const mlscore_status status =
            zip_failed(NULL, zip_error_strerror(&reason), err);
        if (source) {
            zip_source_free(source);
        }
        zip_error_fini(&reason);
        return status;
    }
    const mlscore_status status =
        find_model(out, archive, limit_for(size, max_bytes), wanted, err);
    if (status != MLSCORE_OK) {
        discard(out);
    }
    zip_discard(archive);
    zip_error_fini(&reason);
    return status;
}
