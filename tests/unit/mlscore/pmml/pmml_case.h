/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_MLSCORE_PMML_CASE_H
#define TESTS_UNIT_MLSCORE_PMML_CASE_H

/**
 * What the tests of PMML share: small documents, rows and the answers that
 * they must give.
 *
 * A case is a document, rows as CSV and the answer as CSV. Cells that are
 * numbers are compared as such, to 1e-12; a row that must be refused is
 * a line of "!" and a part of the reason.
 */

#include "unit/mlscore/support.h"

#include "mlscore/body.h"
#include "mlscore/import.h"
#include "mlscore/model.h"
#include "mlscore/score.h"

/** A document of these parts. Attributes are in single quotes. */
#define PMML_DOCUMENT(fields, models)                                  \
    "<PMML xmlns='http://www.dmg.org/PMML-4_4' version='4.4'>"         \
    "<Header/><DataDictionary>" fields "</DataDictionary>" models      \
    "</PMML>"

#define NUMBER(name) \
    "<DataField name='" name "' optype='continuous' dataType='double'/>"
#define TEXT(name) \
    "<DataField name='" name "' optype='categorical' dataType='string'/>"
#define ACTIVE(name) "<MiningField name='" name "'/>"
#define TARGET(name) "<MiningField name='" name "' usageType='target'/>"

typedef struct pmml_case {
    const char *name;
    const char *document;
    const char *rows;
    const char *answer;
} pmml_case;

/** Compile a document; fails the test with the importer's message. */
static inline void *compile(const char *document, size_t *size)
{
    mlscore_error err;
    void *image = NULL;

    if (mlscore_compile_memory(document, strlen(document), &image, size, NULL,
                               &err) != MLSCORE_OK) {
        fail_msg("not compiled: %s", err.message);
    }
    return image;
}

/** The document must be refused with this status, at this line of it (0: any)
 *  and with this part of a message. */
static inline void check_refused(const char *document, mlscore_status status,
                                 unsigned line, const char *part)
{
    mlscore_error err;
    void *image = NULL;
    size_t size;

    const mlscore_status got = mlscore_compile_memory(
        document, strlen(document), &image, &size, NULL, &err);

    free(image);
    if (got == MLSCORE_OK) {
        fail_msg("accepted, but should say \"%s\"", part);
    }
    if (got != status || !strstr(err.message, part) ||
        (line > 0 && err.line != line)) {
        fail_msg("status %d line %lu: \"%s\", not %d line %u: \"%s\"", got,
                 (unsigned long)err.line, err.message, status, line, part);
    }
}

/** Score rows with an opened model; the answer as CSV with refused rows as
 *  "!reason". Free it. */
static inline char *model_answer(const mlscore_model *model, const char *rows)
{
    mlscore_context *context;
    mlscore_buffer csv = {0}, text = {0};
    mlscore_error err;

    assert_int_equal(mlscore_context_create(&context, &err), MLSCORE_OK);
    assert_int_equal(mlscore_context_bind(context, model, &err), MLSCORE_OK);
    if (mlscore_read_csv(mlscore_context_input(context), rows, strlen(rows),
                         NULL, &err) != MLSCORE_OK ||
        mlscore_score(context, &err) != MLSCORE_OK) {
        fail_msg("not scored: %s", err.message);
    }
    const mlscore_frame *out = mlscore_context_output(context);

    assert_int_equal(mlscore_write_csv(&csv, out, &err), MLSCORE_OK);
    assert_int_equal(mlscore_buffer_append(&csv, "", 1), MLSCORE_OK);

    char *line = csv.bytes;
    for (size_t row = 0; *line != '\0'; row++) {
        char *end = strchr(line, '\n');
        const char *reason = NULL;

        assert_non_null(end);
        for (size_t i = 0; row > 0 && i < out->row_error_count; i++) {
            if (out->row_errors[i].row == row - 1) {
                reason = out->row_errors[i].message;
            }
        }
        if (reason) {
            mlscore_buffer_append(&text, "!", 1);
            mlscore_buffer_append(&text, reason, strlen(reason));
        }
        else {
            mlscore_buffer_append(&text, line, (size_t)(end - line));
        }
        mlscore_buffer_append(&text, "\n", 1);
        line = end + 1;
    }
    assert_int_equal(mlscore_buffer_append(&text, "", 1), MLSCORE_OK);
    mlscore_buffer_free(&csv);
    mlscore_context_free(context);
    return text.bytes;
}

/** The same for a document. */
static inline char *answer_of(const char *document, const char *rows)
{
    size_t size;
    void *image = compile(document, &size);
    mlscore_model *model;
    mlscore_error err;

    if (mlscore_model_open_memory(&model, image, size, &err) != MLSCORE_OK) {
        fail_msg("not opened: %s", err.message);
    }
    char *answer = model_answer(model, rows);

    mlscore_model_close(model);
    free(image);
    return answer;
}

/** 1 when two cells are the same text or nearly the same number. */
static inline int same_cell(const char *a, size_t length_a, const char *b,
                            size_t length_b)
{
    double x, y;

    if (length_a == length_b && memcmp(a, b, length_a) == 0) {
        return 1;
    }
    return length_a > 0 && length_b > 0 &&
           mlscore_parse_double(a, length_a, &x) == length_a &&
           mlscore_parse_double(b, length_b, &y) == length_b &&
           fabs(x - y) <= 1e-12 * (1.0 + fabs(x) + fabs(y));
}

static inline int same_line(const char *got, size_t length, const char *want)
{
    const char *const end = got + length;
    const char *const want_end = want + strcspn(want, "\n");

    if (*want == '!') {
        char reason[1024];

        snprintf(reason, sizeof(reason), "%.*s", (int)length, got);
        want++;
        char *part = strndup(want, (size_t)(want_end - want));
        const int found = *got == '!' && strstr(reason, part) != NULL;

        free(part);
        return found;
    }
    for (;;) {
        size_t a = 0, b = 0;

        while (got + a < end && got[a] != ',') {
            a++;
        }
        while (want + b < want_end && want[b] != ',') {
            b++;
        }
        if (!same_cell(got, a, want, b)) {
            return 0;
        }
        got += a;
        want += b;
        if (got == end || want == want_end) {
            return got == end && want == want_end;
        }
        got++;
        want++;
    }
}

/** 1 when the rows give the answer; says what they give when not. */
static inline int gives(const char *name, const char *document,
                        const char *rows, const char *answer)
{
    char *got = answer_of(document, rows);
    const char *at = got, *want = answer;
    int same = 1;

    while (same && *at && *want) {
        const size_t length = strcspn(at, "\n");

        same = same_line(at, length, want);
        at += length + 1;
        want += strcspn(want, "\n");
        want += *want == '\n';
    }
    same = same && !*at && !*want;
    if (!same) {
        print_message("%s gives\n%s\nnot\n%s\n", name, got, answer);
    }
    free(got);
    return same;
}

static inline void check_cases(const pmml_case *cases, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        failed += !gives(cases[i].name, cases[i].document, cases[i].rows,
                         cases[i].answer);
    }
    assert_int_equal(failed, 0);
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

#endif
