/* SPDX-License-Identifier: Apache-2.0 */
/* Wire types and model columns as Swagger schemas. */

#include "service/type_schema.h"

#include <string.h>

static mls_json *typed(const char *name, apr_pool_t *pool)
{
    mls_json *schema = mls_json_object(pool);

    mls_json_set_string(schema, "type", name);
    return schema;
}

static mls_json *array_of(mls_json *items, apr_pool_t *pool)
{
    mls_json *schema = typed("array", pool);

    mls_json_set(schema, "items", items);
    return schema;
}

static const char *json_type_of(const char *type)
{
    static const struct {
        const char *wire, *json;
    } names[] = {
        { "numeric", "number" },   { "integer", "integer" },
        { "logical", "boolean" },  { "character", "string" },
    };

    for (size_t i = 0; type && i < sizeof(names) / sizeof(names[0]); i++) {
        if (!strcmp(type, names[i].wire)) {
            return names[i].json;
        }
    }
    return NULL;
}

mls_json *mls_type_schema(const char *type, apr_pool_t *pool)
{
    const char *scalar = json_type_of(type);
    mls_json *schema;

    if (scalar) {
        schema = typed(scalar, pool);
        if (!strcmp(scalar, "number")) {
            mls_json_set_string(schema, "format", "double");
        }
    }
    else if (type && !strcmp(type, "vector")) {
        schema = array_of(mls_json_object(pool), pool);
    }
    else if (type && !strcmp(type, "matrix")) {
        schema = array_of(array_of(mls_json_object(pool), pool), pool);
    }
    else {
        schema = typed("object", pool);
    }
    mls_json_set_string(schema, "description", type ? type : "object");
    return schema;
}

static mls_json *column_schema(const mls_json *column, apr_pool_t *pool)
{
    const char *type = mls_json_string(column, "type");
    mls_json *levels = mls_json_get(column, "levels");
    mls_json *items = mls_type_schema(type, pool);

    if (mls_json_length(levels) && type && !strcmp(type, "character")) {
        mls_json_set(items, "enum", levels);
    }
    mls_json *schema = array_of(items, pool);

    mls_json_set_string(schema, "description",
                        mls_json_bool(column, "optional", 0)
                            ? "one value per row, null when missing; the "
                              "column may be left out"
                            : "one value per row, null when missing");
    return schema;
}

mls_json *mls_frame_schema(const mls_json *columns, int required,
                           apr_pool_t *pool)
{
    mls_json *schema = mls_type_schema("data.frame", pool);
    mls_json *properties = mls_json_object(pool);
    mls_json *needed = mls_json_array(pool);

    for (size_t i = 0; i < mls_json_length(columns); i++) {
        const mls_json *column = mls_json_at(columns, i);
        const char *name = mls_json_string(column, "name");

        if (!name) {
            continue;
        }
        mls_json_set(properties, name, column_schema(column, pool));
        if (!mls_json_bool(column, "optional", 0)) {
            mls_json_add_string(needed, name);
        }
    }
    mls_json_set(schema, "properties", properties);
    if (required && mls_json_length(needed)) {
        mls_json_set(schema, "required", needed);
    }
    return schema;
}

static void add_example(mls_json *array, const mls_json *column,
                        apr_pool_t *pool)
{
    const char *json_type = json_type_of(mls_json_string(column, "type"));
    mls_json *levels = mls_json_get(column, "levels");

    if (mls_json_length(levels)) {
        mls_json_add(array, mls_json_at(levels, 0));
    }
    else if (json_type && !strcmp(json_type, "string")) {
        mls_json_add_string(array, "text");
    }
    else if (json_type && !strcmp(json_type, "boolean")) {
        mls_json *holder = mls_json_object(pool);

        mls_json_set_bool(holder, "value", 1);
        mls_json_add(array, mls_json_get(holder, "value"));
    }
    else {
        mls_json_add_int(array, 1);
    }
}

mls_json *mls_frame_example(const mls_json *columns, apr_pool_t *pool)
{
    mls_json *example = mls_json_object(pool);

    for (size_t i = 0; i < mls_json_length(columns); i++) {
        const mls_json *column = mls_json_at(columns, i);
        const char *name = mls_json_string(column, "name");
        mls_json *values = mls_json_array(pool);

        if (!name) {
            continue;
        }
        add_example(values, column, pool);
        mls_json_set(example, name, values);
    }
    return example;
}
