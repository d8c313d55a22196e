/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters of header values, and the boundary among them. */

#include "service/multipart.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* Copy the value at `at` (a quoted string or a token) to `out` and move on;
 * 0 when a quote is not closed. `out` has room for what is left of the text. */
static int read_value(const char **at, char *out)
{
    const char *from = *at;

    if (*from == '"') {
        for (from++; *from != '"'; from++) {
            if (*from == '\\' && (from[1] == '"' || from[1] == '\\')) {
                from++;
            }
            if (!*from) {
                return 0;
            }
            *out++ = *from;
        }
        from++;
    }
    else {
        while (*from && *from != ';' && *from != ' ' && *from != '\t') {
            *out++ = *from++;
        }
    }
    *out = '\0';
    *at = from;
    return 1;
}

const char *mls_header_parameter(const char *value, const char *name,
                                 apr_pool_t *pool)
{
    const size_t name_length = strlen(name);
    char *found = apr_palloc(pool, strlen(value) + 1);
    const char *at = strchr(value, ';');

    while (at && *at == ';') {
        at = skip_blanks(at + 1);
        const char *const start = at;

        while (*at && *at != '=' && *at != ';') {
            at++;
        }
        const size_t length = (size_t)(at - start);

        if (*at != '=') {
            continue;
        }
        at++;
        if (!read_value(&at, found)) {
            return NULL;
        }
        if (length == name_length && !strncasecmp(start, name, length)) {
            return found;
        }
        at = skip_blanks(at);
    }
    return NULL;
}

static int is_boundary(const char *text)
{
    const size_t length = strlen(text);

    if (!length || length > MLS_MULTIPART_BOUNDARY ||
        text[length - 1] == ' ') {
        return 0;
    }
    for (const char *at = text; *at; at++) {
        const char c = *at;

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
              (c >= 'a' && c <= 'z') || strchr("'()+_,-./:=? ", c))) {
            return 0;
        }
    }
    return 1;
}

mls_err *mls_multipart_boundary(const char **out, const char *content_type,
                                apr_pool_t *pool)
{
    static const char type[] = "multipart/form-data";
    const size_t length = sizeof(type) - 1;

    *out = NULL;
    if (!content_type || strncasecmp(content_type, type, length) != 0 ||
        (content_type[length] && !strchr("; \t", content_type[length]))) {
        return NULL;
    }
    const char *boundary = mls_header_parameter(content_type, "boundary",
                                                pool);

    if (!boundary || !is_boundary(boundary)) {
        return mls_err_make(pool, MLS_EINVALID, NULL,
                            "Content-Type is multipart/form-data without a "
                            "boundary of 1 to %d allowed characters",
                            MLS_MULTIPART_BOUNDARY);
    }
    *out = boundary;
    return NULL;
}
