/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of key=value and lists of numbers.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/booster/lightgbm.h"
#include "mlscore/body.h"

mlscore_status lightgbm_error(const lightgbm_text *text, mlscore_status status,
                              const char *format, ...)
{
    char message[400];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return mlscore_error_at(text->err, status, text->at, text->number,
                            "LightGBM, line %lu: %s", text->number, message);
}

int lightgbm_next_line(lightgbm_text *text, lightgbm_line *line)
{
    if (text->at >= text->size) {
        return 0;
    }
    const char *start = text->bytes + text->at;
    const size_t left = text->size - text->at;
    const char *end = memchr(start, '\n', left);
    size_t length = end ? (size_t)(end - start) : left;

    text->at += length + (end != NULL);
    text->number++;
    if (length && start[length - 1] == '\r') {
        length--;
    }
    const char *equals = length ? memchr(start, '=', length) : NULL;

    *line = (lightgbm_line){.key = start,
                            .key_length = length,
                            .number = text->number};
    if (equals) {
        line->key_length = (size_t)(equals - start);
        line->value = equals + 1;
        line->value_length = length - line->key_length - 1;
    }
    return 1;
}

int lightgbm_key_is(const lightgbm_line *line, const char *key)
{
    return line->key_length == strlen(key) &&
           memcmp(line->key, key, line->key_length) == 0;
}

/* C's spellings of what is no decimal number. */
static size_t parse_special(const char *at, size_t left, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"nan", __builtin_nan("")},
                 {"-nan", __builtin_nan("")},
                 {"inf", __builtin_inf()},
                 {"-inf", -__builtin_inf()}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const size_t length = strlen(words[i].word);

        if (left >= length && memcmp(at, words[i].word, length) == 0) {
            *value = words[i].value;
            return length;
        }
    }
    return 0;
}

mlscore_status lightgbm_read_numbers(const lightgbm_text *text,
                                     const lightgbm_line *line,
                                     lightgbm_numbers *numbers)
{
    const char *at = line->value;
    size_t left = line->value ? line->value_length : 0;

    numbers->count = 0;
    for (;;) {
        while (left && (*at == ' ' || *at == '\t')) {
            at++;
            left--;
        }
        if (left == 0) {
            return MLSCORE_OK;
        }
        if (mlscore_grow(&numbers->values, &numbers->capacity, numbers->count,
                         sizeof(*numbers->values))) {
            return booster_no_memory(text->err);
        }
        double *value = &numbers->values[numbers->count++];
        size_t used = mlscore_parse_double(at, left, value);

        used = used ? used : parse_special(at, left, value);
        if (used == 0 || (used < left && at[used] != ' ' && at[used] != '\t')) {
            return lightgbm_error(text, MLSCORE_EFORMAT,
                                  "\"%.*s\" should be numbers, element %zu is "
                                  "not", (int)line->key_length, line->key,
                                  numbers->count - 1);
        }
        at += used;
        left -= used;
    }
}

mlscore_status lightgbm_read_count(const lightgbm_text *text,
                                   const lightgbm_line *line,
                                   uint32_t maximum, uint32_t *count)
{
    double number = -1;

    if (!line->value ||
        mlscore_parse_double(line->value, line->value_length, &number) !=
            line->value_length ||
        !(number >= 0 && number <= maximum) ||
        number != (double)(uint32_t)number) {
        return lightgbm_error(text, MLSCORE_EFORMAT,
                              "\"%.*s\" should be a whole number up to %u",
                              (int)line->key_length, line->key, maximum);
    }
    *count = (uint32_t)number;
    return MLSCORE_OK;
}
