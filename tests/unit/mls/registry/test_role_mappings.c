/* SPDX-License-Identifier: Apache-2.0 */
/* Role mappings: encoding and back, what is refused, editing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "registry/role_mappings.h"

#define ID "01234567-89ab-4cde-8f01-23456789abc"

static mls_mapping sample(char last)
{
    static char ids[256][40];
    char *id = ids[(unsigned char)last];

    memcpy(id, ID, sizeof(ID) - 1);
    id[sizeof(ID) - 1] = last;
    id[sizeof(ID)] = '\0';
    return (mls_mapping){ .id = id, .role = MLS_ROLE_READER,
                          .condition = "group team", .comment = "the team",
                          .changed_by = "file:admin",
                          .changed = apr_time_from_sec(1800000000) };
}

static mls_mappings list_of(apr_pool_t *pool, const char *lasts)
{
    mls_mappings mappings = { 7, apr_array_make(pool, 4,
                                                sizeof(mls_mapping)) };

    for (; *lasts; lasts++) {
        APR_ARRAY_PUSH(mappings.list, mls_mapping) = sample(*lasts);
    }
    return mappings;
}

static void test_there_and_back(void **state)
{
    apr_pool_t *pool = *state;
    const mls_mappings mappings = list_of(pool, "12");
    mls_mappings back;

    assert_null(mls_mappings_from_json(
        &back, mls_mappings_to_json(&mappings, pool), pool));
    assert_int_equal(back.generation, 7);
    assert_int_equal(back.list->nelts, 2);
    const mls_mapping *one = &APR_ARRAY_IDX(back.list, 1, mls_mapping);
    const mls_mapping wanted = sample('2');

    assert_string_equal(one->id, wanted.id);
    assert_int_equal(one->role, MLS_ROLE_READER);
    assert_string_equal(one->condition, "group team");
    assert_string_equal(one->comment, "the team");
    assert_string_equal(one->changed_by, "file:admin");
    assert_int_equal(one->changed, wanted.changed);
}

static void test_nothing_is_an_empty_list(void **state)
{
    mls_mappings back;

    assert_null(mls_mappings_from_json(&back, NULL, *state));
    assert_int_equal(back.generation, 0);
    assert_int_equal(back.list->nelts, 0);
}

static void refuse(apr_pool_t *pool, const char *text, const char *why)
{
    mls_mappings back;
    mls_json *json;

    assert_null(mls_json_parse(&json, text, strlen(text), pool));
    mls_err *err = mls_mappings_from_json(&back, json, pool);

    assert_non_null(err);
    assert_non_null(strstr(err->message, why));
}

static void test_what_is_refused(void **state)
{
    apr_pool_t *pool = *state;

    refuse(pool, "{\"mappings\":[{}]}", "id");
    refuse(pool, "{\"mappings\":[null]}", "id");
    refuse(pool, "{\"v\":2}", "newer");
    refuse(pool, "{\"mappings\":[{\"id\":\"x\",\"role\":\"Owner\","
                 "\"condition\":\"user a\"}]}", "id");
    refuse(pool, "{\"mappings\":[{\"id\":\"" ID "d\",\"role\":\"none\","
                 "\"condition\":\"user a\"}]}", "role");
    refuse(pool, "{\"mappings\":[{\"id\":\"" ID "d\",\"role\":\"Owner\","
                 "\"condition\":\"user\\na\"}]}", "one line");
    refuse(pool, "{\"mappings\":[{\"id\":\"" ID "d\",\"role\":\"Owner\","
                 "\"condition\":\"user a\",\"comment\":\"\\u0007\"}]}",
           "one line");
    refuse(pool, "{\"mappings\":[{\"id\":\"" ID "d\",\"role\":\"Owner\","
                 "\"condition\":\"user a\",\"changedAt\":\"now\"}]}",
           "changedAt");
    mls_mapping mapping = sample('1');
    char *condition = apr_pcalloc(pool, MLS_CONDITION_MAX + 2);

    memset(condition, 'x', MLS_CONDITION_MAX);
    mapping.condition = condition;
    assert_null(mls_mapping_check(&mapping, pool));
    condition[MLS_CONDITION_MAX] = 'x';
    assert_non_null(mls_mapping_check(&mapping, pool));
}

static void test_there_are_not_too_many(void **state)
{
    apr_pool_t *pool = *state;
    mls_mappings many = list_of(pool, ""), back;

    for (int i = 0; i < MLS_MAPPINGS_MAX; i++) {
        APR_ARRAY_PUSH(many.list, mls_mapping) = sample('1');
    }
    assert_null(mls_mappings_from_json(
        &back, mls_mappings_to_json(&many, pool), pool));
    APR_ARRAY_PUSH(many.list, mls_mapping) = sample('1');
    assert_non_null(mls_mappings_from_json(
        &back, mls_mappings_to_json(&many, pool), pool));
}

static void test_editing(void **state)
{
    apr_pool_t *pool = *state;
    const mls_mappings mappings = list_of(pool, "12");
    mls_mapping other = sample('3');
    mls_mappings after;

    assert_null(mls_mappings_edit(&after, &mappings, NULL, &other, pool));
    assert_int_equal(after.list->nelts, 3);
    assert_int_equal(after.generation, 7);
    other = sample('1');
    other.role = MLS_ROLE_OWNER;
    assert_null(mls_mappings_edit(&after, &mappings, other.id, &other,
                                  pool));
    assert_int_equal(after.list->nelts, 2);
    assert_int_equal(APR_ARRAY_IDX(after.list, 0, mls_mapping).role,
                     MLS_ROLE_OWNER);
    assert_null(mls_mappings_edit(&after, &mappings, other.id, NULL, pool));
    assert_int_equal(after.list->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(after.list, 0, mls_mapping).id,
                        sample('2').id);
    mls_err *err = mls_mappings_edit(&after, &mappings, "none", NULL, pool);

    assert_non_null(err);
    assert_int_equal(err->code, MLS_ENOTFOUND);
    assert_int_equal(mappings.list->nelts, 2);
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
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_nothing_is_an_empty_list),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_there_are_not_too_many),
        cmocka_unit_test(test_editing),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
