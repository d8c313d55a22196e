/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 written from its paper; SHA-256 from OpenSSL's EVP. */

#include "base/hash.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

/* The four words of SipHash, with bytes that do not fill a word yet. */
typedef struct sip_state {
    uint64_t v0, v1, v2, v3;
    uint64_t tail;   /* little-endian, from the low byte up */
    size_t length;   /* bytes seen; its low three bits fill `tail` */
} sip_state;

/* Inlined as a whole, so that the four words stay in registers: a request
 * computes several of these. */
#define INLINE static inline __attribute__((always_inline))

static uint64_t load_le64(const unsigned char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static void store_le64(unsigned char *bytes, uint64_t word)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(bytes, &word, sizeof(word));
}

INLINE uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

INLINE void sip_round(sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

INLINE void sip_word(sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

INLINE void sip_begin(sip_state *s, const unsigned char *key, int wide)
{
    const uint64_t k0 = load_le64(key);
    const uint64_t k1 = load_le64(key + 8);

    s->v0 = k0 ^ UINT64_C(0x736f6d6570736575);
    s->v1 = k1 ^ UINT64_C(0x646f72616e646f6d) ^ (wide ? 0xee : 0);
    s->v2 = k0 ^ UINT64_C(0x6c7967656e657261);
    s->v3 = k1 ^ UINT64_C(0x7465646279746573);
    s->tail = 0;
    s->length = 0;
}

INLINE void sip_byte(sip_state *s, unsigned char byte)
{
    s->tail |= (uint64_t)byte << (s->length % 8 * 8);
    if (++s->length % 8 == 0) {
        sip_word(s, s->tail);
        s->tail = 0;
    }
}

INLINE void sip_add(sip_state *s, const unsigned char *bytes, size_t length)
{
    const int used = (int)(s->length % 8) * 8; /* bits in the tail */

    s->length += length;
    for (; length >= 8; length -= 8, bytes += 8) {
        const uint64_t word = load_le64(bytes);
        sip_word(s, s->tail | word << used);
        s->tail = used ? word >> (64 - used) : 0;
    }
    s->length -= length;
    while (length--) {
        sip_byte(s, *bytes++);
    }
}

INLINE uint64_t sip_end(sip_state *s, int wide)
{
    sip_word(s, s->tail | (uint64_t)s->length << 56);
    s->v2 ^= wide ? 0xee : 0xff;
    for (int round = 0; round < 4; round++) {
        sip_round(s);
    }
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

INLINE void sip_end128(sip_state *s, unsigned char *out)
{
    store_le64(out, sip_end(s, 1));
    s->v1 ^= 0xdd;
    for (int round = 0; round < 4; round++) {
        sip_round(s);
    }
    store_le64(out + 8, s->v0 ^ s->v1 ^ s->v2 ^ s->v3);
}

uint64_t mls_siphash64(const unsigned char key[MLS_SIPHASH_KEY],
                       const void *data, size_t length)
{
    sip_state state;

    sip_begin(&state, key, 0);
    sip_add(&state, data, length);
    return sip_end(&state, 0);
}

void mls_siphash128(const unsigned char key[MLS_SIPHASH_KEY],
                    const void *data, size_t length,
                    unsigned char out[MLS_SIPHASH128])
{
    sip_state state;

    sip_begin(&state, key, 1);
    sip_add(&state, data, length);
    sip_end128(&state, out);
}

void mls_siphash128_pair(const unsigned char key[MLS_SIPHASH_KEY],
                         const void *first, size_t first_length,
                         const void *second, size_t second_length,
                         unsigned char out[MLS_SIPHASH128])
{
    unsigned char frame[8];
    sip_state state;

    store_le64(frame, first_length);
    sip_begin(&state, key, 1);
    sip_add(&state, first, first_length);
    sip_byte(&state, 0);
    sip_add(&state, second, second_length);
    sip_add(&state, frame, sizeof(frame));
    sip_end128(&state, out);
}

static mls_err *openssl_failed(apr_pool_t *pool, const char *what)
{
    char text[256];

    ERR_error_string_n(ERR_get_error(), text, sizeof(text));
    return mls_err_make(pool, MLS_EOTHER, NULL, "%s: %s", what, text);
}

mls_err *mls_sha256(unsigned char out[MLS_SHA256], const void *data,
                    size_t length, apr_pool_t *pool)
{
    if (!EVP_Digest(data, length, out, NULL, EVP_sha256(), NULL)) {
        return openssl_failed(pool, "cannot compute SHA-256");
    }
    return NULL;
}

struct mls_sha256_stream {
    EVP_MD_CTX *context;
    apr_pool_t *pool; /* for errors */
};

static apr_status_t free_stream(void *baton)
{
    mls_sha256_stream *stream = baton;

    EVP_MD_CTX_free(stream->context);
    return APR_SUCCESS;
}

mls_err *mls_sha256_begin(mls_sha256_stream **out, apr_pool_t *pool)
{
    mls_sha256_stream *stream = apr_palloc(pool, sizeof(*stream));

    stream->pool = pool;
    stream->context = EVP_MD_CTX_new();
    if (!stream->context) {
        return openssl_failed(pool, "cannot start SHA-256");
    }
    apr_pool_cleanup_register(pool, stream, free_stream,
                              apr_pool_cleanup_null);
    if (!EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL)) {
        return openssl_failed(pool, "cannot start SHA-256");
    }
    *out = stream;
    return NULL;
}

mls_err *mls_sha256_add(mls_sha256_stream *stream, const void *data,
                        size_t length)
{
    if (!EVP_DigestUpdate(stream->context, data, length)) {
        return openssl_failed(stream->pool, "cannot compute SHA-256");
    }
    return NULL;
}

mls_err *mls_sha256_finish(mls_sha256_stream *stream,
                           unsigned char out[MLS_SHA256])
{
    if (!EVP_DigestFinal_ex(stream->context, out, NULL)) {
        return openssl_failed(stream->pool, "cannot finish SHA-256");
    }
    return NULL;
}

int mls_equal_constant_time(const void *left, const void *right, size_t length)
{
    return CRYPTO_memcmp(left, right, length) == 0;
}
