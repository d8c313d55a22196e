/* SPDX-License-Identifier: Apache-2.0 */
/* Outside judges of the JSON reader: the files of the public JSONTestSuite,
 * and json-c, whose differences are all written down here. */

#include "unit/mlscore/support.h"

#include <dirent.h>
#include <json-c/json.h>

#include "mlscore/body.h"

static const mlscore_field fields[] = {
    {.name = "x", .name_length = 1, .type = MLSCORE_NUMERIC},
};
static const mlscore_schema schema = {fields, 1, 0};

static mlscore_frame *new_frame(void)
{
    mlscore_frame *frame;

    assert_int_equal(mlscore_frame_create(&frame, &schema, NULL), MLSCORE_OK);
    return frame;
}

static mlscore_status read_between(mlscore_frame *frame, const char *before,
                                   const char *value, size_t length,
                                   const char *after, mlscore_error *err)
{
    mlscore_buffer body = {0};

    mlscore_buffer_append(&body, before, strlen(before));
    mlscore_buffer_append(&body, value, length);
    mlscore_buffer_append(&body, after, strlen(after));
    const mlscore_status status =
        mlscore_read_json(frame, body.bytes, body.length, NULL, err);
    mlscore_buffer_free(&body);
    return status;
}

/* Is `value` accepted as a member that no column reads? In an array as well,
 * or `1,"k":2` would pass for a value. */
static mlscore_status read_as_member(mlscore_frame *frame, const char *value,
                                     size_t length, mlscore_error *err)
{
    const mlscore_status status =
        read_between(frame, "{\"other\":[", value, length,
                     "],\"inputData\":{\"x\":[1]}}", err);

    return status != MLSCORE_OK
               ? status
               : read_between(frame, "{\"other\":", value, length,
                              ",\"inputData\":{\"x\":[1]}}", err);
}

/* ---- JSONTestSuite -------------------------------------------------------- */

/* Where the suite's verdict is not ours, and why. */
static const struct {
    const char *file;
    int accepted;
} exceptions[] = {
    /* clients send these words for missing values */
    {"n_number_NaN.json", 1},
    {"n_number_infinity.json", 1},
    {"n_number_minus_infinity.json", 1},
    /* a column that comes twice is a mistake that must not score */
    {"y_object_duplicated_key.json", 0},
    {"y_object_duplicated_key_and_value.json", 0},
};

static int expected_verdict(const char *file)
{
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (strcmp(file, exceptions[i].file) == 0) {
            return exceptions[i].accepted;
        }
    }
    return file[0] == 'y' ? 1 : file[0] == 'n' ? 0 : -1;
}

static void the_public_suite_agrees(void **state)
{
    char folder[4096];
    char path[8192];
    mlscore_frame *frame = new_frame();
    size_t count = 0;

    (void)state;
    snprintf(folder, sizeof(folder), "%s/json", fixtures());
    DIR *files = opendir(folder);
    if (!files) {
        mlscore_frame_free(frame);
        print_message("no folder %s\n", folder);
        skip();
    }
    for (const struct dirent *entry; (entry = readdir(files)) != NULL;) {
        size_t size = 0;
        mlscore_error err = {.message = ""};
        if (!strstr(entry->d_name, ".json")) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        char *bytes = read_file(path, &size);
        assert_non_null(bytes);
        const int accepted =
            read_as_member(frame, bytes, size, &err) == MLSCORE_OK;
        const int wanted = expected_verdict(entry->d_name);
        if (wanted >= 0 && accepted != wanted) {
            fail_msg("%s is %s %s", entry->d_name,
                     accepted ? "accepted" : "refused:", err.message);
        }
        free(bytes);
        count++;
    }
    closedir(files);
    mlscore_frame_free(frame);
    print_message("%zu files\n", count);
    assert_true(count > 300);
}

/* ---- json-c --------------------------------------------------------------- */

static int json_c_accepts(const char *text, size_t length)
{
    struct json_tokener *tokener = json_tokener_new();

    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *value =
        json_tokener_parse_ex(tokener, text, (int)length);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) {
        /* A number may go on; the end of the text says that it does not. */
        value = json_tokener_parse_ex(tokener, "", 1);
        error = json_tokener_get_error(tokener);
    }
    json_object_put(value);
    json_tokener_free(tokener);
    return error == json_tokener_success;
}

/* Every difference that is known between json-c 0.16 (strict, UTF-8 checked)
 * and this reader. `reason` is a part of our message; NULL where json-c is the
 * stricter one. */
static const struct {
    const char *name, *text;
    const char *reason;
} differences[] = {
    {"json-c takes control characters in texts", "[\"a\tb\"]",
     "must be escaped"},
    {"json-c takes a point without digits", "[1.]", "not a number of JSON"},
    {"json-c takes half of a surrogate pair", "[\"\\ud800\"]",
     "half of a surrogate pair"},
    {"json-c takes a name twice", "{\"a\":1,\"a\":2}", "comes twice"},
    {"json-c refuses more than 32 levels",
     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
     "]]]]]]]",
     NULL},
};

