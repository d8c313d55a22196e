/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a container: offsets 0 `blob`, 4 `MLS1`, 8 the manifest's length
 * (32 bits, little-endian), 12 the manifest, then the parts in its order. */

#include <json-c/json.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/sha256.h"
#include "import/container.h"

enum {
    MANIFEST_AT = 12,
    MOST_MANIFEST = 64 << 20,
    MOST_DEPTH = 64,
    MOST_FIELDS = 1 << 20
};

int mlscore_is_container(const unsigned char *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "blobMLS1", 8) == 0;
}

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory for the container");
}

static mlscore_status bad(mlscore_error *err, const char *what)
{
    return mlscore_error_set(err, MLSCORE_EFORMAT,
                             "the model container is not valid: %s", what);
}

/* A member of an object, NULL when it is absent or null. */
static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    json_object_object_get_ex(object, name, &value);
    return value;
}

static int copy_text(mlscore_container *container, mlscore_text *out,
                     struct json_object *value)
{
    const char *text = json_object_get_string(value);
    const size_t length = text ? strlen(text) : 0;

    out->bytes = mlscore_arena_copy(container->arena, text ? text : "", length);
    out->length = (uint32_t)length;
    out->level = -1;
    return out->bytes ? 0 : -1;
}

/* ---- columns ------------------------------------------------------------- */

static int read_type(struct json_object *value, mlscore_type *type)
{
    static const char *const names[] = {"numeric", "integer", "logical",
                                        "character"};
    const char *text = json_object_get_string(value);

    for (int i = 0; text && i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *type = (mlscore_type)i;
            return 0;
        }
    }
    /* R's word for a character column with levels. */
    if (text && strcmp(text, "factor") == 0) {
        *type = MLSCORE_CHARACTER;
        return 0;
    }
    return -1;
}

static mlscore_status read_levels(mlscore_container *container,
                                  mlscore_field *field,
                                  struct json_object *value, mlscore_error *err)
{
    if (!value) {
        return MLSCORE_OK;
    }
    if (!json_object_is_type(value, json_type_array)) {
        return bad(err, "a column's \"levels\" must be an array of texts");
    }
    const size_t count = json_object_array_length(value);
    mlscore_text *levels =
        mlscore_arena_calloc(container->arena, count, sizeof(*levels));
    if (!levels || count > UINT32_MAX) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (copy_text(container, &levels[i],
                      json_object_array_get_idx(value, i))) {
            return no_memory(err);
        }
        levels[i].level = (int32_t)i;
    }
    field->levels = levels;
    field->level_count = (uint32_t)count;
    return MLSCORE_OK;
}

static mlscore_status read_field(mlscore_container *container,
                                 mlscore_field *field,
                                 struct json_object *value, mlscore_error *err)
{
    struct json_object *name = member(value, "name");
    mlscore_text text;

    if (!json_object_is_type(name, json_type_string) ||
        json_object_get_string_len(name) == 0) {
        return bad(err, "a column has no \"name\"");
    }
    if (copy_text(container, &text, name)) {
        return no_memory(err);
    }
    field->name = text.bytes;
    field->name_length = text.length;
    if (read_type(member(value, "type"), &field->type)) {
        return mlscore_error_set(
            err, MLSCORE_EFORMAT,
            "the model container is not valid: column \"%.100s\" needs a "
            "\"type\" of numeric, integer, logical or character",
            field->name);
    }
    return read_levels(container, field, member(value, "levels"), err);
}

static mlscore_status read_schema(mlscore_container *container,
                                  mlscore_schema *schema,
                                  const mlscore_schema **hint,
                                  struct json_object *value, mlscore_error *err)
{
    if (!value) {
        return MLSCORE_OK;
    }
    if (!json_object_is_type(value, json_type_array) ||
        json_object_array_length(value) > MOST_FIELDS) {
        return bad(err, "\"inputs\" and \"outputs\" must be arrays of columns");
    }
    const size_t count = json_object_array_length(value);
    mlscore_field *fields =
        mlscore_arena_calloc(container->arena, count, sizeof(*fields));
    if (!fields) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const mlscore_status status = read_field(
            container, &fields[i], json_object_array_get_idx(value, i), err);
        if (status != MLSCORE_OK) {
            return status;
        }
    }
    *schema = (mlscore_schema){fields, (uint32_t)count, 0};
    *hint = schema;
    return MLSCORE_OK;
}

