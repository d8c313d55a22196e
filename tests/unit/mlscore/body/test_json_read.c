/* SPDX-License-Identifier: Apache-2.0 */
/* JSON bodies: what is read, and what is said about what is not. */

#include "unit/mlscore/support.h"

#include "mlscore/body.h"

static const mlscore_text colours[] = {{"red", 3, 0}, {"blue", 4, 1}};

static const mlscore_field fields[] = {
    {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC},
    {.name = "n", .name_length = 1, .type = MLSCORE_INTEGER, .optional = 1},
    {.name = "b", .name_length = 1, .type = MLSCORE_LOGICAL, .optional = 1},
    {.name = "s", .name_length = 1, .type = MLSCORE_CHARACTER, .optional = 1},
    {.name = "c",
     .name_length = 1,
     .type = MLSCORE_CHARACTER,
     .optional = 1,
     .lenient = 1,
     .levels = colours,
     .level_count = 2},
    {.name = "y",
     .name_length = 1,
     .type = MLSCORE_NUMERIC,
     .optional = 1,
     .lenient = 1},
};
static const mlscore_schema schema = {fields, 6, 0};

/* Read `body` and write the columns that it named; the error's message when
 * it is refused. */
static const char *round_trip(const mlscore_schema *columns, const char *body,
                              size_t length,
                              const mlscore_read_options *options)
{
    static char out[4096];
    mlscore_frame *frame;
    mlscore_error err;
    mlscore_buffer text = {0};
    /* A copy without anything behind it: the sanitizer sees what is read. */
    char *copy = malloc(length ? length : 1);

    memcpy(copy, body, length);
    assert_int_equal(mlscore_frame_create(&frame, columns, &err), MLSCORE_OK);
    if (mlscore_read_json(frame, copy, length, options, &err) != MLSCORE_OK) {
        snprintf(out, sizeof(out), "%s", err.message);
        assert_int_equal(frame->rows, 0);
    }
    else {
        assert_int_equal(mlscore_write_json(&text, frame, &err), MLSCORE_OK);
        snprintf(out, sizeof(out), "%.*s", (int)text.length, text.bytes);
    }
    mlscore_buffer_free(&text);
    mlscore_frame_free(frame);
    free(copy);
    return out;
}

