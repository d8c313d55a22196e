/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart bodies: whole, cut into any pieces, and broken. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "service/multipart.h"

static int setup(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static int teardown(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

/* Collects "name=content;" of every part. */
typedef struct collector {
    char text[4096];
    size_t length;
} collector;

static void put(collector *c, const char *bytes, size_t length)
{
    assert_true(c->length + length < sizeof(c->text));
    memcpy(c->text + c->length, bytes, length);
    c->length += length;
    c->text[c->length] = '\0';
}

static mls_err *begin(void *baton, const mls_part *part)
{
    put(baton, part->name, strlen(part->name));
    if (part->filename) {
        put(baton, "@", 1);
        put(baton, part->filename, strlen(part->filename));
    }
    put(baton, "=", 1);
    return NULL;
}

static mls_err *data(void *baton, const char *bytes, size_t length)
{
    put(baton, bytes, length);
    return NULL;
}

static mls_err *end(void *baton)
{
    put(baton, ";", 1);
    return NULL;
}

/* Read `body` in pieces of `piece` bytes. */
static mls_err *read_body(collector *c, const char *body, size_t length,
                          size_t piece, apr_pool_t *pool)
{
    const mls_multipart_events events = { begin, data, end, c };
    mls_multipart *reader = mls_multipart_create("b0", &events, pool);

    memset(c, 0, sizeof(*c));
    for (size_t at = 0; at < length; at += piece) {
        const size_t left = length - at;

        MLS_TRY(mls_multipart_feed(reader, body + at,
                                   left < piece ? left : piece));
    }
    return mls_multipart_finish(reader);
}

#define FIELD(name) \
    "--b0\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static const struct {
    const char *name, *body, *parts; /* parts NULL: refused */
} cases[] = {
    { "one", FIELD("a") "x\r\n--b0--\r\n", "a=x;" },
    { "no line end at the end", FIELD("a") "x\r\n--b0--", "a=x;" },
    { "empty part", FIELD("a") "\r\n--b0--\r\n", "a=;" },
    { "two", FIELD("a") "x\r\n" FIELD("b") "y\r\n--b0--\r\n", "a=x;b=y;" },
    { "preamble and epilogue",
      "hello\r\n" FIELD("a") "x\r\n--b0--\r\nbye --b0 x", "a=x;" },
    { "almost a delimiter",
      FIELD("a") "\r\n--b\r\r\n--\r\n-\r\n--b1\r\n--b0--",
      "a=\r\n--b\r\r\n--\r\n-\r\n--b1;" },
    { "blanks after the boundary",
      "--b0 \t\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b0--",
      "a=x;" },
    { "file",
      "--b0\r\ncontent-disposition:form-data; filename=\"m \\\"1\\\".x\"; "
      "name=model\r\nContent-Type: text/plain\r\n\r\nx\r\n--b0--",
      "model@m \"1\".x=x;" },
    { "no parts", "--b0--\r\n", "" },
    { "empty", "", NULL },
    { "no boundary", "abc", NULL },
    { "cut in headers", "--b0\r\nContent-Dispo", NULL },
    { "cut in content", FIELD("a") "x", NULL },
    { "no name", "--b0\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b0--",
      NULL },
    { "not form-data",
      "--b0\r\nContent-Disposition: file; name=a\r\n\r\nx\r\n--b0--", NULL },
    { "header without colon", "--b0\r\nabc\r\n\r\nx\r\n--b0--", NULL },
    { "base64",
      "--b0\r\nContent-Disposition: form-data; name=a\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--b0--",
      NULL },
    { "rubbish after the boundary", "--b0x\r\n\r\n\r\n--b0--", NULL },
    { "CR without LF", "--b0\rX", NULL },
};

static void test_bodies_in_pieces_of_every_size(void **state)
{
    collector c;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t length = strlen(cases[i].body);

        for (size_t piece = 1; piece <= length + 1; piece++) {
            const mls_err *err =
                read_body(&c, cases[i].body, length, piece, *state);

            if (!cases[i].parts != (err != NULL) ||
                (!err && strcmp(c.text, cases[i].parts) != 0)) {
                fail_msg("%s, pieces of %d: %s, \"%s\"", cases[i].name,
                         (int)piece, err ? err->message : "read", c.text);
            }
        }
    }
}

static void test_limits(void **state)
{
    apr_pool_t *pool = *state;
    collector c;
    char *filler = apr_palloc(pool, MLS_MULTIPART_HEADERS + 10);
    const char *many = "";

    memset(filler, 'x', MLS_MULTIPART_HEADERS + 9);
    filler[MLS_MULTIPART_HEADERS + 9] = '\0';
    const char *body = apr_pstrcat(pool, "--b0\r\nA: ", filler,
                                   "\r\n\r\nx\r\n--b0--", NULL);

    assert_non_null(read_body(&c, body, strlen(body), 100, pool));
    for (int i = 0; i < MLS_MULTIPART_PARTS + 1; i++) {
        many = apr_pstrcat(pool, many, FIELD("a") "\r\n", NULL);
    }
    body = apr_pstrcat(pool, many, "--b0--", NULL);
    assert_non_null(read_body(&c, body, strlen(body), 100, pool));
}

static const struct {
    const char *type, *boundary; /* "": none; NULL: refused */
} types[] = {
    { "multipart/form-data; boundary=abc", "abc" },
    { "Multipart/Form-Data;charset=utf-8; Boundary=\"a b+c\"", "a b+c" },
    { "application/json", "" },
    { "multipart/form-dataX; boundary=a", "" },
    { "multipart/form-data", NULL },
    { "multipart/form-data; boundary=", NULL },
    { "multipart/form-data; boundary=\"a", NULL },
    { "multipart/form-data; boundary=\"a \"", NULL },
    { "multipart/form-data; boundary=a;b=\"", "a" },
    { "multipart/form-data; boundary=\"a\r\nb\"", NULL },
    { "multipart/form-data; boundary="
      "01234567890123456789012345678901234567890123456789012345678901234567"
      "890",
      NULL },
};

static void test_boundaries(void **state)
{
    const char *boundary;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const mls_err *err =
            mls_multipart_boundary(&boundary, types[i].type, *state);

        if (!types[i].boundary) {
            assert_non_null(err);
            continue;
        }
        assert_null(err);
        assert_string_equal(boundary ? boundary : "", types[i].boundary);
    }
    assert_null(mls_multipart_boundary(&boundary, NULL, *state));
    assert_null(boundary);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_bodies_in_pieces_of_every_size),
    cmocka_unit_test(test_limits),
    cmocka_unit_test(test_boundaries),
};

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    return cmocka_run_group_tests(tests, setup, teardown);
}

