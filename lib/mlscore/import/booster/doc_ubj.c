/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UBJSON (draft 12) for the pull reader: big-endian numbers, counted and typed
 * containers.
 */

#include <string.h>

#include "import/booster/doc_reader.h"

static mlscore_status truncated(doc_reader *reader)
{
    return doc_error(reader, MLSCORE_EFORMAT, "the file ends too early");
}

static mlscore_status unknown(doc_reader *reader, int marker)
{
    if (marker > 0x20 && marker < 0x7f) {
        return doc_error(reader, MLSCORE_EFORMAT,
                         "the marker '%c' is not allowed here", marker);
    }
    return doc_error(reader, MLSCORE_EFORMAT,
                     "the byte 0x%02x is not allowed here", marker);
}

/* Bytes of a number's payload, 0 when the marker is not a number's. */
static size_t number_size(int marker)
{
    switch (marker) {
    case 'i':
    case 'U':
        return 1;
    case 'I':
        return 2;
    case 'l':
    case 'd':
        return 4;
    case 'L':
    case 'D':
        return 8;
    default:
        return 0;
    }
}

static uint64_t load(const unsigned char *at, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

static double decode(const unsigned char *at, int marker)
{
    const uint64_t bits = load(at, number_size(marker));

    switch (marker) {
    case 'i':
        return (int8_t)bits;
    case 'U':
        return (double)bits;
    case 'I':
        return (int16_t)bits;
    case 'l':
        return (int32_t)bits;
    case 'L':
        return (double)(int64_t)bits;
    case 'd': {
        const uint32_t low = (uint32_t)bits;
        float value;

        memcpy(&value, &low, sizeof(value));
        return value;
    }
    default: {
        double value;

        memcpy(&value, &bits, sizeof(value));
        return value;
    }
    }
}

/* The next byte that is not a no-op, or -1 at the end. */
static int take_marker(doc_reader *reader)
{
    while (reader->at < reader->size) {
        const int marker = reader->bytes[reader->at++];

        if (marker != 'N') {
            return marker;
        }
    }
    return -1;
}

/* A length: a marker of a whole number and the number. */
static mlscore_status take_length(doc_reader *reader, uint64_t *length)
{
    const int marker = take_marker(reader);
    const size_t size = number_size(marker);

    if (marker < 0) {
        return truncated(reader);
    }
    if (size == 0 || marker == 'd' || marker == 'D') {
        return unknown(reader, marker);
    }
    if (reader->size - reader->at < size) {
        return truncated(reader);
    }
    const uint64_t bits = load(reader->bytes + reader->at, size);

    if (marker != 'U' && bits >> (8 * size - 1)) {
        return doc_error(reader, MLSCORE_EFORMAT, "a length is negative");
    }
    reader->at += size;
    *length = bits;
    return MLSCORE_OK;
}

static mlscore_status take_text(doc_reader *reader)
{
    uint64_t length;
    const mlscore_status status = take_length(reader, &length);

    if (status != MLSCORE_OK) {
        return status;
    }
    if (length > reader->size - reader->at) {
        return truncated(reader);
    }
    reader->text = (const char *)reader->bytes + reader->at;
    reader->text_length = (size_t)length;
    reader->at += (size_t)length;
    return MLSCORE_OK;
}

/* After "[" or "{": the optional type and count. */
static mlscore_status open_container(doc_reader *reader, int marker)
{
    doc_frame frame = {.object = marker == '{'};
    mlscore_status status = MLSCORE_OK;

    if (reader->at < reader->size && reader->bytes[reader->at] == '$') {
        if (reader->size - reader->at < 2) {
            return truncated(reader);
        }
        frame.type = reader->bytes[reader->at + 1];
        reader->at += 2;
        if (!frame.type || !strchr("iUIlLdDSCTFZ[{", frame.type)) {
            return unknown(reader, frame.type);
        }
        if (reader->at >= reader->size || reader->bytes[reader->at] != '#') {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "a typed container has no count");
        }
    }
    if (reader->at < reader->size && reader->bytes[reader->at] == '#') {
        reader->at++;
        frame.counted = 1;
        status = take_length(reader, &frame.left);
        /* Elements without payload could be any number in no bytes. */
        if (status == MLSCORE_OK && frame.left > reader->size - reader->at) {
            return doc_error(reader, MLSCORE_EFORMAT,
                             "a container counts more elements than the file "
                             "has bytes");
        }
    }
    if (status != MLSCORE_OK) {
        return status;
    }
    reader->event = marker == '{' ? DOC_OBJECT : DOC_ARRAY;
    return doc_push(reader, &frame);
}