static const struct {
    const char *name, *body, *columns; /* only those that are not all null */
} good[] = {
    {"columns", "{\"inputData\":{\"x\":[1,2.5],\"s\":[\"a\",\"b\"]}}",
     "\"x\":[1,2.5]|\"s\":[\"a\",\"b\"]"},
    {"rows in any order of names",
     "{\"inputData\":[{\"x\":1,\"s\":\"a\"},{\"s\":\"b\",\"x\":2}]}",
     "\"x\":[1,2]|\"s\":[\"a\",\"b\"]"},
    {"scalars are one row", "{\"inputData\":{\"x\":1,\"b\":true}}",
     "\"x\":[1]|\"b\":[true]"},
    {"a scalar beside an array of one", "{\"inputData\":{\"x\":[1],\"n\":7}}",
     "\"x\":[1]|\"n\":[7]"},
    {"null, NaN and infinities are missing",
     "{\"inputData\":{\"x\":[null,NaN,Infinity,-Infinity,1]}}",
     "\"x\":[null,null,null,null,1]"},
    {"missing in every type",
     "{\"inputData\":{\"x\":[1,2],\"n\":[null,NaN],\"b\":[null,true],"
     "\"s\":[null,\"\"]}}",
     "\"x\":[1,2]|\"n\":[null,null]|\"b\":[null,true]|\"s\":[null,\"\"]"},
    {"blanks anywhere",
     " {\r\n\t\"inputData\" : { \"x\" : [ 1 , 2 ] , \"n\" : [ 3 , 4 ] } } \n",
     "\"x\":[1,2]|\"n\":[3,4]"},
    {"a byte order mark", "\xEF\xBB\xBF{\"inputData\":{\"x\":[1]}}",
     "\"x\":[1]"},
    {"other members before and after",
     "{\"a\":[{\"b\":[]},\"\\u0041\"],\"inputData\":{\"x\":1},\"z\":{}}",
     "\"x\":[1]"},
    {"unknown columns",
     "{\"inputData\":{\"q\":[{\"k\":[1,{}]}],\"x\":[1],\"r\":null}}",
     "\"x\":[1]"},
    {"unknown names in rows",
     "{\"inputData\":[{\"q\":{\"a\":1},\"x\":1},{\"x\":2,\"r\":[[]]}]}",
     "\"x\":[1,2]"},
    {"a column that may be left out of a row",
     "{\"inputData\":[{\"x\":1},{\"x\":2,\"n\":5}]}",
     "\"x\":[1,2]|\"n\":[null,5]"},
    {"escapes in names",
     "{\"\\u0069nputData\":{\"\\u0078\":[1],\"s\":[\"\\u00e9\\ud83d\\ude00"
     "\\n\"]}}",
     "\"x\":[1]|\"s\":[\"\xC3\xA9\xF0\x9F\x98\x80\\n\"]"},
    {"every escape",
     "{\"inputData\":{\"x\":[1],\"s\":[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\"]"
     "}}",
     "\"s\":[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"]"},
    {"a text longer than the blocks that are scanned at once",
     "{\"inputData\":{\"x\":1,\"s\":\"0123456789abcdef0123456789abcdef!\\u20ac"
     "\"}}",
     "\"s\":[\"0123456789abcdef0123456789abcdef!\xE2\x82\xAC\"]"},
    {"whole numbers are integers",
     "{\"inputData\":{\"x\":[1,2],\"n\":[1.0,2e3]}}", "\"n\":[1,2000]"},
    {"the ends of the integers",
     "{\"inputData\":{\"x\":[1,2],\"n\":[9223372036854775807,"
     "-9223372036854775808]}}",
     "\"n\":[9223372036854775807,-9223372036854775808]"},
    {"lenient text from numbers and logicals",
     "{\"inputData\":{\"x\":[1,2,3],\"c\":[1.50,true,\"red\"]}}",
     "\"c\":[\"1.50\",\"true\",\"red\"]"},
    {"lenient numbers from text",
     "{\"inputData\":{\"x\":[1,2,3,4],\"y\":[\" 1.5 \",2,\"\",\"NaN\"]}}",
     "\"y\":[1.5,2,null,null]"},
    {"no rows as rows", "{\"inputData\":[]}", "\"x\":[]"},
    {"no rows as columns", "{\"inputData\":{\"x\":[],\"n\":[ ]}}",
     "\"x\":[]|\"n\":[]"},
    {"numbers that are not exact",
     "{\"inputData\":{\"x\":[0.1,123456789012345678901234567890,1e-400,-0]}}",
     "\"x\":[0.1,1.2345678901234568e29,0,-0]"},
};

static void good_bodies_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char *out = round_trip(&schema, good[i].body,
                                     strlen(good[i].body), NULL);
        char parts[1024];
        char *rest = parts;
        snprintf(parts, sizeof(parts), "%s", good[i].columns);
        for (char *part; (part = strsep(&rest, "|")) != NULL;) {
            if (!strstr(out, part)) {
                fail_msg("%s: %s is not in %s", good[i].name, part, out);
            }
        }
    }
}