static void known_differences_are_still_there(void **state)
{
    mlscore_frame *frame = new_frame();

    (void)state;
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]);
         i++) {
        const char *text = differences[i].text;
        mlscore_error err = {.message = ""};
        const int mine =
            read_as_member(frame, text, strlen(text), &err) == MLSCORE_OK;
        if (mine != !differences[i].reason ||
            json_c_accepts(text, strlen(text)) == mine ||
            (!mine && !strstr(err.message, differences[i].reason))) {
            fail_msg("%s: %s", differences[i].name, err.message);
        }
    }
    mlscore_frame_free(frame);
}

static int is_known(const char *message)
{
    for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]);
         i++) {
        if (differences[i].reason && strstr(message, differences[i].reason)) {
            return 1;
        }
    }
    return 0;
}

/* Bytes that JSON is made of, and some that it is not. */
static size_t mutate(char *text, size_t length, uint64_t *seed)
{
    static const char alphabet[] = "{}[]\",:\\ \n0123456789.-+eEtrufalsn/bN"
                                   "\xC3\xA9\x80\x01";
    const size_t edits = 1 + random_bits(seed) % 3;

    for (size_t i = 0; i < edits && length > 1; i++) {
        const size_t at = random_bits(seed) % length;
        const char c = alphabet[random_bits(seed) % (sizeof(alphabet) - 1)];
        switch (random_bits(seed) % 3) {
        case 0:
            text[at] = c;
            break;
        case 1:
            memmove(text + at + 1, text + at, length - at);
            text[at] = c;
            length++;
            break;
        default:
            memmove(text + at, text + at + 1, length - at - 1);
            length--;
            break;
        }
    }
    return length;
}

static void random_documents_are_judged_alike(void **state)
{
    static const char *const seeds[] = {
        "{\"a\":[1,2.5,-3e10,0.1E+2],\"b\":{\"c\":null,\"d\":true}}",
        "[\"text\",\"\\u00e9\\n\\\\\",\"\\ud83d\\ude00\",\"\xC3\xA9\",{}]",
        "[[],[[]],{\"k\":[false]},-0,0,10,\"\"]",
        "{\"x\" : [ 1 , 2 ] ,\n\"y\" : { } }",
    };
    mlscore_frame *frame = new_frame();
    uint64_t seed = 7;
    size_t agreed = 0;
    size_t known = 0;
    const double end = seconds_now() + (getenv("MLS_TEST_LONG") ? 60 : 1);

    (void)state;
    while (seconds_now() < end) {
        char text[256];
        mlscore_error err = {.message = ""};
        const char *origin = seeds[random_bits(&seed) % 4];
        size_t length = strlen(origin);
        memcpy(text, origin, length);
        length = mutate(text, length, &seed);
        text[length] = '\0';
        const int mine =
            read_as_member(frame, text, length, &err) == MLSCORE_OK;
        if (mine == json_c_accepts(text, length)) {
            agreed++;
        }
        else if (!mine && is_known(err.message)) {
            known++;
        }
        else {
            fail_msg("%s: json-c says otherwise; %s", text, err.message);
        }
    }
    mlscore_frame_free(frame);
    print_message("%zu alike, %zu known differences\n", agreed, known);
}

static void numbers_are_the_same(void **state)
{
    mlscore_frame *frame = new_frame();
    uint64_t seed = 8;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char text[2048] = "{\"inputData\":{\"x\":[";
        size_t length = strlen(text);
        for (int i = 0; i < 20; i++) {
            const uint64_t bits = random_bits(&seed);
            double value;
            memcpy(&value, &bits, sizeof(value));
            length += (size_t)snprintf(
                text + length, sizeof(text) - length, "%s%.*g",
                i ? ", " : "", (int)(bits % 20),
                i % 2 || !isfinite(value) ? (double)(bits % 1000000) / 1000
                                          : value);
        }
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "]}}");
        mlscore_error err;
        if (mlscore_read_json(frame, text, length, NULL, &err) !=
            MLSCORE_OK) {
            fail_msg("%s: %s", text, err.message);
        }
        struct json_object *root = json_tokener_parse(text);
        struct json_object *data = json_object_object_get(root, "inputData");
        struct json_object *column = json_object_object_get(data, "x");
        assert_int_equal(frame->rows, 20);
        for (size_t i = 0; i < 20; i++) {
            assert_true(
                frame->columns[0].values.numeric[i] ==
                json_object_get_double(json_object_array_get_idx(column, i)));
        }
        json_object_put(root);
    }
    mlscore_frame_free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_public_suite_agrees),
        cmocka_unit_test(known_differences_are_still_there),
        cmocka_unit_test(random_documents_are_judged_alike),
        cmocka_unit_test(numbers_are_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
