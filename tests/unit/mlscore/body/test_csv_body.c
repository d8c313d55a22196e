/* SPDX-License-Identifier: Apache-2.0 */
/* CSV bodies in and out, JSON out. */

#include "unit/mlscore/support.h"

#include "mlscore/body.h"

static const mlscore_field fields[] = {
    {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC},
    {.name = "n", .name_length = 1, .type = MLSCORE_INTEGER, .optional = 1},
    {.name = "b", .name_length = 1, .type = MLSCORE_LOGICAL, .optional = 1},
    {.name = "s", .name_length = 1, .type = MLSCORE_CHARACTER, .optional = 1},
};
static const mlscore_schema schema = {fields, 4, 0};

static const char *round_trip(const mlscore_schema *columns, const char *body,
                              size_t length)
{
    static char out[4096];
    const mlscore_read_options options = {.max_rows = 8};
    mlscore_frame *frame;
    mlscore_error err;
    mlscore_buffer text = {0};
    char *copy = malloc(length ? length : 1);

    memcpy(copy, body, length);
    assert_int_equal(mlscore_frame_create(&frame, columns, &err), MLSCORE_OK);
    if (mlscore_read_csv(frame, copy, length, &options, &err) != MLSCORE_OK) {
        snprintf(out, sizeof(out), "line %lu: %s", err.line, err.message);
    }
    else {
        assert_int_equal(mlscore_write_csv(&text, frame, &err), MLSCORE_OK);
        snprintf(out, sizeof(out), "%.*s", (int)text.length, text.bytes);
    }
    mlscore_buffer_free(&text);
    mlscore_frame_free(frame);
    free(copy);
    return out;
}

static const struct {
    const char *name, *body, *out;
} good[] = {
    {"plain", "x,n,b,s\n1,2,true,text\n", "x,n,b,s\n1,2,true,text\n"},
    {"another order", "s,x\na,1\nb,2\n", "x,n,b,s\n1,,,a\n2,,,b\n"},
    {"CRLF", "x,s\r\n1,a\r\n2,b\r\n", "x,n,b,s\n1,,,a\n2,,,b\n"},
    {"no line end at the end", "x,s\n1,a\n2,b", "x,n,b,s\n1,,,a\n2,,,b\n"},
    {"a byte order mark", "\xEF\xBB\xBFx\n1\n", "x,n,b,s\n1,,,\n"},
    {"empty cells", "x,n,b,s\n,,,\n1,,,\n", "x,n,b,s\n,,,\n1,,,\n"},
    {"quotation marks", "x,s\n\"1\",\"a,\"\"b\"\"\nc\"\n",
     "x,n,b,s\n1,,,\"a,\"\"b\"\"\nc\"\n"},
    {"a quotation mark in the middle", "x,s\n1,a\"b\n",
     "x,n,b,s\n1,,,\"a\"\"b\"\n"},
    {"quoted before CRLF", "s,x\r\n\"a\",\"2\"\r\n", "x,n,b,s\n2,,,a\n"},
    {"logicals in any case", "x,b\n1,TRUE\n2,False\n3,1\n4,0\n",
     "x,n,b,s\n1,,true,\n2,,false,\n3,,true,\n4,,false,\n"},
    {"logicals in columns of numbers", "x,n\ntrue,false\n",
     "x,n,b,s\n1,0,,\n"},
    {"numbers' other forms", "x\n.5\n5.\n+1\n007\n 2 \n1e3\n-0\n",
     "x,n,b,s\n0.5,,,\n5,,,\n1,,,\n7,,,\n2,,,\n1000,,,\n-0,,,\n"},
    {"names for what is not a number", "x\nNaN\nInfinity\n-Infinity\ninf\n",
     "x,n,b,s\n,,,\n,,,\n,,,\n,,,\n"},
    {"NA is text", "x,s\n1,NA\n", "x,n,b,s\n1,,,NA\n"},
    {"whole numbers", "x,n\n1,2.0\n1,1e3\n", "x,n,b,s\n1,2,,\n1,1000,,\n"},
    {"unknown columns", "q,x,r\n\"a\nb\",1,2\n", "x,n,b,s\n1,,,\n"},
    {"blank lines between rows", "x,s\n\n1,a\n\r\n2,b\n\n",
     "x,n,b,s\n1,,,a\n2,,,b\n"},
    {"no rows", "x\n", "x,n,b,s\n"},
    {"blanks in text", "x,s\n1, a \n", "x,n,b,s\n1,,, a \n"},
};

static void good_bodies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *out = round_trip(&schema, good[i].body,
                                     strlen(good[i].body));
        if (strcmp(out, good[i].out) != 0) {
            fail_msg("%s: %s", good[i].name, out);
        }
    }
}

