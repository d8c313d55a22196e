/* SPDX-License-Identifier: Apache-2.0 */
/* Roles from what is declared and what is met; spellings of names. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "auth/role_rules.h"
#include "auth/user_name.h"

enum {
    O = MLS_ROLE_BIT(MLS_ROLE_OWNER),
    C = MLS_ROLE_BIT(MLS_ROLE_CONTRIBUTOR),
    R = MLS_ROLE_BIT(MLS_ROLE_READER)
};

/* Every set of declared roles, for somebody who meets none, and the highest
 * wins for every set that is met. */
static void test_every_combination(void **state)
{
    static const struct {
        unsigned declared;
        mls_role implicit;
    } cases[] = {
        { 0, MLS_ROLE_CONTRIBUTOR }, { O, MLS_ROLE_CONTRIBUTOR },
        { C, MLS_ROLE_READER },      { O | C, MLS_ROLE_READER },
        { R, MLS_ROLE_NONE },        { O | R, MLS_ROLE_NONE },
        { C | R, MLS_ROLE_NONE },    { O | C | R, MLS_ROLE_NONE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned declared = cases[i].declared;

        assert_int_equal(mls_role_implicit(declared), cases[i].implicit);
        for (unsigned met = 0; met < 16; met += 2) {
            const mls_role wanted = met & O   ? MLS_ROLE_OWNER
                                    : met & C ? MLS_ROLE_CONTRIBUTOR
                                    : met & R ? MLS_ROLE_READER
                                              : cases[i].implicit;

            assert_int_equal(mls_role_resolve(declared, met), wanted);
        }
    }
}

static void test_names_of_roles(void **state)
{
    assert_int_equal(mls_role_parse("Owner"), MLS_ROLE_OWNER);
    assert_int_equal(mls_role_parse("contributor"), MLS_ROLE_CONTRIBUTOR);
    assert_int_equal(mls_role_parse("READER"), MLS_ROLE_READER);
    assert_int_equal(mls_role_parse("none"), MLS_ROLE_NONE);
    assert_int_equal(mls_role_parse("Owners"), MLS_ROLE_NONE);
    assert_int_equal(mls_role_parse(""), MLS_ROLE_NONE);
    assert_int_equal(mls_role_parse(NULL), MLS_ROLE_NONE);
}

static const char *spelt(apr_pool_t *pool, const char *name, const char *one,
                         const char *two, const char *three)
{
    const char *words[] = { one, two, three };
    apr_array_header_t *rules = apr_array_make(pool, 3, sizeof(char *));

    for (int i = 0; i < 3 && words[i]; i++) {
        assert_true(mls_user_name_is_rule(words[i]));
        APR_ARRAY_PUSH(rules, const char *) = words[i];
    }
    return mls_user_name(name, rules, pool);
}

static void test_spellings(void **state)
{
    static const struct {
        const char *name, *one, *two, *three, *wanted;
    } cases[] = {
        { "Alice@X.TEST", NULL, NULL, NULL, "Alice@X.TEST" },
        { "Alice@X.TEST", "none", NULL, NULL, "Alice@X.TEST" },
        { "Alice@X.TEST", "strip-realm", NULL, NULL, "Alice" },
        { "Alice@X.TEST", "strip-realm=x.test", "lower-case", NULL,
          "alice" },
        { "Alice@Y.TEST", "strip-realm=x.test", "lower-case", NULL,
          "alice@y.test" },
        { "a@b@X", "strip-realm", NULL, NULL, "a@b" },
        { "@X", "strip-realm", NULL, NULL, "@X" },
        { "alice@", "strip-realm", NULL, NULL, "alice" },
        { "EX\\Bob", "strip-domain", NULL, NULL, "Bob" },
        { "EX\\Bob", "strip-domain=ex", "lower-case", NULL, "bob" },
        { "EXT\\Bob", "strip-domain=ex", NULL, NULL, "EXT\\Bob" },
        { "E\\Bob", "strip-domain=ex", NULL, NULL, "E\\Bob" },
        { "EX\\", "strip-domain", NULL, NULL, "EX\\" },
        { "EX\\Bob@Y", "strip-realm", "strip-domain", "lower-case", "bob" },
        { "\xc3\x84nne", "lower-case", NULL, NULL, "\xc3\x84nne" },
        { "", "strip-realm", "strip-domain", "lower-case", "" },
    };
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(spelt(pool, cases[i].name, cases[i].one,
                                  cases[i].two, cases[i].three),
                            cases[i].wanted);
    }
}

static void test_wrong_rules(void **state)
{
    static const char *const wrong[] = { "", "lower", "strip-realm=",
                                         "strip-realms", "lower-case=x",
                                         "strip-domain=", "strip" };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(mls_user_name_is_rule(wrong[i]));
    }
}

static int set_up(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int tear_down(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_names_of_roles),
        cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_wrong_rules),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
