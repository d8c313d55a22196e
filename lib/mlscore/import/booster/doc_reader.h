/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_BOOSTER_DOC_READER_H
#define MLSCORE_IMPORT_BOOSTER_DOC_READER_H

/**
 * A pull reader over a JSON or UBJSON document in memory, for models of
 * hundreds of megabytes: nothing is built, long arrays of numbers are read in
 * one call, everything that came from outside is bounded.
 *
 * doc_next() moves to the next event; event, text and number then describe it.
 * The two syntaxes share everything above the tokens (doc_reader.c); they are
 * told apart by the functions of doc_json.c and doc_ubj.c.
 */

#include <stddef.h>
#include <stdint.h>

#include "mlscore/error.h"

typedef enum doc_event {
    DOC_START = 0,
    DOC_OBJECT,
    DOC_OBJECT_END,
    DOC_ARRAY,
    DOC_ARRAY_END,
    DOC_KEY,    /* text: the key; its value comes next */
    DOC_STRING, /* text */
    DOC_NUMBER, /* number */
    DOC_BOOLEAN, /* number: 0 or 1 */
    DOC_NULL,
    DOC_END
} doc_event;

/** One open array or object. */
typedef struct doc_frame {
    uint64_t left;       /* elements to come, when counted */
    unsigned char counted;
    unsigned char type;  /* UBJSON: type of all elements, or 0 */
    unsigned char object;
    unsigned char state; /* JSON: an element was seen */
} doc_frame;

typedef struct doc_reader doc_reader;
struct doc_numbers;

struct doc_reader {
    const unsigned char *bytes;
    size_t size;
    size_t at;
    mlscore_error *err;
    const char *format; /* for messages: "XGBoost JSON" */
    int lines;          /* errors name a line */
    size_t max_depth;

    doc_event event;
    const char *text; /* KEY, STRING: valid until the next call */
    size_t text_length;
    double number;
    size_t event_at; /* offset where the event began */

    doc_frame *frames;
    size_t depth, frame_capacity;
    char *decoded; /* strings with escapes */
    size_t decoded_capacity;

    mlscore_status (*next)(doc_reader *reader);
    /* To the end of the container that was just opened. */
    mlscore_status (*skip)(doc_reader *reader);
    mlscore_status (*numbers)(doc_reader *reader, struct doc_numbers *out);
};

/** What an array of numbers is read into. */
typedef enum doc_number_kind {
    DOC_INT32,  /* whole numbers of 32 bits, booleans as 0 and 1 */
    DOC_FLOAT,  /* rounded once to float */
    DOC_DOUBLE
} doc_number_kind;

typedef struct doc_numbers {
    doc_number_kind kind;
    union {
        int32_t *i;
        float *f;
        double *d;
        void *any;
    } values;
    size_t count;
    size_t capacity; /* kept from array to array */
    size_t maximum;  /* more elements are refused; 0 for none */
} doc_numbers;

/** Begin reading. Nothing is allocated until the first array or object. */
void doc_open_json(doc_reader *reader, const unsigned char *bytes, size_t size,
                   size_t max_depth, mlscore_error *err);
void doc_open_ubj(doc_reader *reader, const unsigned char *bytes, size_t size,
                  size_t max_depth, mlscore_error *err);
void doc_close(doc_reader *reader);
void doc_numbers_free(doc_numbers *numbers);

/** The next event; DOC_END after the document's one value. */
mlscore_status doc_next(doc_reader *reader);

/** Skip the value that the current event begins (nothing to do for a string,
 *  number, boolean or null). */
mlscore_status doc_skip(doc_reader *reader);

/** After a DOC_KEY: read and skip its value. */
mlscore_status doc_skip_value(doc_reader *reader);

/** The current event must be DOC_ARRAY: read it to its end. */
mlscore_status doc_read_numbers(doc_reader *reader, doc_numbers *out);

/** After a DOC_KEY: its value, which must be such an event. */
mlscore_status doc_expect(doc_reader *reader, doc_event event,
                          const char *what);

/** Is the current text this word? */
int doc_text_is(const doc_reader *reader, const char *word);

/** Report an error at the current event: "XGBoost JSON, line N: ...". */
mlscore_status doc_error(const doc_reader *reader, mlscore_status status,
                         const char *format, ...) MLSCORE_PRINTF(3, 4);

/* --- for doc_json.c and doc_ubj.c ---------------------------------------- */

mlscore_status doc_push(doc_reader *reader, const doc_frame *frame);
/** The innermost open container, NULL at the top. */
doc_frame *doc_top(doc_reader *reader);
mlscore_status doc_store_number(doc_reader *reader, doc_numbers *out,
                                double number, float single);
/** Room for `count` more numbers. */
mlscore_status doc_reserve_numbers(doc_reader *reader, doc_numbers *out,
                                   size_t count);

#endif