static const struct {
    const char *name, *body, *message; /* part of it */
} bad[] = {
    {"nothing", "", "expected an object, {\"inputData\": ...}, but the body "
                    "ends"},
    {"an array", "[1]", "byte 0: expected an object"},
    {"no inputData", "{\"a\":1}", "the body has no \"inputData\"; expected"},
    {"inputData of another type", "{\"inputData\":3}",
     "byte 13: expected columns"},
    {"inputData twice", "{\"inputData\":{\"x\":1},\"inputData\":{\"x\":1}}",
     "byte 21: the body has \"inputData\" twice"},
    {"something after the end", "{\"inputData\":{\"x\":1}} x",
     "byte 22: expected nothing after the object, found 'x'"},
    {"a required column that is missing", "{\"inputData\":{\"n\":[1]}}",
     "column \"x\" is missing"},
    {"a required column that a row lacks",
     "{\"inputData\":[{\"x\":1},{\"n\":2}]}",
     "column \"x\", row 1, byte 28: the row does not name the column"},
    {"text for a number", "{\"inputData\":{\"x\":[1,\"a\"]}}",
     "column \"x\", row 1, byte 21: expected a number, found a text"},
    {"a number for text", "{\"inputData\":{\"x\":[1],\"s\":[2]}}",
     "column \"s\", row 0, byte 27: expected a text, found a number"},
    {"true for a number", "{\"inputData\":{\"x\":[true]}}",
     "expected a number, found true"},
    {"true for a lenient number", "{\"inputData\":{\"x\":1,\"y\":[true]}}",
     "column \"y\", row 0, byte 25: expected a number, found true"},
    {"a number for a logical", "{\"inputData\":{\"x\":[1],\"b\":[1]}}",
     "expected true or false, found a number"},
    {"an array in a cell", "{\"inputData\":{\"x\":[[1]]}}",
     "column \"x\", row 0, byte 19: expected a number, found an array"},
    {"an object in a cell", "{\"inputData\":{\"x\":[{}]}}",
     "expected a number, found an object"},
    {"a fraction for an integer", "{\"inputData\":{\"x\":[1],\"n\":[1.5]}}",
     "column \"n\", row 0, byte 27: expected an integer"},
    {"an integer that is too large",
     "{\"inputData\":{\"x\":[1],\"n\":[9223372036854775808]}}",
     "too large for 64 bits"},
    {"a number that is too large", "{\"inputData\":{\"x\":[1,1e400]}}",
     "column \"x\", row 1, byte 21: the number is too large"},
    {"lenient text that is no number",
     "{\"inputData\":{\"x\":[1],\"y\":[\"abc\"]}}",
     "column \"y\", row 0, byte 27: expected a number, found \"abc\""},
    {"fewer values", "{\"inputData\":{\"x\":[1,2],\"n\":[1]}}",
     "column \"n\", byte 28: 1 values, but column \"x\" has 2"},
    {"more values", "{\"inputData\":{\"x\":[1,2],\"n\":[1,2,3]}}",
     "column \"n\", byte 28: 3 values, but column \"x\" has 2"},
    {"a column twice", "{\"inputData\":{\"x\":[1],\"x\":[1]}}",
     "column \"x\", byte 26: the column comes twice"},
    {"a column twice, spelled differently",
     "{\"inputData\":{\"x\":[1],\"\\u0078\":[1]}}", "the column comes twice"},
    {"an unknown column twice",
     "{\"inputData\":{\"x\":[1],\"q\":1,\"q\":2}}",
     "byte 28: the name \"q\" comes twice"},
    {"a name twice in a row", "{\"inputData\":[{\"x\":1,\"x\":2}]}",
     "column \"x\", row 0, byte 21: the row names the column twice"},
    {"an unknown name twice in a row",
     "{\"inputData\":[{\"q\":1,\"x\":1,\"q\":2}]}",
     "the name \"q\" comes twice"},
    {"a name twice in a skipped object",
     "{\"z\":[{\"a\":{\"k\":1,\"l\":2,\"\\u006b\":3}}],\"inputData\":{\"x\":1}"
     "}",
     "the name \"k\" comes twice"},
    {"a name twice at the top", "{\"a\":1,\"inputData\":{\"x\":1},\"a\":1}",
     "the name \"a\" comes twice"},
    {"half of a surrogate pair", "{\"inputData\":{\"x\":1,\"s\":[\"\\ud800\"]}}",
     "column \"s\", row 0, byte 26: half of a surrogate pair"},
    {"the other half alone", "{\"inputData\":{\"x\":1,\"s\":[\"\\udc00\"]}}",
     "half of a surrogate pair"},
    {"two first halves",
     "{\"inputData\":{\"x\":1,\"s\":[\"\\ud800\\ud800\"]}}",
     "half of a surrogate pair"},
    {"a surrogate in a skipped text", "{\"a\":\"\\ud800\"}",
     "half of a surrogate pair"},
    {"invalid UTF-8", "{\"inputData\":{\"x\":1,\"s\":[\"ab\xFF\"]}}",
     "column \"s\", row 0, byte 28: invalid UTF-8"},
    {"invalid UTF-8 in a skipped text", "{\"a\":[\"\xC0\x80\"]}",
     "byte 7: invalid UTF-8"},
    {"invalid UTF-8 between values", "{\"inputData\":\xFF{\"x\":1}}",
     "byte 13: invalid UTF-8"},
    {"an unknown escape", "{\"inputData\":{\"x\":1,\"s\":\"\\q\"}}",
     "unknown escape"},
    {"a short \\u", "{\"inputData\":{\"x\":1,\"s\":\"\\u12g4\"}}",
     "four hexadecimal digits"},
    {"a control character", "{\"inputData\":{\"x\":1,\"s\":\"a\nb\"}}",
     "the control character 0x0a must be escaped"},
    {"a text without end", "{\"inputData\":{\"x\":1,\"s\":\"abc",
     "byte 24: the text is never closed"},
    {"a body that ends", "{\"inputData\":{\"x\":[1,", "but the body ends"},
    {"a comma too many", "{\"inputData\":{\"x\":[1,]}}",
     "column \"x\", row 1, byte 21: expected a value, found ']'"},
    {"a comma too many among columns", "{\"inputData\":{\"x\":[1],}}",
     "expected a name in quotation marks, found '}'"},
    {"a comma that is missing", "{\"inputData\":{\"x\":[1 2]}}",
     "column \"x\", row 0, byte 21: expected ',' or ']', found '2'"},
    {"a colon that is missing", "{\"inputData\":{\"x\" [1]}}",
     "expected a colon"},
    {"the wrong bracket", "{\"inputData\":{\"x\":[1}}",
     "expected ',' or ']', found '}'"},
    {"a leading zero", "{\"inputData\":{\"x\":[01]}}",
     "not a number of JSON"},
    {"a leading plus", "{\"inputData\":{\"x\":[+1]}}",
     "expected a value, found '+'"},
    {"no digit after the point", "{\"inputData\":{\"x\":[1.]}}",
     "not a number of JSON"},
    {"no digit before the point", "{\"inputData\":{\"x\":[.5]}}",
     "expected a value"},
    {"no digit in the exponent", "{\"inputData\":{\"x\":[1e]}}",
     "not a number of JSON"},
    {"a lone minus", "{\"inputData\":{\"x\":[-]}}", "not a number of JSON"},
    {"a word", "{\"inputData\":{\"x\":[tru]}}",
     "column \"x\", row 0, byte 19: expected a value, found 't'"},
    {"-NaN", "{\"inputData\":{\"x\":[-NaN]}}", "not a number of JSON"},
    {"a row that is no object", "{\"inputData\":[{\"x\":1},[2]]}",
     "row 1, byte 22: expected a row as an object"},
    {"nested too deep", "{\"z\":[[[[[[[[[[1]]]]]]]]]]}",
     "nested deeper than 8 levels"},
    {"too many rows", "{\"inputData\":{\"x\":[1,2,3,4,5,6,7,8,9]}}",
     "column \"x\", byte 35: more than 8 rows"},
    {"too many rows as objects",
     "{\"inputData\":[{\"x\":1},{\"x\":1},{\"x\":1},{\"x\":1},{\"x\":1},"
     "{\"x\":1},{\"x\":1},{\"x\":1},{\"x\":1}]}",
     "row 8, byte 78: more than 8 rows"},
};

