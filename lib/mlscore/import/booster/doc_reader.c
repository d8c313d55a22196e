/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the pull reader that JSON and UBJSON share.
 */

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/doc_reader.h"

void doc_close(doc_reader *reader)
{
    mlscore_free(reader->frames);
    mlscore_free(reader->decoded);
    reader->frames = NULL;
    reader->decoded = NULL;
}

void doc_numbers_free(doc_numbers *numbers)
{
    mlscore_free(numbers->values.any);
    numbers->values.any = NULL;
    numbers->count = numbers->capacity = 0;
}

/* Counted only when there is something to report. */
static unsigned long line_of(const doc_reader *reader, size_t offset)
{
    unsigned long line = 1;

    for (size_t i = 0; i < offset && i < reader->size; i++) {
        line += reader->bytes[i] == '\n';
    }
    return line;
}

mlscore_status doc_error(const doc_reader *reader, mlscore_status status,
                         const char *format, ...)
{
    char message[400];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return mlscore_error_at(reader->err, status, reader->event_at,
                            reader->lines ? line_of(reader, reader->event_at)
                                          : 0,
                            "%s, byte %zu: %s", reader->format,
                            reader->event_at, message);
}

mlscore_status doc_push(doc_reader *reader, const doc_frame *frame)
{
    if (reader->depth >= reader->max_depth) {
        return doc_error(reader, MLSCORE_ELIMIT,
                         "nested deeper than %zu levels", reader->max_depth);
    }
    if (mlscore_grow(&reader->frames, &reader->frame_capacity, reader->depth,
                     sizeof(*reader->frames))) {
        return doc_error(reader, MLSCORE_ENOMEM, "not enough memory");
    }
    reader->frames[reader->depth++] = *frame;
    return MLSCORE_OK;
}

doc_frame *doc_top(doc_reader *reader)
{
    return reader->depth ? &reader->frames[reader->depth - 1] : NULL;
}

mlscore_status doc_next(doc_reader *reader)
{
    return reader->next(reader);
}

mlscore_status doc_skip(doc_reader *reader)
{
    if (reader->event != DOC_OBJECT && reader->event != DOC_ARRAY) {
        return MLSCORE_OK;
    }
    return reader->skip(reader);
}

mlscore_status doc_skip_value(doc_reader *reader)
{
    const mlscore_status status = doc_next(reader);

    return status == MLSCORE_OK ? doc_skip(reader) : status;
}

mlscore_status doc_expect(doc_reader *reader, doc_event event,
                          const char *what)
{
    const mlscore_status status = doc_next(reader);

    if (status == MLSCORE_OK && reader->event != event) {
        static const char *const names[] = {
            "nothing", "an object", "the end of an object", "an array",
            "the end of an array", "a key", "text", "a number", "a boolean",
            "null", "the end"};

        return doc_error(reader, MLSCORE_EFORMAT, "\"%s\" should be %s, not %s",
                         what, names[event], names[reader->event]);
    }
    return status;
}

int doc_text_is(const doc_reader *reader, const char *word)
{
    return reader->text_length == strlen(word) &&
           memcmp(reader->text, word, reader->text_length) == 0;
}

mlscore_status doc_reserve_numbers(doc_reader *reader, doc_numbers *out,
                                   size_t count)
{
    const size_t size = out->kind == DOC_DOUBLE ? 8 : 4;

    if (out->maximum &&
        (out->count > out->maximum || count > out->maximum - out->count)) {
        return doc_error(reader, MLSCORE_ELIMIT,
                         "an array has more than %zu elements", out->maximum);
    }
    while (out->capacity - out->count < count) {
        if (mlscore_grow(&out->values.any, &out->capacity, out->capacity,
                         size)) {
            return doc_error(reader, MLSCORE_ENOMEM, "not enough memory");
        }
    }
    return MLSCORE_OK;
}

mlscore_status doc_store_number(doc_reader *reader, doc_numbers *out,
                                double number, float single)
{
    const mlscore_status status = doc_reserve_numbers(reader, out, 1);

    if (status != MLSCORE_OK) {
        return status;
    }
    switch (out->kind) {
    case DOC_FLOAT:
        out->values.f[out->count] = single;
        break;
    case DOC_DOUBLE:
        out->values.d[out->count] = number;
        break;
    default:
        if (!(number >= INT32_MIN && number <= UINT32_MAX) ||
            number != floor(number)) {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "%g is not a whole number of 32 bits", number);
        }
        out->values.i[out->count] = (int32_t)(uint32_t)(int64_t)number;
        break;
    }
    out->count++;
    return MLSCORE_OK;
}

mlscore_status doc_read_numbers(doc_reader *reader, doc_numbers *out)
{
    out->count = 0;
    if (reader->event != DOC_ARRAY) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "an array of numbers is expected here");
    }
    return reader->numbers(reader, out);
}
