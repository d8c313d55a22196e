/* SPDX-License-Identifier: Apache-2.0 */
/* Content types and query parameters of a request. */

#include "http/request.h"

#include <stdlib.h>
#include <string.h>

/* Length of a media type without its parameters and trailing blanks. */
static size_t type_length(const char *header)
{
    size_t length = strcspn(header, ";,");

    while (length && (header[length - 1] == ' ' ||
                      header[length - 1] == '\t')) {
        length--;
    }
    return length;
}

int mlh_content_is(request_rec *r, const char *type)
{
    const char *header = apr_table_get(r->headers_in, "Content-Type");

    return header && type_length(header) == strlen(type) &&
           !strncasecmp(header, type, strlen(type));
}

int mlh_content_is_json(request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Content-Type");

    if (!header || !*header) {
        return 1;
    }
    const size_t length = type_length(header);

    return (length == 16 && !strncasecmp(header, "application/json", 16)) ||
           (length == 9 && !strncasecmp(header, "text/json", 9)) ||
           (length > 5 && !strncasecmp(header + length - 5, "+json", 5));
}

int mlh_accept_prefers(request_rec *r, const char *type)
{
    const char *header = apr_table_get(r->headers_in, "Accept");
    const size_t length = strlen(type);

    /* The first of the two that is named wins; q values are not weighed. */
    while (header && *header) {
        header += strspn(header, " \t,");
        const size_t named = type_length(header);

        if (named == length && !strncasecmp(header, type, length)) {
            return 1;
        }
        if (named == 16 && !strncasecmp(header, "application/json", 16)) {
            return 0;
        }
        header += strcspn(header, ",");
    }
    return 0;
}

/* ---- query ---- */

/* Where a parameter's value begins in `args`, and its length. */
static const char *find_value(const char *args, const char *name,
                              size_t *length)
{
    const size_t name_length = strlen(name);

    while (args && *args) {
        const size_t pair = strcspn(args, "&");

        if (pair > name_length && args[name_length] == '=' &&
            !strncmp(args, name, name_length)) {
            *length = pair - name_length - 1;
            return args + name_length + 1;
        }
        args += pair;
        args += *args == '&';
    }
    return NULL;
}

const char *mlh_query(request_rec *r, const char *name)
{
    size_t length;
    const char *value = find_value(r->args, name, &length);

    if (!value) {
        return NULL;
    }
    char *decoded = apr_pstrmemdup(r->pool, value, length);

    return ap_unescape_urlencoded(decoded) == OK ? decoded : NULL;
}

mls_err *mlh_query_limit(int *out, request_rec *r, int most)
{
    const char *text = mlh_query(r, "limit");
    char *end;

    *out = 100;
    if (!text) {
        return NULL;
    }
    const long value = strtol(text, &end, 10);

    if (*end || end == text || value < 1 || value > most) {
        return mls_err_make(r->pool, MLS_EINVALID, NULL,
                            "\"limit\" must be 1 to %d, not \"%s\"", most,
                            text);
    }
    *out = (int)value;
    return NULL;
}

void mlh_query_hide(request_rec *r, const char *name)
{
    size_t length;
    const char *query = r->the_request ? strchr(r->the_request, '?') : NULL;
    const char *value = query ? find_value(query + 1, name, &length) : NULL;

    if (!value) {
        return;
    }
    const size_t blank = strcspn(value, " &");

    r->the_request = apr_pstrcat(
        r->pool,
        apr_pstrmemdup(r->pool, r->the_request,
                       (apr_size_t)(value - r->the_request)),
        "***", value + blank, NULL);
}
