/* SPDX-License-Identifier: Apache-2.0 */
/* The schema and text sections, written and read; image_format.h has the
 * bytes. */

#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "frame/levels.h"
#include "image/image_format.h"
#include "image/schema_section.h"

/* ---- writing ------------------------------------------------------------- */

/* The four pieces grow side by side and are joined at the end. */
struct writer {
    mlscore_buffer fields;
    mlscore_buffer levels;
    mlscore_buffer text;
    uint32_t level_count;
    mlscore_status status;
};

static void check(struct writer *writer, mlscore_status status)
{
    if (writer->status == MLSCORE_OK) {
        writer->status = status;
    }
}

/* Append text and a zero byte; the offset it got. */
static uint32_t put_text(struct writer *writer, const char *bytes,
                         uint32_t length)
{
    const size_t offset = writer->text.length;

    check(writer, mlscore_buffer_append(&writer->text, bytes, length));
    check(writer, mlscore_put_u8(&writer->text, 0));
    return (uint32_t)offset;
}

static uint8_t flags_of(const mlscore_field *field)
{
    return (uint8_t)((field->optional ? MLSCORE_FLAG_OPTIONAL : 0) |
                     (field->lenient ? MLSCORE_FLAG_LENIENT : 0) |
                     (field->single ? MLSCORE_FLAG_SINGLE : 0) |
                     (field->levels ? MLSCORE_FLAG_LEVELS : 0));
}

static void put_field(struct writer *writer, const mlscore_field *field)
{
    mlscore_buffer *out = &writer->fields;

    check(writer, mlscore_put_u32(
                      out, put_text(writer, field->name, field->name_length)));
    check(writer, mlscore_put_u32(out, field->name_length));
    check(writer, mlscore_put_u32(out, writer->level_count));
    check(writer, mlscore_put_u32(out, field->level_count));
    check(writer, mlscore_put_u8(out, (uint8_t)field->type));
    check(writer, mlscore_put_u8(out, flags_of(field)));
    check(writer, mlscore_put_u16(out, 0));
    check(writer, mlscore_put_u32(out, 0));
    for (uint32_t i = 0; i < field->level_count; i++) {
        const mlscore_text *level = &field->levels[i];
        check(writer,
              mlscore_put_u32(&writer->levels,
                              put_text(writer, level->bytes, level->length)));
        check(writer, mlscore_put_u32(&writer->levels, level->length));
    }
    writer->level_count += field->level_count;
}

static mlscore_status join(struct writer *writer, mlscore_buffer *section,
                           const mlscore_schema *inputs,
                           const mlscore_schema *outputs)
{
    check(writer, mlscore_put_u32(section, inputs->field_count));
    check(writer, mlscore_put_u32(section, outputs->field_count));
    check(writer, mlscore_put_u32(section, writer->level_count));
    check(writer, mlscore_put_u32(section, (uint32_t)writer->text.length));
    check(writer, mlscore_put_u32(section, inputs->by_position
                                               ? MLSCORE_SCHEMA_BY_POSITION
                                               : 0));
    check(writer, mlscore_put_u32(section, 0));
    check(writer, mlscore_buffer_append(section, writer->fields.bytes,
                                        writer->fields.length));
    check(writer, mlscore_buffer_append(section, writer->levels.bytes,
                                        writer->levels.length));
    check(writer, mlscore_buffer_append(section, writer->text.bytes,
                                        writer->text.length));
    return writer->status;
}

mlscore_status mlscore_image_builder_schema(mlscore_image_builder *builder,
                                            const mlscore_schema *inputs,
                                            const mlscore_schema *outputs,
                                            mlscore_error *err)
{
    /* Offsets have 32 bits. */
    struct writer writer = {.text.maximum = UINT32_MAX,
                            .levels.maximum = UINT32_MAX,
                            .fields.maximum = UINT32_MAX};
    mlscore_buffer section = {0};

    for (uint32_t i = 0; i < inputs->field_count; i++) {
        put_field(&writer, &inputs->fields[i]);
    }
    for (uint32_t i = 0; i < outputs->field_count; i++) {
        put_field(&writer, &outputs->fields[i]);
    }
    mlscore_status status = join(&writer, &section, inputs, outputs);
    if (status == MLSCORE_OK) {
        status = mlscore_image_builder_add(builder, MLSCORE_SECTION_SCHEMA,
                                           section.bytes, section.length, err);
    }
    else {
        mlscore_error_set(err, status,
                          status == MLSCORE_ELIMIT
                              ? "the model's columns and levels are too large"
                              : "not enough memory to compile the model");
    }
    mlscore_buffer_free(&writer.fields);
    mlscore_buffer_free(&writer.levels);
    mlscore_buffer_free(&writer.text);
    mlscore_buffer_free(&section);
    return status;
}