static mlscore_status read_map(mlscore_container *container,
                               struct json_object *value, mlscore_error *err)
{
    if (!value) {
        return MLSCORE_OK;
    }
    if (!json_object_is_type(value, json_type_object)) {
        return bad(err, "\"map\" must be an object of names");
    }
    const size_t count = (size_t)json_object_object_length(value);
    const char **names =
        mlscore_arena_calloc(container->arena, 2 * count, sizeof(char *));
    if (!names) {
        return no_memory(err);
    }
    size_t i = 0;
    json_object_object_foreach(value, from, to)
    {
        mlscore_text text;
        if (!json_object_is_type(to, json_type_string)) {
            return bad(err, "\"map\" must be an object of names");
        }
        names[i] = mlscore_arena_copy(container->arena, from, strlen(from));
        if (!names[i] || copy_text(container, &text, to)) {
            return no_memory(err);
        }
        names[count + i++] = text.bytes;
    }
    container->hints.map_from = names;
    container->hints.map_to = names + count;
    container->hints.map_count = count;
    return MLSCORE_OK;
}

/* ---- parts --------------------------------------------------------------- */

static int same_digest(const char *expected, const char *actual)
{
    for (size_t i = 0; i < MLSCORE_SHA256_HEX; i++) {
        const char c = expected[i];
        if ((c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) != actual[i]) {
            return 0;
        }
    }
    return 1;
}

static void copy_format(mlscore_container *container, struct json_object *value)
{
    const char *text = value ? json_object_get_string(value) : "";
    size_t i = 0;

    for (; text[i] && i + 1 < sizeof(container->format); i++) {
        const char c = text[i];
        container->format[i] =
            (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    container->format[i] = '\0';
}

/* Check one part, which begins at *at, and step over it. */
static mlscore_status read_part(mlscore_container *container,
                                struct json_object *part, int only,
                                const unsigned char **at, size_t *left,
                                mlscore_error *err)
{
    struct json_object *size = member(part, "size");
    struct json_object *digest = member(part, "sha256");
    struct json_object *label = member(part, "name");
    const char *name = label ? json_object_get_string(label) : "model";
    const int64_t bytes = size ? json_object_get_int64(size) : -1;
    char actual[MLSCORE_SHA256_HEX + 1];

    if (!json_object_is_type(size, json_type_int) || bytes < 0 ||
        (uint64_t)bytes > *left) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "the model container is not valid: part "
                                 "\"%.100s\" should have %lld bytes, but %zu "
                                 "are left",
                                 name, (long long)bytes, *left);
    }
    mlscore_sha256_hex(actual, *at, (size_t)bytes);
    if (!json_object_is_type(digest, json_type_string) ||
        json_object_get_string_len(digest) != MLSCORE_SHA256_HEX ||
        !same_digest(json_object_get_string(digest), actual)) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "the model container is not valid: part "
                                 "\"%.100s\" does not have the SHA-256 that "
                                 "the manifest states",
                                 name);
    }
    if (only || strcmp(name, "model") == 0) {
        if (container->model) {
            return bad(err, "two parts are called \"model\"");
        }
        container->model = *at;
        container->model_size = (size_t)bytes;
        copy_format(container, member(part, "format"));
    }
    *at += bytes;
    *left -= (size_t)bytes;
    return MLSCORE_OK;
}

