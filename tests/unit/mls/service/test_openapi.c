/* SPDX-License-Identifier: Apache-2.0 */
/* The Swagger document of a service: its shape, columns, types and levels. */

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
#include "service/openapi.h"
#include "service/type_schema.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

static const char model[] =
    "{\"inputs\":[{\"name\":\"a\",\"type\":\"numeric\"},"
    "{\"name\":\"n\",\"type\":\"integer\",\"optional\":true},"
    "{\"name\":\"c\",\"type\":\"character\",\"levels\":[\"red\",\"green\"]},"
    "{\"name\":\"f\",\"type\":\"logical\"}],"
    "\"outputs\":[{\"name\":\"y\",\"type\":\"numeric\"}]}";

static mls_service realtime(void)
{
    const mls_service service = {
        .name = "iris {2}",
        .version = "1/0",
        .runtime_type = "Realtime",
        .inputs = "[{\"name\":\"inputData\",\"type\":\"data.frame\"}]",
        .outputs = "[{\"name\":\"outputData\",\"type\":\"data.frame\"}]",
        .model = model,
    };

    return service;
}

static mls_json *document_of(const mls_service *service, apr_pool_t *pool)
{
    const char *text;
    mls_json *document = NULL;

    assert_null(mls_service_swagger(&text, service, "/ml", "https", pool));
    assert_null(mls_json_parse(&document, text, strlen(text), pool));
    return document;
}

static mls_json *at(mls_json *json, const char *const *path)
{
    for (; *path; path++) {
        json = mls_json_get(json, *path);
        if (!json) {
            fail_msg("no member %s", *path);
        }
    }
    return json;
}

#define AT(json, ...) at(json, (const char *const[]){ __VA_ARGS__, NULL })

static void test_realtime_document(void **state)
{
    const mls_service service = realtime();
    mls_json *document = document_of(&service, *state);
    mls_json *input = AT(document, "definitions", "InputParameters",
                         "properties", "inputData");

    assert_string_equal(mls_json_string(document, "swagger"), "2.0");
    assert_string_equal(mls_json_string(document, "basePath"), "/ml");
    assert_string_equal(
        mls_json_string_of(mls_json_at(AT(document, "schemes"), 0)), "https");
    assert_string_equal(mls_json_string(AT(document, "info"), "title"),
                        "iris {2}");
    assert_string_equal(
        mls_json_string(AT(document, "paths", "/api/iris%20%7B2%7D/1%2F0",
                           "post"),
                        "operationId"),
        "consume");
    assert_int_equal(mls_json_length(AT(input, "required")), 3);
    assert_string_equal(
        mls_json_string(AT(input, "properties", "a", "items"), "type"),
        "number");
    assert_string_equal(
        mls_json_string(AT(input, "properties", "n", "items"), "type"),
        "integer");
    assert_string_equal(
        mls_json_string(AT(input, "properties", "f", "items"), "type"),
        "boolean");
    assert_int_equal(
        mls_json_length(AT(input, "properties", "c", "items", "enum")), 2);
    AT(document, "definitions", "OutputParameters", "properties",
       "outputData", "properties", "y");
}

static void test_the_example_has_a_value_per_column(void **state)
{
    const mls_service service = realtime();
    mls_json *row = AT(document_of(&service, *state), "definitions",
                       "InputParameters", "example", "inputData");

    assert_int_equal(mls_json_type_of(mls_json_at(mls_json_get(row, "a"), 0)),
                     MLS_JSON_NUMBER);
    assert_int_equal(mls_json_type_of(mls_json_at(mls_json_get(row, "f"), 0)),
                     MLS_JSON_BOOLEAN);
    assert_string_equal(
        mls_json_string_of(mls_json_at(mls_json_get(row, "c"), 0)), "red");
}

static void test_the_alias_names_the_operation(void **state)
{
    mls_service service = realtime();

    service.name = "a";
    service.version = "1";
    service.operation_id = "species";
    assert_string_equal(
        mls_json_string(AT(document_of(&service, *state), "paths", "/api/a/1",
                           "post"),
                        "operationId"),
        "species");
    service.operation_id = "";
    assert_string_equal(
        mls_json_string(AT(document_of(&service, *state), "paths", "/api/a/1",
                           "post"),
                        "operationId"),
        "consume");
}

static void test_declared_types_of_a_standard_service(void **state)
{
    mls_service service = realtime();

    service.model = NULL;
    service.inputs = "[{\"name\":\"hp\",\"type\":\"numeric\"},"
                     "{\"name\":\"m\",\"type\":\"matrix\"}]";
    service.outputs = "[]";
    mls_json *properties = AT(document_of(&service, *state), "definitions",
                              "InputParameters", "properties");

    assert_string_equal(
        mls_json_string(mls_json_get(properties, "hp"), "type"), "number");
    assert_string_equal(
        mls_json_string(mls_json_get(properties, "hp"), "description"),
        "numeric");
    assert_string_equal(
        mls_json_string(AT(properties, "m", "items"), "type"), "array");
}

static void test_damaged_records_are_errors(void **state)
{
    mls_service service = realtime();
    const char *text;

    service.model = "{";
    assert_non_null(
        mls_service_swagger(&text, &service, "/", "http", *state));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_realtime_document),
    cmocka_unit_test(test_the_example_has_a_value_per_column),
    cmocka_unit_test(test_the_alias_names_the_operation),
    cmocka_unit_test(test_declared_types_of_a_standard_service),
    cmocka_unit_test(test_damaged_records_are_errors),
};

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    return cmocka_run_group_tests(tests, setup, teardown);
}