mlscore_status mlscore_image_builder_texts(mlscore_image_builder *builder,
                                           const char *format, const char *kind,
                                           const char *producer,
                                           mlscore_error *err)
{
    const char *const texts[] = {format, kind, producer};
    mlscore_buffer section = {0};
    mlscore_status status = MLSCORE_OK;

    for (size_t i = 0; i < 3 && status == MLSCORE_OK; i++) {
        const char *text = texts[i] ? texts[i] : "";
        status = mlscore_buffer_append(&section, text, strlen(text) + 1);
    }
    if (status == MLSCORE_OK) {
        status = mlscore_image_builder_add(builder, MLSCORE_SECTION_TEXT,
                                           section.bytes, section.length, err);
    }
    else {
        mlscore_error_set(err, status,
                          "not enough memory to compile the model");
    }
    mlscore_buffer_free(&section);
    return status;
}

/* ---- reading ------------------------------------------------------------- */

static mlscore_status damaged(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_EIMAGE,
                             "the compiled model is damaged (its columns); "
                             "compile the model's file again");
}

static mlscore_status no_memory(mlscore_error *err)
{
    return mlscore_error_set(err, MLSCORE_ENOMEM,
                             "not enough memory to open the model");
}

/* The section's pieces after their sizes were checked. */
struct parts {
    uint32_t input_count;
    uint32_t output_count;
    uint32_t level_count;
    const unsigned char *fields;
    const unsigned char *levels;
    const char *text;
    uint32_t text_size;
    int by_position;
};

static int split(struct parts *parts, const unsigned char *bytes, size_t size)
{
    if (size < MLSCORE_SCHEMA_BYTES) {
        return -1;
    }
    *parts = (struct parts){
        .input_count = mlscore_load_u32(bytes + MLSCORE_SCHEMA_INPUTS),
        .output_count = mlscore_load_u32(bytes + MLSCORE_SCHEMA_OUTPUTS),
        .level_count = mlscore_load_u32(bytes + MLSCORE_SCHEMA_LEVELS),
        .text_size = mlscore_load_u32(bytes + MLSCORE_SCHEMA_TEXT)};
    const uint32_t flags = mlscore_load_u32(bytes + MLSCORE_SCHEMA_FLAGS);
    const uint64_t fields =
        ((uint64_t)parts->input_count + parts->output_count) *
        MLSCORE_FIELD_BYTES;
    const uint64_t levels = (uint64_t)parts->level_count * MLSCORE_LEVEL_BYTES;

    if (MLSCORE_SCHEMA_BYTES + fields + levels + parts->text_size != size ||
        (flags & ~(uint32_t)MLSCORE_SCHEMA_BY_POSITION)) {
        return -1;
    }
    parts->by_position = (flags & MLSCORE_SCHEMA_BY_POSITION) != 0;
    parts->fields = bytes + MLSCORE_SCHEMA_BYTES;
    parts->levels = parts->fields + fields;
    parts->text = (const char *)parts->levels + levels;
    return 0;
}

/* A text inside the section, with its zero byte; NULL when it is not. */
static const char *text_at(const struct parts *parts, uint32_t offset,
                           uint32_t length)
{
    if (offset >= parts->text_size || length >= parts->text_size - offset ||
        parts->text[offset + length] != '\0') {
        return NULL;
    }
    return parts->text + offset;
}

static int read_field(mlscore_field *field, const struct parts *parts,
                      const unsigned char *at, mlscore_text *levels)
{
    const uint32_t first = mlscore_load_u32(at + MLSCORE_FIELD_FIRST_LEVEL);
    const uint32_t count = mlscore_load_u32(at + MLSCORE_FIELD_LEVEL_COUNT);
    const uint8_t type = at[MLSCORE_FIELD_TYPE];
    const uint8_t flags = at[MLSCORE_FIELD_FLAGS];
    const uint32_t length = mlscore_load_u32(at + MLSCORE_FIELD_NAME_LENGTH);
    const char *name =
        text_at(parts, mlscore_load_u32(at + MLSCORE_FIELD_NAME), length);

    if (!name || strlen(name) != length || type > MLSCORE_CHARACTER ||
        (flags & ~MLSCORE_FLAGS_ALL) || first > parts->level_count ||
        count > parts->level_count - first ||
        (count > 0 && !(flags & MLSCORE_FLAG_LEVELS))) {
        return -1;
    }
    *field = (mlscore_field){
        .name = name,
        .name_length = length,
        .type = (mlscore_type)type,
        .optional = (flags & MLSCORE_FLAG_OPTIONAL) != 0,
        .lenient = (flags & MLSCORE_FLAG_LENIENT) != 0,
        .single = (flags & MLSCORE_FLAG_SINGLE) != 0,
        .levels = flags & MLSCORE_FLAG_LEVELS ? levels + first : NULL,
        .level_count = count};
    return 0;
}

