/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what goes in comes out, and what is wrong is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "registry/records.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static const char digest[] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static mls_service whole(void)
{
    return (mls_service){
        .name = "iris", .version = "1.0", .runtime_type = "Realtime",
        .description = "Iris \xc3\xa9 \"quoted\"", .operation_id = "predict",
        .snapshot_id = "s", .publisher = { "ldap", "Alice" },
        .created = 1234567890123456, .modified = 1234567890123457,
        .generation = 9007199254740993, .code = "x = 1\n",
        .init_code = "import os", .inputs = "[]", .outputs = "[]",
        .output_files = "[]", .blob = digest, .image = digest,
        .model_size = 5000000000, .model = "{}", .options = "{}"
    };
}

static void assert_text(const char *got, const char *wanted)
{
    if (wanted) {
        assert_non_null(got);
        assert_string_equal(got, wanted);
    }
    else {
        assert_null(got);
    }
}

/* Through text, as stored. */
static mls_service *again(const mls_service *service, uint64_t *serial,
                          apr_pool_t *pool)
{
    const char *text =
        mls_json_text(mls_service_to_json(service, 77, pool), pool);
    mls_service *back;
    mls_json *json;

    assert_null(mls_json_parse(&json, text, strlen(text), pool));
    assert_null(mls_service_from_json(&back, serial, json, pool));
    return back;
}

static void assert_same(const mls_service *got, const mls_service *wanted)
{
    assert_text(got->name, wanted->name);
    assert_text(got->version, wanted->version);
    assert_text(got->runtime_type, wanted->runtime_type);
    assert_text(got->description, wanted->description);
    assert_text(got->operation_id, wanted->operation_id);
    assert_text(got->snapshot_id, wanted->snapshot_id);
    assert_text(got->publisher.provider, wanted->publisher.provider);
    assert_text(got->publisher.name, wanted->publisher.name);
    assert_true(got->created == wanted->created);
    assert_true(got->modified == wanted->modified);
    assert_true(got->generation == wanted->generation);
    assert_true(got->model_size == wanted->model_size);
    assert_text(got->code, wanted->code);
    assert_text(got->init_code, wanted->init_code);
    assert_text(got->inputs, wanted->inputs);
    assert_text(got->outputs, wanted->outputs);
    assert_text(got->output_files, wanted->output_files);
    assert_text(got->blob, wanted->blob);
    assert_text(got->image, wanted->image);
    assert_text(got->model, wanted->model);
    assert_text(got->options, wanted->options);
}

static void test_a_service_comes_back_whole(void **state)
{
    const mls_service service = whole();
    uint64_t serial = 0;

    assert_same(again(&service, &serial, *state), &service);
    assert_int_equal(serial, 77);
}

static void test_what_is_absent_stays_absent(void **state)
{
    const mls_service service = { .name = "a", .version = "b" };

    assert_same(again(&service, NULL, *state), &service);
}

static void test_a_layout_of_the_future_is_refused(void **state)
{
    const mls_service service = whole();
    mls_json *json = mls_service_to_json(&service, 1, *state);
    mls_service *back;

    mls_json_set_int(json, "v", 2);
    const mls_err *err = mls_service_from_json(&back, NULL, json, *state);
    assert_non_null(err);
    assert_int_equal(err->code, MLS_ECORRUPT);
    mls_json_remove(json, "v");
    assert_non_null(mls_service_from_json(&back, NULL, json, *state));
}

static void test_tokens_come_back_whole(void **state)
{
    const mls_family family = { .id = "f", .subject = { "file", "a" },
                                .address = "1.2.3.4", .agent = "curl",
                                .created = 1, .used = 2, .expires = 3,
                                .access_expires = 4, .revoked = 5,
                                .reason = "logout" };
    const mls_refresh refresh = { "f", 6, 7 };
    const mls_not_before before = { { "file", "a" }, 8, 9, 10 };
    mls_family *family_back;
    mls_refresh *refresh_back;
    mls_not_before *before_back;

    assert_null(mls_family_from_json(
        &family_back, mls_family_to_json(&family, *state), *state));
    assert_text(family_back->id, "f");
    assert_text(family_back->subject.provider, "file");
    assert_text(family_back->agent, "curl");
    assert_text(family_back->reason, "logout");
    assert_true(family_back->created == 1 && family_back->used == 2
                && family_back->expires == 3
                && family_back->access_expires == 4
                && family_back->revoked == 5);
    assert_null(mls_refresh_from_json(
        &refresh_back, mls_refresh_to_json(&refresh, *state), *state));
    assert_text(refresh_back->family, "f");
    assert_true(refresh_back->issued == 6 && refresh_back->used == 7);
    assert_null(mls_not_before_from_json(
        &before_back, mls_not_before_to_json(&before, *state), *state));
    assert_true(before_back->time == 8 && before_back->access_expires == 9
                && before_back->second == 10);
}

static void test_a_whole_service_passes(void **state)
{
    const mls_service service = whole();

    assert_null(mls_service_check(&service, *state));
}

#define WRONG(title, change, word)                                         \
    {                                                                      \
        mls_service service = whole();                                     \
        change;                                                            \
        const mls_err *err = mls_service_check(&service, *state);          \
        if (!err || !strstr(mls_err_text(err, *state), word)) {            \
            fail_msg("%s: %s", title,                                      \
                     err ? mls_err_text(err, *state) : "passed");          \
        }                                                                  \
        assert_int_equal(err->code, MLS_EINVALID);                         \
    }

static void test_wrong_services_are_refused(void **state)
{
    char longer[MLS_NAME_MAX + 2];

    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    WRONG("no name", service.name = NULL, "name")
    WRONG("empty name", service.name = "", "name")
    WRONG("long name", service.name = longer, "255")
    WRONG("newline", service.version = "1\n", "control")
    WRONG("delete", service.version = "1\x7f", "control")
    WRONG("no publisher", service.publisher.name = NULL, "name")
    WRONG("capitals", service.blob = apr_pstrcat(*state, "A", digest + 1,
                                                 NULL), "SHA-256")
    WRONG("short", service.image = digest + 1, "SHA-256")
    WRONG("no image", service.image = NULL, "image")
    WRONG("negative", service.model_size = -1, "negative")
    WRONG("inputs", service.inputs = "{}", "array")
    WRONG("outputs", service.outputs = "[", "outputs")
    WRONG("files", service.output_files = "1", "array")
    WRONG("model", service.model = "[]", "object")
    WRONG("options", service.options = "x", "options")
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_service_comes_back_whole),
        cmocka_unit_test(test_what_is_absent_stays_absent),
        cmocka_unit_test(test_a_layout_of_the_future_is_refused),
        cmocka_unit_test(test_tokens_come_back_whole),
        cmocka_unit_test(test_a_whole_service_passes),
        cmocka_unit_test(test_wrong_services_are_refused),
    };

    apr_initialize();
    const int failed = cmocka_run_group_tests(tests, setup, teardown);
    apr_terminate();
    return failed;
}
