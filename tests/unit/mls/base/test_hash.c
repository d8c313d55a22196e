/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes against the vectors of their papers, and by property. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "base/hash.h"
#include "base/ident.h"

/* Key 00..0f, message 00..(length-1): SipHash paper, appendix A, and the
 * authors' published vectors for the wide form. */
static const struct {
    size_t length;
    const char *narrow; /* bytes of the result in little-endian order */
    const char *wide;
} vectors[] = {
    { 0, "310e0edd47db6f72", "a3817f04ba25a8e66df67214c7550293" },
    { 1, "fd67dc93c539f874", "da87c1d86b99af44347659119b22fc45" },
    { 7, "37d1018bf50002ab", NULL },
    { 8, "6224939a79f5f593", NULL },
    { 15, "e545be4961ca29a1", NULL },
};

static void test_siphash_gives_the_published_vectors(void **state)
{
    unsigned char key[16], message[64], wide[16];
    char hex[33];

    for (int i = 0; i < 64; i++) {
        message[i] = (unsigned char)i;
    }
    memcpy(key, message, sizeof(key));
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        const uint64_t narrow = mls_siphash64(key, message,
                                              vectors[i].length);
        mls_hex_encode(hex, &narrow, sizeof(narrow));
        assert_string_equal(hex, vectors[i].narrow);
        if (vectors[i].wide) {
            mls_siphash128(key, message, vectors[i].length, wide);
            mls_hex_encode(hex, wide, sizeof(wide));
            assert_string_equal(hex, vectors[i].wide);
        }
    }
}

/* The pair form is the plain form of the framed bytes, at every length. */
static void test_a_pair_hashes_as_its_frame(void **state)
{
    const unsigned char key[16] = "0123456789abcde";
    unsigned char text[40], framed[100], one[16], two[16];

    for (int i = 0; i < 40; i++) {
        text[i] = (unsigned char)(i * 7 + 1);
    }
    for (size_t a = 0; a <= 20; a++) {
        for (size_t b = 0; b <= 20; b++) {
            size_t n = 0;
            memcpy(framed, text, a);
            framed[a] = 0;
            memcpy(framed + a + 1, text + 20, b);
            n = a + 1 + b;
            memset(framed + n, 0, 8);
            framed[n] = (unsigned char)a;
            mls_siphash128(key, framed, n + 8, one);
            mls_siphash128_pair(key, text, a, text + 20, b, two);
            assert_memory_equal(one, two, 16);
        }
    }
    mls_siphash128_pair(key, "ab", 2, "c", 1, one);
    mls_siphash128_pair(key, "a", 1, "bc", 2, two);
    assert_memory_not_equal(one, two, 16);
}

static void test_sha256_gives_the_published_vectors(void **state)
{
    static const struct { const char *text, *digest; } cases[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb924"
              "27ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223"
                 "b00361a396177a9cb410ff61f20015ad" },
    };
    apr_pool_t *pool = *state;
    unsigned char digest[MLS_SHA256];
    mls_sha256_stream *stream;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const size_t length = strlen(cases[i].text);
        assert_null(mls_sha256(digest, cases[i].text, length, pool));
        assert_string_equal(mls_hex(digest, 32, pool), cases[i].digest);
        assert_null(mls_sha256_begin(&stream, pool));
        for (size_t j = 0; j < length; j++) {
            assert_null(mls_sha256_add(stream, cases[i].text + j, 1));
        }
        assert_null(mls_sha256_finish(stream, digest));
        assert_string_equal(mls_hex(digest, 32, pool), cases[i].digest);
    }
}

static void test_constant_time_comparison_tells_equal_from_different(void **s)
{
    assert_true(mls_equal_constant_time("abcd", "abcd", 4));
    assert_false(mls_equal_constant_time("abcd", "abcx", 4));
    assert_false(mls_equal_constant_time("xbcd", "abcd", 4));
    assert_true(mls_equal_constant_time("a", "b", 0));
}

static int setup(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_gives_the_published_vectors),
        cmocka_unit_test(test_a_pair_hashes_as_its_frame),
        cmocka_unit_test(test_sha256_gives_the_published_vectors),
        cmocka_unit_test(
            test_constant_time_comparison_tells_equal_from_different),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