static void bad_bodies_are_refused_by_name_and_place(void **state)
{
    const mlscore_read_options options = {.max_rows = 8, .max_depth = 8};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *out = round_trip(&schema, bad[i].body,
                                     strlen(bad[i].body), &options);
        if (!strstr(out, bad[i].message)) {
            fail_msg("%s: %s", bad[i].name, out);
        }
    }
}

/* Every beginning of a body is refused, and read no further than it goes. */
static void every_truncated_body_is_refused(void **state)
{
    static const char body[] =
        "{\"a\":[1,{\"b\":null}],\"inputData\":{\"x\":[1.5e3,-2,NaN],"
        "\"s\":[\"\\u00e9\\ud83d\\ude00\",\"\xE2\x82\xAC\",null],"
        "\"b\":[true,false,true]}}";
    const size_t length = strlen(body);
    char message[8192];

    (void)state;
    for (size_t cut = 0; cut < length; cut++) {
        snprintf(message, sizeof(message), "%s",
                 round_trip(&schema, body, cut, NULL));
        if (!strstr(message, "byte ")) {
            fail_msg("%zu bytes were accepted: %s", cut, message);
        }
    }
    assert_non_null(strstr(round_trip(&schema, body, length, NULL),
                           "\"x\":[1500,-2,null]"));
}

