/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMAGE_IMAGE_FORMAT_H
#define MLSCORE_IMAGE_IMAGE_FORMAT_H

/**
 * The bytes of an image's header, section table and common sections, as
 * offsets. docs/internals/images.md is the same as prose.
 */

#include "mlscore/version.h"

/* Eight bytes that neither a text nor any format that we import begins with,
 * and that a transfer as text would damage. */
#define MLSCORE_IMAGE_MAGIC "\x89MLSIMG\n"

enum {
    MLSCORE_IMAGE_ALIGN = 64,
    MLSCORE_IMAGE_MAX_SECTIONS = 1024,

    /* header, 64 bytes */
    MLSCORE_HEADER_VERSION = 8,   /* u32, MLSCORE_IMAGE_FORMAT */
    MLSCORE_HEADER_ENGINE = 12,   /* u32, mlscore_engine_id */
    MLSCORE_HEADER_SIZE = 16,     /* u64, of the whole file */
    MLSCORE_HEADER_CHECKSUM = 24, /* u64, XXH3 of all bytes but these */
    MLSCORE_HEADER_SECTIONS = 32, /* u32, entries in the table */
    MLSCORE_HEADER_BYTES = 64,    /* the rest is zero */

    /* section table entry, 32 bytes, directly after the header */
    MLSCORE_ENTRY_KIND = 0,   /* u32 */
    MLSCORE_ENTRY_OFFSET = 8, /* u64, multiple of 64 */
    MLSCORE_ENTRY_SIZE = 16,  /* u64 */
    MLSCORE_ENTRY_BYTES = 32, /* the rest is zero */

    /* schema section: header, fields, levels, text */
    MLSCORE_SCHEMA_INPUTS = 0,  /* u32 */
    MLSCORE_SCHEMA_OUTPUTS = 4, /* u32 */
    MLSCORE_SCHEMA_LEVELS = 8,  /* u32 */
    MLSCORE_SCHEMA_TEXT = 12,   /* u32, bytes of text */
    MLSCORE_SCHEMA_FLAGS = 16,  /* u32, MLSCORE_SCHEMA_BY_POSITION */
    MLSCORE_SCHEMA_BYTES = 24,  /* the rest is zero */
    MLSCORE_SCHEMA_BY_POSITION = 1,

    MLSCORE_FIELD_NAME = 0,         /* u32, offset in text */
    MLSCORE_FIELD_NAME_LENGTH = 4,  /* u32, without the zero byte after it */
    MLSCORE_FIELD_FIRST_LEVEL = 8,  /* u32, index of a level */
    MLSCORE_FIELD_LEVEL_COUNT = 12, /* u32 */
    MLSCORE_FIELD_TYPE = 16,        /* u8, mlscore_type */
    MLSCORE_FIELD_FLAGS = 17,       /* u8, MLSCORE_FLAG_* */
    MLSCORE_FIELD_BYTES = 24,       /* the rest is zero */

    MLSCORE_LEVEL_OFFSET = 0, /* u32, offset in text */
    MLSCORE_LEVEL_LENGTH = 4, /* u32 */
    MLSCORE_LEVEL_BYTES = 8,

    MLSCORE_FLAG_OPTIONAL = 1,
    MLSCORE_FLAG_LENIENT = 2,
    MLSCORE_FLAG_SINGLE = 4,
    MLSCORE_FLAG_LEVELS = 8, /* enumerated, even when there are no levels */
    MLSCORE_FLAGS_ALL = 15
};

#endif