static mlscore_status read_parts(mlscore_container *container,
                                 struct json_object *parts,
                                 const unsigned char *at, size_t left,
                                 mlscore_error *err)
{
    if (!json_object_is_type(parts, json_type_array) ||
        json_object_array_length(parts) == 0) {
        return bad(err, "the manifest lists no \"parts\"");
    }
    const size_t count = json_object_array_length(parts);
    for (size_t i = 0; i < count; i++) {
        const mlscore_status status =
            read_part(container, json_object_array_get_idx(parts, i),
                      count == 1, &at, &left, err);
        if (status != MLSCORE_OK) {
            return status;
        }
    }
    if (left > 0) {
        return mlscore_error_set(err, MLSCORE_EFORMAT,
                                 "the model container is not valid: %zu bytes "
                                 "follow the last part",
                                 left);
    }
    return container->model ? MLSCORE_OK
                            : bad(err, "no part is called \"model\"");
}

/* ---- the manifest -------------------------------------------------------- */

static mlscore_status parse_manifest(struct json_object **out,
                                     const unsigned char *bytes, size_t size,
                                     mlscore_error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(MOST_DEPTH);

    if (!tokener) {
        return no_memory(err);
    }
    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *out = json_tokener_parse_ex(tokener, (const char *)bytes, (int)size);
    const enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (*out && json_object_is_type(*out, json_type_object)) {
        return MLSCORE_OK;
    }
    return mlscore_error_set(
        err, MLSCORE_EFORMAT,
        "the model container is not valid: its manifest is not a JSON object "
        "(%s)",
        error == json_tokener_success    ? "another value"
        : error == json_tokener_continue ? "it ends too early"
                                         : json_tokener_error_desc(error));
}

static mlscore_status read_verify(mlscore_container *container,
                                  struct json_object *value, mlscore_error *err)
{
    if (!value) {
        return MLSCORE_OK;
    }
    /* Numbers keep their text: json-c remembers it. */
    const char *text =
        json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    if (!text) {
        return no_memory(err);
    }
    container->verify_length = strlen(text);
    container->verify =
        mlscore_arena_copy(container->arena, text, container->verify_length);
    return container->verify ? MLSCORE_OK : no_memory(err);
}

static mlscore_status read_manifest(mlscore_container *container,
                                    struct json_object *manifest,
                                    mlscore_error *err)
{
    mlscore_status status =
        read_schema(container, &container->inputs, &container->hints.inputs,
                    member(manifest, "inputs"), err);

    if (status == MLSCORE_OK) {
        status = read_schema(container, &container->outputs,
                             &container->hints.outputs,
                             member(manifest, "outputs"), err);
    }
    if (status == MLSCORE_OK) {
        status = read_map(container, member(manifest, "map"), err);
    }
    return status == MLSCORE_OK
               ? read_verify(container, member(manifest, "verify"), err)
               : status;
}

mlscore_status mlscore_container_read(mlscore_container *out,
                                      const unsigned char *bytes, size_t size,
                                      mlscore_error *err)
{
    struct json_object *manifest = NULL;

    *out = (mlscore_container){.arena = mlscore_arena_create()};
    if (!out->arena) {
        return no_memory(err);
    }
    if (size < MANIFEST_AT) {
        return bad(err, "it ends before its manifest");
    }
    const uint32_t length = mlscore_load_u32(bytes + 8);
    if (length > size - MANIFEST_AT || length > MOST_MANIFEST) {
        return bad(err, "its manifest is longer than the file, or than 64 MiB");
    }
    mlscore_status status =
        parse_manifest(&manifest, bytes + MANIFEST_AT, length, err);
    if (status == MLSCORE_OK) {
        status = read_manifest(out, manifest, err);
    }
    if (status == MLSCORE_OK) {
        status = read_parts(out, member(manifest, "parts"),
                            bytes + MANIFEST_AT + length,
                            size - MANIFEST_AT - length, err);
    }
    json_object_put(manifest);
    return status;
}

void mlscore_container_free(mlscore_container *container)
{
    mlscore_arena_free(container->arena);
    *container = (mlscore_container){.arena = NULL};
}
