/* SPDX-License-Identifier: Apache-2.0 */
/* The multipart/form-data reader.
 *
 * A part ends with CRLF "--" boundary. CR is no boundary character, so it
 * stands only at the start of that delimiter: after a mismatch nothing but the
 * current byte can begin a new match, and what had matched is content. */

#include "service/multipart.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

typedef enum state {
    PREAMBLE,  /* before the first delimiter */
    CONTENT,   /* inside a part */
    DELIMITER, /* after a delimiter: CRLF or the closing "--" */
    DASH,      /* one '-' seen */
    LINE_END,  /* CR seen */
    HEADERS,   /* a part's headers */
    EPILOGUE   /* after the closing delimiter: ignored */
} state;

struct mls_multipart {
    mls_multipart_events events;
    apr_pool_t *pool;
    state state;
    size_t matched; /* bytes of `delimiter` seen */
    size_t delimiter_length;
    char delimiter[MLS_MULTIPART_BOUNDARY + 5]; /* CR LF - - boundary NUL */
    size_t header_length;
    char headers[MLS_MULTIPART_HEADERS + 1];
    unsigned parts;
};

static mls_err *malformed(mls_multipart *reader, const char *what)
{
    return mls_err_make(reader->pool, MLS_EINVALID, NULL,
                        "malformed multipart/form-data: %s", what);
}

mls_multipart *mls_multipart_create(const char *boundary,
                                    const mls_multipart_events *events,
                                    apr_pool_t *pool)
{
    mls_multipart *reader = apr_pcalloc(pool, sizeof(*reader));

    reader->events = *events;
    reader->pool = pool;
    reader->state = PREAMBLE;
    apr_snprintf(reader->delimiter, sizeof(reader->delimiter), "\r\n--%s",
                 boundary);
    reader->delimiter_length = strlen(reader->delimiter);
    reader->matched = 2; /* the body begins as if after CRLF */
    return reader;
}

static mls_err *emit(mls_multipart *reader, const char *bytes, size_t length)
{
    if (!length || reader->state == PREAMBLE) {
        return NULL;
    }
    return reader->events.data(reader->events.baton, bytes, length);
}

/* Content or preamble up to and with the next delimiter. */
static mls_err *read_content(mls_multipart *reader, const char **at,
                             const char *end)
{
    const char *bytes = *at;

    while (bytes < end) {
        if (!reader->matched) {
            const char *cr = memchr(bytes, '\r', (size_t)(end - bytes));
            const char *stop = cr ? cr : end;

            MLS_TRY(emit(reader, bytes, (size_t)(stop - bytes)));
            bytes = stop;
            if (!cr) {
                break;
            }
            reader->matched = 1;
            bytes++;
            continue;
        }
        if (*bytes != reader->delimiter[reader->matched]) {
            const size_t seen = reader->matched;

            reader->matched = 0;
            MLS_TRY(emit(reader, reader->delimiter, seen));
            continue; /* the byte is looked at again */
        }
        bytes++;
        if (++reader->matched == reader->delimiter_length) {
            const int inside = reader->state == CONTENT;

            reader->matched = 0;
            reader->state = DELIMITER;
            *at = bytes;
            return inside ? reader->events.end(reader->events.baton) : NULL;
        }
    }
    *at = bytes;
    return NULL;
}

/* What follows a delimiter: blanks (RFC 2046 allows them) and CRLF, or "--". */
static mls_err *read_delimiter_end(mls_multipart *reader, char c)
{
    switch (reader->state) {
    case DELIMITER:
        if (c == '-') {
            reader->state = DASH;
            return NULL;
        }
        if (c == '\r') {
            reader->state = LINE_END;
            return NULL;
        }
        if (c == ' ' || c == '\t') {
            return NULL;
        }
        return malformed(reader, "no line end after a boundary");
    case DASH:
        if (c == '-') {
            reader->state = EPILOGUE;
            return NULL;
        }
        return malformed(reader, "no line end after a boundary");
    default: /* LINE_END */
        if (c != '\n') {
            return malformed(reader, "CR without LF after a boundary");
        }
        if (++reader->parts > MLS_MULTIPART_PARTS) {
            return malformed(reader, "too many parts");
        }
        reader->header_length = 0;
        reader->state = HEADERS;
        return NULL;
    }
}