static mlscore_status read_value(doc_reader *reader, int marker)
{
    const size_t size = number_size(marker);

    if (size) {
        if (reader->size - reader->at < size) {
            return truncated(reader);
        }
        reader->number = decode(reader->bytes + reader->at, marker);
        reader->at += size;
        reader->event = DOC_NUMBER;
        return MLSCORE_OK;
    }
    switch (marker) {
    case 'S':
        reader->event = DOC_STRING;
        return take_text(reader);
    case 'C':
        if (reader->at >= reader->size) {
            return truncated(reader);
        }
        reader->event = DOC_STRING;
        reader->text = (const char *)reader->bytes + reader->at++;
        reader->text_length = 1;
        return MLSCORE_OK;
    case 'T':
    case 'F':
        reader->event = DOC_BOOLEAN;
        reader->number = marker == 'T';
        return MLSCORE_OK;
    case 'Z':
        reader->event = DOC_NULL;
        return MLSCORE_OK;
    case '[':
    case '{':
        return open_container(reader, marker);
    case -1:
        return truncated(reader);
    default:
        return unknown(reader, marker);
    }
}

static mlscore_status end_container(doc_reader *reader, const doc_frame *top)
{
    reader->event = top->object ? DOC_OBJECT_END : DOC_ARRAY_END;
    reader->depth--;
    return MLSCORE_OK;
}

static void skip_no_ops(doc_reader *reader)
{
    while (reader->at < reader->size && reader->bytes[reader->at] == 'N') {
        reader->at++;
    }
}

static mlscore_status ubj_next(doc_reader *reader)
{
    doc_frame *top = doc_top(reader);

    reader->event_at = reader->at;
    if (!top) {
        if (reader->event == DOC_START) {
            return read_value(reader, take_marker(reader));
        }
        /* Old releases pad the file; what follows the value is not ours. */
        reader->event = DOC_END;
        return MLSCORE_OK;
    }
    if (!(top->object && reader->event == DOC_KEY)) {
        if (top->counted && top->left == 0) {
            return end_container(reader, top);
        }
        if (!top->counted) {
            skip_no_ops(reader);
            if (reader->at < reader->size &&
                reader->bytes[reader->at] == (top->object ? '}' : ']')) {
                reader->at++;
                return end_container(reader, top);
            }
        }
        top->left -= top->counted;
        if (top->object) {
            const mlscore_status status = take_text(reader);

            reader->event = DOC_KEY;
            return status;
        }
    }
    return read_value(reader, top->type ? top->type : take_marker(reader));
}

static mlscore_status ubj_skip(doc_reader *reader)
{
    const size_t outside = reader->depth - 1;

    while (reader->depth > outside) {
        doc_frame *top = doc_top(reader);
        const size_t size = top->type ? number_size(top->type) : 0;

        if (!top->object && size) {
            if (top->left > (reader->size - reader->at) / size) {
                return truncated(reader);
            }
            reader->at += (size_t)top->left * size;
            top->left = 0;
        }
        const mlscore_status status = ubj_next(reader);

        if (status != MLSCORE_OK) {
            return status;
        }
    }
    return MLSCORE_OK;
}

/* The rest of an array of numbers, after its header. */
static mlscore_status ubj_numbers(doc_reader *reader, doc_numbers *out)
{
    const doc_frame frame = *doc_top(reader);
    const size_t size = frame.type ? number_size(frame.type) : 0;
    mlscore_status status = MLSCORE_OK;

    if (size) {
        if (frame.left > (reader->size - reader->at) / size) {
            return truncated(reader);
        }
        status = doc_reserve_numbers(reader, out, (size_t)frame.left);
        for (uint64_t i = 0; i < frame.left && status == MLSCORE_OK; i++) {
            const double number =
                decode(reader->bytes + reader->at, frame.type);

            reader->at += size;
            status = doc_store_number(reader, out, number, (float)number);
        }
        reader->depth--;
        reader->event = DOC_ARRAY_END;
        return status;
    }
    for (;;) {
        status = ubj_next(reader);
        if (status != MLSCORE_OK || reader->event == DOC_ARRAY_END) {
            return status;
        }
        if (reader->event != DOC_NUMBER && reader->event != DOC_BOOLEAN) {
            return doc_error(reader, MLSCORE_EFORMAT, "a number is expected");
        }
        status = doc_store_number(reader, out, reader->number,
                                  (float)reader->number);
        if (status != MLSCORE_OK) {
            return status;
        }
    }
}

void doc_open_ubj(doc_reader *reader, const unsigned char *bytes, size_t size,
                  size_t max_depth, mlscore_error *err)
{
    *reader = (doc_reader){.bytes = bytes,
                           .size = size,
                           .err = err,
                           .format = "XGBoost UBJSON",
                           .max_depth = max_depth,
                           .next = ubj_next,
                           .skip = ubj_skip,
                           .numbers = ubj_numbers};
}
