/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents: what is refused, what comes back, what is written. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/json.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* `written` is NULL when the text must be refused. */
static const struct {
    const char *name, *text, *written;
} cases[] = {
    { "object", "{ \"a\" : [1, 2.5, null, true, false, \"x\"] }",
      "{\"a\":[1,2.5,null,true,false,\"x\"]}" },
    { "empty object", "{}", "{}" },
    { "empty array", " [ ] ", "[]" },
    { "number alone", "12", "12" },
    { "negative", "-7", "-7" },
    { "zero", "0", "0" },
    { "text alone", "\"a/b\"", "\"a/b\"" },
    { "null alone", "null", "null" },
    { "escapes", "\"\\u0041\\n\\u00e9\"", "\"A\\n\xc3\xa9\"" },
    { "surrogate pair", "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
    { "largest integer", "18446744073709551615", "18446744073709551615" },
    { "least integer", "-9223372036854775808", "-9223372036854775808" },
    { "nothing", "", NULL },
    { "white space", " ", NULL },
    { "two values", "1 2", NULL },
    { "trailing comma", "[1,]", NULL },
    { "missing comma", "[1 2]", NULL },
    { "trailing comma in object", "{\"a\":1,}", NULL },
    { "no colon", "{\"a\" 1}", NULL },
    { "bare key", "{a:1}", NULL },
    { "single quotes", "{'a':1}", NULL },
    { "comment", "/* */ 1", NULL },
    { "NaN", "NaN", NULL },
    { "Infinity", "[Infinity]", NULL },
    { "capital word", "True", NULL },
    { "cut word", "tru", NULL },
    { "plus", "+1", NULL },
    { "leading zero", "01", NULL },
    { "bare point", "1.", NULL },
    { "point first", ".5", NULL },
    { "bare exponent", "1e", NULL },
    { "minus alone", "-", NULL },
    { "too large integer", "18446744073709551616", NULL },
    { "too small integer", "-9223372036854775809", NULL },
    { "too large number", "1e999", NULL },
    { "open array", "[1", NULL },
    { "open object", "{\"a\":1", NULL },
    { "open text", "\"abc", NULL },
    { "control character", "\"a\tb\"", NULL },
    { "unknown escape", "\"\\x41\"", NULL },
    { "short escape", "\"\\u12\"", NULL },
    { "lone high half", "\"\\ud83d\"", NULL },
    { "lone low half", "\"\\ude00\"", NULL },
    { "high half, then text", "\"\\ud83dabcdef\"", NULL },
    { "not UTF-8", "\"\xff\"", NULL },
    { "overlong", "\"\xc0\xaf\"", NULL },
    { "surrogate in UTF-8", "\"\xed\xa0\x80\"", NULL },
    { "beyond Unicode", "\"\xf4\x90\x80\x80\"", NULL },
    { "cut character", "\"\xc3", NULL },
    { "same key twice", "{\"a\":1,\"a\":2}", NULL },
    { "same key twice, spelt otherwise", "{\"a\":1,\"\\u0061\":2}", NULL },
    { "same key twice inside", "[{\"b\":{\"a\":1,\"a\":2}}]", NULL },
    { "zero in a key", "{\"a\\u0000b\":1}", NULL },
    { "byte order mark", "\xef\xbb\xbf{}", NULL },
};

static void test_texts_are_judged_as_the_standard_says(void **state)
{
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        mls_json *json = NULL;
        /* A copy that ends where the text does: reading on is an error. */
        const size_t length = strlen(cases[i].text);
        char *text = malloc(length + 1);
        memcpy(text, cases[i].text, length);
        mls_err *err = mls_json_parse(&json, text, length, pool);
        free(text);
        if ((err == NULL) != (cases[i].written != NULL)) {
            fail_msg("%s: %s", cases[i].name, err ? err->message : "accepted");
        }
        if (err) {
            assert_int_equal(err->code, MLS_EINVALID);
            assert_null(json);
        }
        else {
            assert_string_equal(mls_json_text(json, pool), cases[i].written);
        }
    }
}

static void test_a_zero_byte_is_no_end(void **state)
{
    mls_json *json;

    assert_non_null(mls_json_parse(&json, "1\0", 2, *state));
    assert_non_null(mls_json_parse(&json, "\"a\0b\"", 5, *state));
}

static void test_depth_is_limited(void **state)
{
    char text[2 * MLS_JSON_DEPTH + 2];
    mls_json *json;

    for (int depth = 1; depth <= MLS_JSON_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        const mls_err *err = mls_json_parse(&json, text, 2 * (size_t)depth,
                                            *state);
        assert_int_equal(err == NULL, depth <= MLS_JSON_DEPTH);
    }
}