/* Levels know their own position, and long lists get an index. */
static int finish_levels(mlscore_image_schemas *out, mlscore_field *fields,
                         size_t count, mlscore_text *levels)
{
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].levels) {
            continue;
        }
        mlscore_text *own = levels + (fields[i].levels - levels);
        for (uint32_t j = 0; j < fields[i].level_count; j++) {
            own[j].level = (int32_t)j;
        }
        if (fields[i].level_count >= MLSCORE_LEVEL_INDEX_FROM) {
            fields[i].level_index = mlscore_level_index_create(
                out->indexes, own, fields[i].level_count);
            if (!fields[i].level_index) {
                return -1;
            }
        }
    }
    return 0;
}

static mlscore_status read_all(mlscore_image_schemas *out,
                               const struct parts *parts, mlscore_error *err)
{
    const size_t count = (size_t)parts->input_count + parts->output_count;
    mlscore_field *fields = out->memory;
    mlscore_text *levels = (mlscore_text *)(void *)(fields + count);

    for (uint32_t i = 0; i < parts->level_count; i++) {
        const unsigned char *at =
            parts->levels + (size_t)i * MLSCORE_LEVEL_BYTES;
        const uint32_t length = mlscore_load_u32(at + MLSCORE_LEVEL_LENGTH);
        const char *text =
            text_at(parts, mlscore_load_u32(at + MLSCORE_LEVEL_OFFSET), length);
        if (!text) {
            return damaged(err);
        }
        levels[i] = (mlscore_text){text, length, -1};
    }
    for (size_t i = 0; i < count; i++) {
        if (read_field(&fields[i], parts,
                       parts->fields + i * MLSCORE_FIELD_BYTES, levels)) {
            return damaged(err);
        }
    }
    if (finish_levels(out, fields, count, levels)) {
        return no_memory(err);
    }
    out->inputs =
        (mlscore_schema){fields, parts->input_count, parts->by_position};
    out->outputs =
        (mlscore_schema){fields + parts->input_count, parts->output_count, 0};
    return MLSCORE_OK;
}

mlscore_status mlscore_image_schemas_read(mlscore_image_schemas *out,
                                          const mlscore_image *image,
                                          mlscore_error *err)
{
    size_t size;
    const void *bytes =
        mlscore_image_section(image, MLSCORE_SECTION_SCHEMA, &size);
    struct parts parts;

    *out = (mlscore_image_schemas){.memory = NULL};
    if (!bytes || split(&parts, bytes, size)) {
        return damaged(err);
    }
    /* Both counts are bounded by the section's size. */
    const size_t memory = ((size_t)parts.input_count + parts.output_count) *
                              sizeof(mlscore_field) +
                          (size_t)parts.level_count * sizeof(mlscore_text);
    out->memory = mlscore_malloc(memory);
    out->indexes = mlscore_arena_create();
    const mlscore_status status = out->memory && out->indexes
                                      ? read_all(out, &parts, err)
                                      : no_memory(err);
    if (status != MLSCORE_OK) {
        mlscore_image_schemas_free(out);
    }
    return status;
}

void mlscore_image_schemas_free(mlscore_image_schemas *schemas)
{
    mlscore_free(schemas->memory);
    mlscore_arena_free(schemas->indexes);
    *schemas = (mlscore_image_schemas){.memory = NULL};
}

mlscore_status mlscore_image_texts_read(mlscore_image_texts *out,
                                        const mlscore_image *image,
                                        mlscore_error *err)
{
    size_t size;
    const char *text =
        mlscore_image_section(image, MLSCORE_SECTION_TEXT, &size);
    const char *found[3] = {"", "", ""};

    for (size_t i = 0; text && i < 3; i++) {
        const char *end = memchr(text, '\0', size);
        if (!end) {
            return mlscore_error_set(err, MLSCORE_EIMAGE,
                                     "the compiled model is damaged (its "
                                     "texts); compile the model's file again");
        }
        found[i] = text;
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    *out = (mlscore_image_texts){found[0], found[1], found[2]};
    return MLSCORE_OK;
}