static void an_error_says_the_line_too(void **state)
{
    static const char body[] = "{\n\"inputData\":\n{\"x\":[1,\n\n?]}}";
    mlscore_frame *frame;
    mlscore_error err;

    (void)state;
    assert_int_equal(mlscore_frame_create(&frame, &schema, &err), MLSCORE_OK);
    assert_int_equal(
        mlscore_read_json(frame, body, strlen(body), NULL, &err),
        MLSCORE_EINPUT);
    assert_int_equal(err.line, 5);
    assert_int_equal(err.offset, 25);
    mlscore_frame_free(frame);
}

static void levels_are_told_by_position(void **state)
{
    static const char body[] =
        "{\"inputData\":{\"x\":[1,2,3],\"c\":[\"blue\",\"green\",\"r\\u0065d\"]}"
        "}";
    mlscore_frame *frame;

    (void)state;
    assert_int_equal(mlscore_frame_create(&frame, &schema, NULL), MLSCORE_OK);
    assert_int_equal(mlscore_read_json(frame, body, strlen(body), NULL, NULL),
                     MLSCORE_OK);
    assert_int_equal(frame->columns[4].values.character[0].level, 1);
    assert_int_equal(frame->columns[4].values.character[1].level, -1);
    assert_int_equal(frame->columns[4].values.character[2].level, 0);
    assert_int_equal(frame->columns[4].present, 1);
    assert_int_equal(frame->columns[1].present, 0);
    mlscore_frame_free(frame);
}

/* ---- by position ---------------------------------------------------------- */