static void test_members_are_read_by_type(void **state)
{
    static const char text[] =
        "{\"s\":\"x\",\"i\":-5,\"u\":18446744073709551615,\"d\":1.5,"
        "\"b\":true,\"n\":null,\"z\":\"a\\u0000b\",\"e\":\"\","
        "\"m\":9223372036854775807}";
    apr_pool_t *pool = *state;
    const char *found;
    int64_t number;
    mls_json *j;

    assert_null(mls_json_parse(&j, text, strlen(text), pool));
    assert_string_equal(mls_json_string(j, "s"), "x");
    assert_string_equal(mls_json_string(j, "e"), "");
    assert_null(mls_json_string(j, "i"));
    assert_null(mls_json_string(j, "z"));
    assert_null(mls_json_string(j, "none"));
    assert_null(mls_json_string(NULL, "s"));
    assert_int_equal(mls_json_int(j, "i", 9), -5);
    assert_int_equal(mls_json_int(j, "m", 9), INT64_MAX);
    assert_int_equal(mls_json_int(j, "u", 9), 9);
    assert_int_equal(mls_json_int(j, "d", 9), 9);
    assert_int_equal(mls_json_int(j, "s", 9), 9);
    assert_int_equal(mls_json_int(j, "none", 9), 9);
    assert_true(mls_json_uint(j, "u", 9) == UINT64_MAX);
    assert_true(mls_json_uint(j, "i", 9) == 9);
    assert_true(mls_json_double(j, "d", 9) == 1.5);
    assert_true(mls_json_double(j, "i", 9) == -5);
    assert_true(mls_json_double(j, "s", 9) == 9);
    assert_int_equal(mls_json_bool(j, "b", 0), 1);
    assert_int_equal(mls_json_bool(j, "i", 7), 7);
    assert_true(mls_json_has(j, "n"));
    assert_null(mls_json_get(j, "n"));
    assert_false(mls_json_has(j, "none"));
    assert_null(mls_json_need_string(&found, j, "s", pool));
    assert_null(mls_json_need_int(&number, j, "i", pool));
    mls_err *err = mls_json_need_string(&found, j, "i", pool);
    assert_non_null(err);
    assert_non_null(strstr(err->message, "\"i\""));
    assert_non_null(mls_json_need_int(&number, j, "u", pool));
}

static void test_what_is_made_is_written(void **state)
{
    apr_pool_t *pool = *state;
    apr_pool_t *inner;
    mls_json *object = mls_json_object(pool), *again;

    apr_pool_create(&inner, pool);
    mls_json *array = mls_json_array(inner);
    mls_json_add_int(array, -1);
    mls_json_add_string(array, "two");
    mls_json_add(array, NULL);
    mls_json_set(object, "list", array);
    apr_pool_destroy(inner); /* the object holds the array */
    mls_json_set_string(object, "s", "q\"\\\x01");
    mls_json_set_string(object, "none", NULL);
    mls_json_set_int(object, "i", INT64_MIN);
    mls_json_set_uint(object, "u", UINT64_MAX);
    mls_json_set_double(object, "d", 0.1);
    mls_json_set_double(object, "nan", 0.0 / 0.0);
    mls_json_set_bool(object, "b", 5);
    mls_json_set_bool(object, "gone", 1);
    mls_json_remove(object, "gone");
    const char *text = mls_json_text(object, pool);
    assert_string_equal(text,
        "{\"list\":[-1,\"two\",null],\"s\":\"q\\\"\\\\\\u0001\","
        "\"none\":null,\"i\":-9223372036854775808,"
        "\"u\":18446744073709551615,\"d\":0.1,\"nan\":null,\"b\":true}");
    assert_null(mls_json_parse(&again, text, strlen(text), pool));
}

static void test_text_that_is_not_utf8_is_mended(void **state)
{
    static const struct { const char *text, *written; } texts[] = {
        { "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" },
        { "\xc3", "\"\xef\xbf\xbd\"" },
        { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xc3\xa9", "\"\xc3\xa9\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    };
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        mls_json *array = mls_json_array(pool), *again;
        mls_json_add_string(array, texts[i].text);
        const char *text = mls_json_text(array, pool);
        assert_string_equal(text, apr_pstrcat(pool, "[", texts[i].written,
                                              "]", NULL));
        assert_null(mls_json_parse(&again, text, strlen(text), pool));
    }
}

static int stop_at_b(void *baton, const char *key, mls_json *value)
{
    ++*(int *)baton;
    return strcmp(key, "b") == 0 ? 42 : 0;
}

static void test_members_are_walked_in_order(void **state)
{
    mls_json *json;
    int seen = 0;

    assert_null(mls_json_parse(&json, "{\"a\":1,\"b\":2,\"c\":3}", 19,
                               *state));
    assert_int_equal(mls_json_each(json, stop_at_b, &seen), 42);
    assert_int_equal(seen, 2);
    assert_int_equal(mls_json_each(mls_json_get(json, "a"), stop_at_b, &seen),
                     0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_texts_are_judged_as_the_standard_says),
        TEST(test_a_zero_byte_is_no_end),
        TEST(test_depth_is_limited),
        TEST(test_members_are_read_by_type),
        TEST(test_what_is_made_is_written),
        TEST(test_text_that_is_not_utf8_is_mended),
        TEST(test_members_are_walked_in_order),
    };

    apr_initialize();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
