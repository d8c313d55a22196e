/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers: GUIDs, hexadecimal, base64url; and errors in their pools. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "base/err.h"
#include "base/ident.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static void test_guids_are_valid_and_differ(void **state)
{
    const char *one, *two;

    assert_null(mls_guid_make(&one, *state));
    assert_null(mls_guid_make(&two, *state));
    assert_string_not_equal(one, two);
    assert_true(mls_guid_valid(one));
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
}

static const struct { const char *text; int valid; } guids[] = {
    { "0f8fad5b-d9cb-469f-a165-70867728950e", 1 },
    { "0F8FAD5B-D9CB-469F-A165-70867728950E", 1 },
    { "0f8fad5b-d9cb-469f-a165-70867728950", 0 },
    { "0f8fad5b-d9cb-469f-a165-70867728950e0", 0 },
    { "0f8fad5bd9cb-469f-a165-70867728950e0", 0 },
    { "gf8fad5b-d9cb-469f-a165-70867728950e", 0 },
    { "", 0 },
};

static void test_guids_are_told_from_other_texts(void **state)
{
    for (size_t i = 0; i < sizeof(guids) / sizeof(*guids); i++) {
        assert_int_equal(mls_guid_valid(guids[i].text), guids[i].valid);
    }
}

static void test_hex_goes_both_ways(void **state)
{
    unsigned char bytes[3];

    assert_string_equal(mls_hex("\x00\xab\xff", 3, *state), "00abff");
    assert_true(mls_hex_decode(bytes, 3, "00aBFf"));
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    assert_false(mls_hex_decode(bytes, 3, "00abf"));
    assert_false(mls_hex_decode(bytes, 3, "00abff0"));
    assert_false(mls_hex_decode(bytes, 3, "00abfg"));
    assert_false(mls_hex_decode(bytes, 3, ""));
}

/* RFC 4648, section 10, without the padding. */
static const struct { const char *bytes, *text; } base64[] = {
    { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
    { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" },
    { "\xfb\xff\xfe", "-__-" },
};

static void test_base64url_goes_both_ways(void **state)
{
    size_t length;

    for (size_t i = 0; i < sizeof(base64) / sizeof(*base64); i++) {
        const size_t bytes = strlen(base64[i].bytes);
        assert_string_equal(mls_base64url(base64[i].bytes, bytes, *state),
                            base64[i].text);
        const unsigned char *back = mls_base64url_decode(
            &length, base64[i].text, strlen(base64[i].text), *state);
        assert_non_null(back);
        assert_int_equal(length, bytes);
        assert_memory_equal(back, base64[i].bytes, bytes);
    }
}

static void test_other_spellings_of_base64_are_refused(void **state)
{
    static const char *const texts[] = { "Zg==", "Zh", "Zm9", "Zm8=", "Z",
                                         "Zm9vY", "Zm9v\n", "Zm+v", "Zm/v",
                                         " Zm9v" };
    size_t length;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        if (mls_base64url_decode(&length, texts[i], strlen(texts[i]),
                                 *state)) {
            fail_msg("%s was decoded", texts[i]);
        }
    }
}

static void test_errors_tell_their_causes(void **state)
{
    apr_pool_t *pool = *state;
    const mls_err *low = mls_err_apr(pool, ENOENT, "cannot open %s", "a");
    const mls_err *high = mls_err_make(pool, MLS_ECORRUPT, low, "no index");

    assert_int_equal(low->code, ENOENT);
    assert_string_equal(mls_err_text(high, pool),
                        "no index: cannot open a: No such file or directory");
    assert_int_equal(mls_err_apr(pool, ENOSPC, "x")->code, MLS_ENOSPACE);
    assert_int_equal(mls_err_apr(pool, EDQUOT, "x")->code, MLS_ENOSPACE);
    assert_string_equal(mls_err_text(NULL, pool), "no error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guids_are_valid_and_differ),
        cmocka_unit_test(test_guids_are_told_from_other_texts),
        cmocka_unit_test(test_hex_goes_both_ways),
        cmocka_unit_test(test_base64url_goes_both_ways),
        cmocka_unit_test(test_other_spellings_of_base64_are_refused),
        cmocka_unit_test(test_errors_tell_their_causes),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, setup, teardown);
}
