/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional requests (RFC 9110, section 13): a version's ETag is its
 * generation, which is never reused. */

#include "http/reply.h"

#include <string.h>

static const char *number_of(request_rec *r, apr_uint64_t generation)
{
    return apr_psprintf(r->pool, "%" APR_UINT64_T_FMT, generation);
}

void mlh_etag_set(request_rec *r, apr_uint64_t generation)
{
    apr_table_setn(r->headers_out, "ETag",
                   apr_pstrcat(r->pool, "\"", number_of(r, generation), "\"",
                               NULL));
}

/* Length of the tag at `text` when it is ours for this number, else 0. Output
 * filters that compress add their name: "17-gzip". */
static size_t tag_length(const char *text, const char *number)
{
    const size_t digits = strlen(number);

    if (*text != '"' || strncmp(text + 1, number, digits) != 0) {
        return 0;
    }
    const char *rest = text + 1 + digits;
    const char *end = strchr(rest, '"');

    return end && (end == rest || *rest == '-') ? (size_t)(end - text) + 1
                                                : 0;
}

/* Is the generation's tag one of a header's comma-separated tags? Ours hold no
 * comma. */
static int lists(const char *header, const char *number, int weak_too)
{
    while (*header) {
        header += strspn(header, " \t,");
        if (weak_too && !strncmp(header, "W/", 2)) {
            header += 2;
        }
        const size_t length = tag_length(header, number);

        if (length && strspn(header + length, " \t") ==
                          strcspn(header + length, ",")) {
            return 1;
        }
        header += strcspn(header, ",");
    }
    return 0;
}

int mlh_etag_none_match(request_rec *r, apr_uint64_t generation)
{
    const char *header = apr_table_get(r->headers_in, "If-None-Match");

    return header && (!strcmp(header, "*") ||
                      lists(header, number_of(r, generation), 1));
}

int mlh_etag_match(request_rec *r, apr_uint64_t generation, int *asked)
{
    const char *header = apr_table_get(r->headers_in, "If-Match");

    *asked = header && strcmp(header, "*") != 0;
    return !*asked || lists(header, number_of(r, generation), 0);
}
