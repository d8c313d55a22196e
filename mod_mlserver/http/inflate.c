/* SPDX-License-Identifier: Apache-2.0 */
/* gzip and deflate bodies on zlib. */

#include "http/inflate.h"

#include <string.h>

#include <zlib.h>

#include "http/reply.h"

enum {
    OUT = 32 * 1024,
    RATIO = 200,          /* text compresses 10:1, a bomb 1000:1 */
    FREE = 4 * 1024 * 1024 /* bytes out before the ratio counts */
};

struct mlh_inflate {
    z_stream stream;
    apr_pool_t *pool;
    int is_open;
    int may_be_raw; /* deflate: the first bytes tell */
    int ended;
    uint64_t in, out;
    char buffer[OUT];
};

static mls_err *broken(mlh_inflate *unpack, const char *why)
{
    return mls_err_make(unpack->pool, MLS_EINVALID, NULL,
                        "the body cannot be unpacked: %s", why);
}

static apr_status_t close_stream(void *baton)
{
    mlh_inflate *unpack = baton;

    if (unpack->is_open) {
        inflateEnd(&unpack->stream);
        unpack->is_open = 0;
    }
    return APR_SUCCESS;
}

static mls_err *open_stream(mlh_inflate *unpack, int window_bits)
{
    if (inflateInit2(&unpack->stream, window_bits) != Z_OK) {
        return mls_err_make(unpack->pool, MLS_EBUSY, NULL,
                            "not enough memory to unpack the body");
    }
    unpack->is_open = 1;
    return NULL;
}

mls_err *mlh_inflate_create(mlh_inflate **out, const char *encoding,
                            apr_pool_t *pool)
{
    const int is_gzip =
        !strcasecmp(encoding, "gzip") || !strcasecmp(encoding, "x-gzip");

    if (!is_gzip && strcasecmp(encoding, "deflate") != 0) {
        return mls_err_make(pool, MLH_EMEDIA, NULL,
                            "the Content-Encoding \"%s\" is not supported; "
                            "send gzip, deflate or plain bytes",
                            encoding);
    }
    mlh_inflate *unpack = apr_pcalloc(pool, sizeof(*unpack));

    unpack->pool = pool;
    unpack->may_be_raw = !is_gzip;
    apr_pool_cleanup_register(pool, unpack, close_stream,
                              apr_pool_cleanup_null);
    if (is_gzip) {
        MLS_TRY(open_stream(unpack, 15 + 16));
    }
    *out = unpack;
    return NULL;
}

/* zlib's header begins with 8 in the low half of its first byte (and a window
 * of at most 32 KB); a raw stream's first block hardly ever does. */
static mls_err *open_deflate(mlh_inflate *unpack, unsigned char first)
{
    const int is_zlib = (first & 15) == 8 && first >> 4 <= 7;

    return open_stream(unpack, is_zlib ? 15 : -15);
}

static mls_err *pass_on(mlh_inflate *unpack, mlh_sink *sink, void *baton)
{
    const size_t length = OUT - unpack->stream.avail_out;

    unpack->out += length;
    if (unpack->out > FREE && unpack->out / RATIO > unpack->in) {
        return broken(unpack, "it grows more than 200 times");
    }
    return length ? sink(baton, unpack->buffer, length) : NULL;
}

mls_err *mlh_inflate_feed(mlh_inflate *unpack, const char *bytes,
                          size_t length, mlh_sink *sink, void *baton)
{
    z_stream *stream = &unpack->stream;

    if (!unpack->is_open) {
        MLS_TRY(open_deflate(unpack, (unsigned char)bytes[0]));
    }
    unpack->in += length;
    stream->next_in = (unsigned char *)(uintptr_t)bytes;
    stream->avail_in = (uInt)length;
    while (!unpack->ended) {
        stream->next_out = (unsigned char *)unpack->buffer;
        stream->avail_out = OUT;
        const int result = inflate(stream, Z_NO_FLUSH);

        if (result != Z_OK && result != Z_STREAM_END &&
            result != Z_BUF_ERROR) {
            return broken(unpack, stream->msg ? stream->msg : "bad data");
        }
        MLS_TRY(pass_on(unpack, sink, baton));
        unpack->ended = result == Z_STREAM_END;
        if (!unpack->ended && stream->avail_out) {
            return NULL; /* all input used */
        }
    }
    return stream->avail_in ? broken(unpack, "bytes follow its end") : NULL;
}

mls_err *mlh_inflate_finish(mlh_inflate *unpack)
{
    return unpack->ended ? NULL : broken(unpack, "it ends too early");
}
