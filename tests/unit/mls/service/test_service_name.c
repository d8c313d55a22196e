/* SPDX-License-Identifier: Apache-2.0 */
/* Names and versions: what is allowed, and their form in a URL. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "service/service_name.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static const struct {
    const char *name, *text;
    const char *reason; /* part of the message; NULL: allowed */
} cases[] = {
    { "plain", "iris", NULL },
    { "version", "1.0.0-rc_1", NULL },
    { "guid", "cdf871df-5e7e-4c55-9b9d-5a208a0e5f87", NULL },
    { "blank inside", "two words", NULL },
    { "other letters", "Gr\xc3\xb6\xc3\x9f" "e", NULL },
    { "beyond the first plane", "\xf0\x9f\x8c\xb7", NULL },
    { "one dot inside", "a.b", NULL },
    { "empty", "", "empty" },
    { "slash", "a/b", "'/'" },
    { "backslash", "a\\b", "'\\'" },
    { "question mark", "a?b", "'?'" },
    { "fragment", "a#b", "'#'" },
    { "percent", "100%", "'%'" },
    { "dot", ".", "\".\"" },
    { "two dots", "..", "\"..\"" },
    { "two dots inside", "a..b", "\"..\"" },
    { "leading blank", " a", "blank" },
    { "trailing blank", "a ", "blank" },
    { "line feed", "a\nb", "U+000A" },
    { "delete", "a\x7f", "U+007F" },
    { "C1 control", "a\xc2\x85", "U+0085" },
    { "zero-width", "a\xe2\x80\x8b", "U+200B" },
    { "right-to-left override", "a\xe2\x80\xae", "U+202E" },
    { "byte order mark", "\xef\xbb\xbf" "a", "U+FEFF" },
    { "lone byte", "a\xff", "UTF-8" },
    { "overlong", "\xc0\xaf", "UTF-8" },
    { "overlong of three", "\xe0\x80\xaf", "UTF-8" },
    { "surrogate", "\xed\xa0\x80", "UTF-8" },
    { "too large", "\xf4\x90\x80\x80", "UTF-8" },
    { "cut", "a\xe2\x82", "UTF-8" },
};

static void test_what_is_allowed(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const mls_err *err =
            mls_service_name_check("name", cases[i].text, *state);

        if (!cases[i].reason) {
            assert_null(err);
            continue;
        }
        if (!err || !strstr(err->message, cases[i].reason)) {
            fail_msg("%s: %s", cases[i].name, err ? err->message : "allowed");
        }
        assert_int_equal(err->code, MLS_EINVALID);
    }
}

static void test_the_longest_name(void **state)
{
    char text[MLS_NAME_LENGTH + 2];

    memset(text, 'a', sizeof(text));
    text[MLS_NAME_LENGTH] = '\0';
    assert_null(mls_service_name_check("name", text, *state));
    text[MLS_NAME_LENGTH] = 'a';
    text[MLS_NAME_LENGTH + 1] = '\0';
    assert_non_null(mls_service_name_check("version", text, *state));
}

static void test_escaping(void **state)
{
    assert_string_equal(mls_path_escape("a-b_c.d~9", *state), "a-b_c.d~9");
    assert_string_equal(mls_path_escape("v 1/{x}", *state),
                        "v%201%2F%7Bx%7D");
    assert_string_equal(mls_path_escape("\xc3\xb6", *state), "%C3%B6");
    assert_string_equal(mls_path_escape("", *state), "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_what_is_allowed),
    cmocka_unit_test(test_the_longest_name),
    cmocka_unit_test(test_escaping),
};

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    return cmocka_run_group_tests(tests, setup, teardown);
}