static const struct {
    const char *name, *body, *message;
} bad[] = {
    {"nothing", "", "the body is empty"},
    {"a first line that is blank", "\nx\n1\n", "column \"x\" is missing"},
    {"a missing column", "n,s\n1,a\n", "column \"x\" is missing"},
    {"a column twice", "x,n,x\n1,2,3\n", "column \"x\", byte 0: the first line "
                                         "names the column twice"},
    {"an unknown column twice", "q,x,q\n1,2,3\n", "column \"q\", byte 0: the "
                                                  "first line names"},
    {"text for a number", "x,s\n1,a\nabc,b\n",
     "line 3: column \"x\", row 1, byte 8: expected a number, found \"abc\""},
    {"half a number", "x\n1.5kg\n", "expected a number, found \"1.5kg\""},
    {"a fraction for an integer", "x,n\n1,1.5\n",
     "column \"n\", row 0, byte 6: expected an integer"},
    {"a number that is too large", "x\n1e999\n", "too large for a double"},
    {"text for a logical", "x,b\n1,yes\n",
     "column \"b\", row 0, byte 6: expected true or false, found \"yes\""},
    {"too few cells", "x,n,s\n1,2\n",
     "row 0, byte 9: 2 cells, but the first line names 3 columns"},
    {"too many cells", "x,n\n1,2\n3,4,5\n",
     "line 3: row 1, byte 11: more than 2 cells, but the first line names 2"},
    {"a cell without end", "x,s\n1,\"abc\n",
     "column \"s\", row 0, byte 6: the quotation mark is never closed"},
    {"text after a quotation mark", "x,s\n1,\"a\"b\n",
     "expected a comma or the end of the line after a quotation mark"},
    {"invalid UTF-8", "x,s\n1,a\xFF\n",
     "column \"s\", row 0, byte 7: invalid UTF-8"},
    {"invalid UTF-8 in an unknown column", "x,q\n1,a\xFF\n",
     "column \"q\", row 0, byte 7: invalid UTF-8"},
    {"invalid UTF-8 in the first line", "x,\xC3\n1,2\n", "invalid UTF-8"},
    {"too many rows", "x\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", "more than 8 rows"},
};

static void bad_bodies_are_refused_by_name_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *out = round_trip(&schema, bad[i].body,
                                     strlen(bad[i].body));
        if (!strstr(out, bad[i].message)) {
            fail_msg("%s: %s", bad[i].name, out);
        }
    }
}

static void a_row_of_one_missing_cell_is_no_blank_line(void **state)
{
    static const mlscore_schema one = {fields, 1, 0};

    (void)state;
    assert_string_equal(round_trip(&one, "x\n1\n\"\"\n\n2\n", 10),
                        "x\n1\n\"\"\n\"\"\n2\n");
}

static void columns_are_taken_by_position_where_names_say_nothing(void **state)
{
    static const mlscore_field two[] = {
        {.name = "x0", .name_length = 2, .type = MLSCORE_NUMERIC},
        {.name = "x1", .name_length = 2, .type = MLSCORE_NUMERIC}};
    static const mlscore_schema positions = {two, 2, 1};

    (void)state;
    assert_string_equal(round_trip(&positions, "a,b\n1,2\n", 8),
                        "x0,x1\n1,2\n");
    assert_string_equal(round_trip(&positions, "x1,x0\n1,2\n", 10),
                        "x0,x1\n2,1\n");
    assert_non_null(strstr(round_trip(&positions, "a,b,c\n1,2,3\n", 12),
                           "column \"x0\" is missing"));
}

/* ---- writing -------------------------------------------------------------- */

static mlscore_frame *answer(void)
{
    static const mlscore_field outputs[] = {
        {.name = "p", .name_length = 1, .type = MLSCORE_NUMERIC},
        {.name = "f", .name_length = 1, .type = MLSCORE_NUMERIC, .single = 1},
        {.name = "a,\"b\"", .name_length = 5, .type = MLSCORE_CHARACTER},
    };
    static const mlscore_schema schema_out = {outputs, 3, 0};
    static const double values[] = {0.1, (double)NAN, (double)INFINITY,
                                    -(double)INFINITY};
    mlscore_frame *frame;

    assert_int_equal(mlscore_frame_create(&frame, &schema_out, NULL),
                     MLSCORE_OK);
    mlscore_frame_reserve(frame, 5, NULL);
    frame->rows = 5;
    for (size_t row = 0; row < 4; row++) {
        frame->columns[0].values.numeric[row] = values[row];
        frame->columns[1].values.numeric[row] = (double)0.1f;
        frame->columns[2].values.character[row] =
            (mlscore_text){"\xC3\xA9\n\xFF", 4, -1};
        for (int i = 0; i < 3; i++) {
            frame->columns[i].missing[row] = 0;
        }
    }
    for (int i = 0; i < 3; i++) {
        mlscore_column_set_missing(&frame->columns[i], 4);
    }
    return frame;
}