static void graph_inputs_are_taken_by_position(void **state)
{
    static const mlscore_field two[] = {
        {.name = "x0", .name_length = 2, .type = MLSCORE_NUMERIC},
        {.name = "x1", .name_length = 2, .type = MLSCORE_NUMERIC}};
    static const mlscore_schema positions = {two, 2, 1};
    static const mlscore_schema names = {two, 2, 0};
    static const struct {
        const char *body, *out;
    } cases[] = {
        {"{\"inputData\":{\"x1\":[2],\"x0\":[1]}}", "{\"x0\":[1],\"x1\":[2]}"},
        {"{\"inputData\":{\"b\":[1,3],\"a\":[2,4]}}",
         "{\"x0\":[1,3],\"x1\":[2,4]}"},
        {"{\"inputData\":{\"x1\":[1],\"a\":[2]}}", "{\"x0\":[1],\"x1\":[2]}"},
        {"{\"inputData\":[{\"b\":1,\"a\":2},{\"a\":4,\"b\":3}]}",
         "{\"x0\":[1,3],\"x1\":[2,4]}"},
        {"{\"inputData\":{\"a\":[1]}}", "column \"x0\" is missing"},
        {"{\"inputData\":{\"a\":[1],\"b\":[2],\"c\":[3]}}",
         "column \"x0\" is missing"},
        {"{\"inputData\":{\"a\":[1],\"b\":[\"t\"]}}",
         "column \"b\", row 0, byte 27: expected a number, found a text"},
        {"{\"inputData\":[{\"a\":1,\"b\":2},{\"a\":1}]}",
         "column \"b\", row 1, byte 34: the row does not name the column"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *out = round_trip(&positions, cases[i].body,
                                     strlen(cases[i].body), NULL);
        if (!strstr(out, cases[i].out)) {
            fail_msg("%s: %s", cases[i].body, out);
        }
    }
    assert_string_equal(round_trip(&names, cases[1].body,
                                   strlen(cases[1].body), NULL),
                        "column \"x0\" is missing");
}

/* ---- size ----------------------------------------------------------------- */

static void many_columns_in_any_order_are_found(void **state)
{
    enum { COUNT = 3000 };
    static char labels[COUNT][8];
    static mlscore_field many[COUNT];
    const mlscore_schema wide = {many, COUNT, 0};
    mlscore_frame *frame;
    mlscore_buffer body = {0};
    mlscore_error err;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        const int length = snprintf(labels[i], sizeof(labels[i]), "v%d", i);
        many[i] = (mlscore_field){.name = labels[i],
                                  .name_length = (uint32_t)length};
    }
    mlscore_buffer_append(&body, "{\"inputData\":{", 14);
    for (int i = 0; i < COUNT; i++) {
        char text[32];
        const int column = i * 1789 % COUNT;
        const int length = snprintf(text, sizeof(text), "%s\"v%d\":[%d]",
                                    i ? "," : "", column, column);
        mlscore_buffer_append(&body, text, (size_t)length);
    }
    mlscore_buffer_append(&body, "}}", 2);
    assert_int_equal(mlscore_frame_create(&frame, &wide, NULL), MLSCORE_OK);
    const double start = seconds_now();
    if (mlscore_read_json(frame, body.bytes, body.length, NULL, &err) !=
        MLSCORE_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(seconds_now() - start < 1);
    for (int i = 0; i < COUNT; i++) {
        assert_true(frame->columns[i].values.numeric[0] == (double)i);
    }
    mlscore_buffer_free(&body);
    mlscore_frame_free(frame);
}

static void a_frame_is_used_again_and_again(void **state)
{
    mlscore_frame *frame;
    mlscore_error err;

    (void)state;
    assert_int_equal(mlscore_frame_create(&frame, &schema, &err), MLSCORE_OK);
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < sizeof(good) / sizeof(good[0]); j++) {
            assert_int_equal(mlscore_read_json(frame, good[j].body,
                                               strlen(good[j].body), NULL,
                                               &err),
                             MLSCORE_OK);
            const char *body = bad[(i + j) % 50].body;
            assert_int_not_equal(
                mlscore_read_json(frame, body, strlen(body), NULL, &err),
                MLSCORE_OK);
        }
    }
    mlscore_frame_free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bodies_are_read),
        cmocka_unit_test(bad_bodies_are_refused_by_name_and_place),
        cmocka_unit_test(every_truncated_body_is_refused),
        cmocka_unit_test(an_error_says_the_line_too),
        cmocka_unit_test(levels_are_told_by_position),
        cmocka_unit_test(graph_inputs_are_taken_by_position),
        cmocka_unit_test(many_columns_in_any_order_are_found),
        cmocka_unit_test(a_frame_is_used_again_and_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