static mls_err *read_header(mls_multipart *reader, mls_part *part, char *line)
{
    char *colon = strchr(line, ':');

    if (!colon || colon == line) {
        return malformed(reader, "a part's header line has no name");
    }
    *colon = '\0';
    char *value = colon + 1;

    while (*value == ' ' || *value == '\t') {
        value++;
    }
    if (!strcasecmp(line, "Content-Disposition")) {
        if (strncasecmp(value, "form-data", 9) != 0) {
            return malformed(reader, "a part is not form-data");
        }
        part->name = mls_header_parameter(value, "name", reader->pool);
        part->filename = mls_header_parameter(value, "filename", reader->pool);
    }
    else if (!strcasecmp(line, "Content-Type")) {
        part->content_type = apr_pstrdup(reader->pool, value);
    }
    else if (!strcasecmp(line, "Content-Transfer-Encoding") &&
             strcasecmp(value, "binary") && strcasecmp(value, "8bit") &&
             strcasecmp(value, "7bit")) {
        return malformed(reader, "a part has a transfer encoding; send "
                                 "plain bytes");
    }
    return NULL;
}

/* The blank line was seen: headers[0 .. header_length) is whole lines. */
static mls_err *begin_part(mls_multipart *reader)
{
    mls_part part = { NULL, NULL, NULL };
    char *line = reader->headers;
    char *const end = reader->headers + reader->header_length;

    if (memchr(reader->headers, '\0', reader->header_length)) {
        return malformed(reader, "a part's headers hold a zero byte");
    }
    while (line < end) {
        char *stop = strstr(line, "\r\n"); /* there is one: lines are whole */

        *stop = '\0';
        if (*line) {
            MLS_TRY(read_header(reader, &part, line));
        }
        line = stop + 2;
    }
    if (!part.name) {
        return malformed(reader, "a part has no name");
    }
    reader->state = CONTENT;
    reader->matched = 0;
    return reader->events.begin(reader->events.baton, &part);
}

static mls_err *read_headers(mls_multipart *reader, const char **at,
                             const char *end)
{
    while (*at < end) {
        if (reader->header_length == MLS_MULTIPART_HEADERS) {
            return malformed(reader, "a part's headers are too long");
        }
        reader->headers[reader->header_length++] = *(*at)++;
        reader->headers[reader->header_length] = '\0';
        const size_t length = reader->header_length;

        if ((length == 2 && !memcmp(reader->headers, "\r\n", 2)) ||
            (length >= 4 &&
             !memcmp(reader->headers + length - 4, "\r\n\r\n", 4))) {
            return begin_part(reader);
        }
    }
    return NULL;
}

mls_err *mls_multipart_feed(mls_multipart *reader, const char *bytes,
                            size_t length)
{
    const char *at = bytes;
    const char *const end = bytes + length;

    while (at < end) {
        switch (reader->state) {
        case PREAMBLE:
        case CONTENT:
            MLS_TRY(read_content(reader, &at, end));
            break;
        case HEADERS:
            MLS_TRY(read_headers(reader, &at, end));
            break;
        case EPILOGUE:
            return NULL;
        default:
            MLS_TRY(read_delimiter_end(reader, *at++));
        }
    }
    return NULL;
}

mls_err *mls_multipart_finish(mls_multipart *reader)
{
    if (reader->state == EPILOGUE) {
        return NULL;
    }
    return malformed(reader, reader->state == PREAMBLE
                                 ? "the boundary never occurs"
                                 : "it ends before its closing boundary");
}