static void answers_are_written_as_csv(void **state)
{
    mlscore_frame *frame = answer();
    mlscore_buffer out = {0};

    (void)state;
    assert_int_equal(mlscore_write_csv(&out, frame, NULL), MLSCORE_OK);
    mlscore_buffer_append(&out, "", 1);
    assert_string_equal(out.bytes,
                        "p,f,\"a,\"\"b\"\"\"\n"
                        "0.1,0.1,\"\xC3\xA9\n\xFF\"\n"
                        "NaN,0.1,\"\xC3\xA9\n\xFF\"\n"
                        "Infinity,0.1,\"\xC3\xA9\n\xFF\"\n"
                        "-Infinity,0.1,\"\xC3\xA9\n\xFF\"\n"
                        ",,\n");
    mlscore_buffer_free(&out);
    mlscore_frame_free(frame);
}

static void answers_are_written_as_json(void **state)
{
    mlscore_frame *frame = answer();
    mlscore_buffer out = {0};

    (void)state;
    assert_int_equal(mlscore_write_json(&out, frame, NULL), MLSCORE_OK);
    mlscore_buffer_append(&out, "", 1);
    assert_string_equal(
        out.bytes,
        "{\"p\":[0.1,null,null,null,null],\"f\":[0.1,0.1,0.1,0.1,null],"
        "\"a,\\\"b\\\"\":[\"\xC3\xA9\\n\xEF\xBF\xBD\",\"\xC3\xA9\\n\xEF\xBF\xBD"
        "\",\"\xC3\xA9\\n\xEF\xBF\xBD\",\"\xC3\xA9\\n\xEF\xBF\xBD\",null]}");
    mlscore_buffer_free(&out);
    mlscore_frame_free(frame);
}

/* Exactly as large as it must be, and one byte less. */
static void a_writer_stops_at_the_limit(void **state)
{
    typedef mlscore_status writer(mlscore_buffer *, const mlscore_frame *,
                                  mlscore_error *);
    writer *const writers[] = {mlscore_write_json, mlscore_write_csv};
    mlscore_frame *frame = answer();
    mlscore_error err;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        mlscore_buffer free_size = {0};
        assert_int_equal(writers[i](&free_size, frame, &err), MLSCORE_OK);
        mlscore_buffer exact = {.maximum = free_size.length};
        assert_int_equal(writers[i](&exact, frame, &err), MLSCORE_OK);
        mlscore_buffer_free(&exact);
        for (size_t maximum = 1; maximum < free_size.length; maximum++) {
            mlscore_buffer less = {.maximum = maximum};
            assert_int_equal(writers[i](&less, frame, &err), MLSCORE_ELIMIT);
            assert_true(less.length <= maximum);
            mlscore_buffer_free(&less);
        }
        mlscore_buffer_free(&free_size);
    }
    mlscore_frame_free(frame);
}

static void every_byte_becomes_a_valid_json_string(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        static const char *const named[] = {
            [8] = "\\b", [9] = "\\t", [10] = "\\n", [12] = "\\f",
            [13] = "\\r"};
        mlscore_buffer out = {0};
        const char byte = (char)c;
        char wanted[16];
        assert_int_equal(mlscore_write_json_string(&out, &byte, 1),
                         MLSCORE_OK);
        mlscore_buffer_append(&out, "", 1);
        if (c < 0x20 && c < 14 && named[c]) {
            snprintf(wanted, sizeof(wanted), "\"%s\"", named[c]);
        }
        else if (c < 0x20) {
            snprintf(wanted, sizeof(wanted), "\"\\u00%02x\"", (unsigned)c);
        }
        else if (c == '"' || c == '\\') {
            snprintf(wanted, sizeof(wanted), "\"\\%c\"", c);
        }
        else {
            snprintf(wanted, sizeof(wanted), "\"%.3s\"",
                     c < 0x80 ? (char[]){byte, 0} : "\xEF\xBF\xBD");
        }
        assert_string_equal(out.bytes, wanted);
        mlscore_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bodies_are_read),
        cmocka_unit_test(bad_bodies_are_refused_by_name_and_place),
        cmocka_unit_test(a_row_of_one_missing_cell_is_no_blank_line),
        cmocka_unit_test(
            columns_are_taken_by_position_where_names_say_nothing),
        cmocka_unit_test(answers_are_written_as_csv),
        cmocka_unit_test(answers_are_written_as_json),
        cmocka_unit_test(a_writer_stops_at_the_limit),
        cmocka_unit_test(every_byte_becomes_a_valid_json_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
