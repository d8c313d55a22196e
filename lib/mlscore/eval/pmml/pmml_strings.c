/* SPDX-License-Identifier: Apache-2.0 */
/* Built-in functions of texts and of dates. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

#include "eval/pmml/pmml_run.h"
#include "ir/pmml_function.h"

static int as_text(pmml_run *run, const pmml_value *argument,
                   pmml_value *text)
{
    *text = *argument;
    return mlscore_pmml_cast_value(run, text, PMML_STRING);
}

static int as_whole(pmml_run *run, const pmml_value *argument, long *whole)
{
    double number;

    if (mlscore_pmml_as_number(run, argument, &number)) {
        return -1;
    }
    if (!(number == floor(number) && fabs(number) < 1e9)) {
        return mlscore_pmml_refuse(run, "%g is not a whole number", number);
    }
    *whole = (long)number;
    return 0;
}

static int give(pmml_run *run, pmml_value *value, const char *bytes,
                size_t length)
{
    *value = mlscore_pmml_text_value(run->plan, bytes, length);
    return 0;
}

/* --- letters --------------------------------------------------------------*/

size_t mlscore_pmml_next_point(const char *bytes, size_t left, int32_t *c)
{
    const utf8proc_ssize_t length = utf8proc_iterate(
        (const utf8proc_uint8_t *)bytes, (utf8proc_ssize_t)left, c);

    if (length <= 0 || *c < 0) {
        *c = -1;
        return 1;
    }
    return (size_t)length;
}

static int change_case(pmml_run *run, const pmml_value *text, int upper,
                       pmml_value *value)
{
    /* No simple case mapping is longer than 4 bytes a code point. */
    char *out = mlscore_pmml_text(run, (size_t)text->length * 4 + 4);
    size_t used = 0;

    if (!out) {
        return -1;
    }
    for (size_t at = 0; at < text->length;) {
        int32_t c;
        const size_t length =
            mlscore_pmml_next_point(text->bytes + at, text->length - at, &c);

        if (c < 0) {
            out[used++] = text->bytes[at];
        }
        else {
            used += (size_t)utf8proc_encode_char(
                upper ? utf8proc_toupper(c) : utf8proc_tolower(c),
                (utf8proc_uint8_t *)out + used);
        }
        at += length;
    }
    return give(run, value, out, used);
}

/** The byte where the code point number `count` begins, or the end. */
static size_t point_offset(const pmml_value *text, long count)
{
    size_t at = 0;
    int32_t c;

    while (count-- > 0 && at < text->length) {
        at += mlscore_pmml_next_point(text->bytes + at, text->length - at, &c);
    }
    return at;
}

static int substring(pmml_run *run, const pmml_value *arguments,
                     pmml_value *value)
{
    pmml_value text;
    long start, length;

    if (as_text(run, &arguments[0], &text) ||
        as_whole(run, &arguments[1], &start) ||
        as_whole(run, &arguments[2], &length)) {
        return -1;
    }
    if (start < 1 || length < 0) {
        return mlscore_pmml_refuse(
            run, "substring: start %ld, length %ld", start, length);
    }
    const size_t from = point_offset(&text, start - 1);
    const size_t to = point_offset(&text, start - 1 + length);

    return give(run, value, text.bytes + from, to - from);
}

static int string_length(pmml_run *run, const pmml_value *argument,
                         pmml_value *value)
{
    pmml_value text;
    int32_t c;
    double count = 0.0;

    if (as_text(run, argument, &text)) {
        return -1;
    }
    for (size_t at = 0; at < text.length; count++) {
        at += mlscore_pmml_next_point(text.bytes + at, text.length - at, &c);
    }
    *value = pmml_number_value(PMML_INTEGER, count);
    return 0;
}

static int trim_blanks(pmml_run *run, const pmml_value *text,
                       pmml_value *value)
{
    size_t from = 0, to = text->length;

    while (from < to && (unsigned char)text->bytes[from] <= ' ') {
        from++;
    }
    while (to > from && (unsigned char)text->bytes[to - 1] <= ' ') {
        to--;
    }
    return give(run, value, text->bytes + from, to - from);
}

static int concat(pmml_run *run, const pmml_value *arguments, uint32_t count,
                  pmml_value *value)
{
    size_t length = 0, used = 0;
    pmml_value text;

    for (uint32_t i = 0; i < count; i++) {
        length += arguments[i].type == PMML_STRING ? arguments[i].length
                                                   : PMML_FORMAT_SIZE;
    }
    char *out = mlscore_pmml_text(run, length);

    if (!out) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i].type == PMML_MISSING) {
            continue;
        }
        if (as_text(run, &arguments[i], &text)) {
            return -1;
        }
        memcpy(out + used, text.bytes, text.length);
        used += text.length;
    }
    return give(run, value, out, used);
}

/* --- patterns -------------------------------------------------------------*/

typedef struct text_writer {
    pmml_run *run;
    char *bytes;
    size_t length;
    size_t capacity;
} text_writer;

static int write_bytes(text_writer *out, const char *bytes, size_t length)
{
    if (out->capacity - out->length < length) {
        const size_t capacity = (out->length + length) * 2 + 64;
        char *more = mlscore_pmml_text(out->run, capacity);

        if (!more) {
            return -1;
        }
        if (out->length > 0) {
            memcpy(more, out->bytes, out->length);
        }
        out->bytes = more;
        out->capacity = capacity;
    }
    if (length > 0) {
        memcpy(out->bytes + out->length, bytes, length);
    }
    out->length += length;
    return 0;
}

/** A replacement: $1 is a group, a backslash makes what follows plain. */
static int write_replacement(text_writer *out, const pmml_value *text,
                             const pmml_value *replacement,
                             const size_t *bounds, uint32_t groups)
{
    for (size_t i = 0; i < replacement->length; i++) {
        const char c = replacement->bytes[i];
        const char next =
            i + 1 < replacement->length ? replacement->bytes[i + 1] : '\0';

        if (c == '$' && next >= '0' && next <= '9') {
            const uint32_t group = (uint32_t)(next - '0');

            i++;
            if (group < groups && bounds[2 * group] != SIZE_MAX &&
                write_bytes(out, text->bytes + bounds[2 * group],
                            bounds[2 * group + 1] - bounds[2 * group])) {
                return -1;
            }
            continue;
        }
        if (c == '\\' && next != '\0') {
            i++;
        }
        if (write_bytes(out, replacement->bytes + i, 1)) {
            return -1;
        }
    }
    return 0;
}

int mlscore_pmml_replace(pmml_run *run, uint32_t pattern, int any_case,
                         const pmml_value *text,
                         const pmml_value *replacement, pmml_value *value)
{
    text_writer out = {.run = run};
    size_t at = 0, from = 0, bounds[2 * PMML_GROUPS];
    uint32_t groups;
    int found;

    while ((found = mlscore_pmml_match(run, pattern, any_case, text->bytes,
                                       text->length, at, bounds, &groups)) ==
           1) {
        if (write_bytes(&out, text->bytes + from, bounds[0] - from) ||
            write_replacement(&out, text, replacement, bounds, groups)) {
            return -1;
        }
        from = bounds[1];
        at = bounds[1] > bounds[0] ? bounds[1] : bounds[1] + 1;
        if (at > text->length) {
            break;
        }
    }
    if (found < 0 ||
        write_bytes(&out, text->bytes + from, text->length - from)) {
        return -1;
    }
    return give(run, value, out.bytes ? out.bytes : "", out.length);
}

static int replace(pmml_run *run, const pmml_value *arguments,
                   pmml_value *value)
{
    pmml_value text, replacement;

    return as_text(run, &arguments[0], &text) ||
                   as_text(run, &arguments[2], &replacement) ||
                   mlscore_pmml_replace(run, arguments[1].symbol, 0, &text,
                                        &replacement, value)
               ? -1
               : 0;
}

static int matches(pmml_run *run, const pmml_value *arguments,
                   pmml_value *value)
{
    size_t bounds[2 * PMML_GROUPS];
    pmml_value text;
    uint32_t groups;

    if (as_text(run, &arguments[0], &text)) {
        return -1;
    }
    const int found =
        mlscore_pmml_match(run, arguments[1].symbol, 0, text.bytes,
                           text.length, 0, bounds, &groups);

    *value = pmml_boolean_value(found == 1);
    return found < 0 ? -1 : 0;
}

/* --- formatting -----------------------------------------------------------*/

static int bad_pattern(pmml_run *run, const pmml_value *pattern)
{
    return mlscore_pmml_refuse(run, "the format \"%.*s\" is not supported",
                               (int)(pattern->length < 60 ? pattern->length
                                                          : 60),
                               pattern->bytes);
}

/** One conversion of printf's kind, %d, %f, %e, %g or %s, checked before it
 *  is used: a format from a model must not read other arguments. */
static int write_number(text_writer *out, const pmml_value *pattern,
                        size_t *at, const pmml_value *number)
{
    char format[24] = "%", text[400];
    size_t length = 1, digits = 0;
    char c = '\0';

    for (++*at; *at < pattern->length; ++*at) {
        c = pattern->bytes[*at];
        if (c == '\0' || strchr("-+ 0#.123456789", c) == NULL) {
            break;
        }
        digits += c >= '0' && c <= '9';
        if (digits > 5 || length > 12) {
            return bad_pattern(out->run, pattern);
        }
        format[length++] = c;
    }
    if (*at >= pattern->length || c == '\0' || !strchr("dfeEgs", c)) {
        return bad_pattern(out->run, pattern);
    }
    int wrote;

    if (c == 'd') {
        memcpy(format + length, ".0f", 4);
        if (strchr(format, '.') != format + length) {
            return bad_pattern(out->run, pattern);
        }
        wrote = snprintf(text, sizeof(text), format, number->number);
    }
    else if (c == 's') {
        char plain[PMML_FORMAT_SIZE];

        mlscore_pmml_format(number->type, number->number, plain);
        format[length] = 's';
        wrote = snprintf(text, sizeof(text), format, plain);
    }
    else {
        format[length] = c;
        wrote = snprintf(text, sizeof(text), format, number->number);
    }
    return wrote < 0 || (size_t)wrote >= sizeof(text)
               ? bad_pattern(out->run, pattern)
               : write_bytes(out, text, (size_t)wrote);
}

static int write_moment(text_writer *out, const pmml_value *pattern,
                        size_t *at, double seconds)
{
    static const char *const months[] = {
        "January", "February", "March",     "April",   "May",      "June",
        "July",    "August",   "September", "October", "November", "December"};
    static const char *const weekdays[] = {"Sunday",    "Monday",   "Tuesday",
                                           "Wednesday", "Thursday", "Friday",
                                           "Saturday"};
    const int64_t days = (int64_t)floor(seconds / 86400.0);
    const unsigned time = (unsigned)(seconds - (double)days * 86400.0);
    const unsigned hour = time / 3600;
    int64_t year;
    unsigned month, day;
    char text[40];

    mlscore_pmml_date(days, &year, &month, &day);
    const char *weekday = weekdays[((days % 7) + 11) % 7];

    switch (++*at < pattern->length ? pattern->bytes[*at] : '\0') {
    case 'Y':
        snprintf(text, sizeof(text), "%04lld", (long long)year);
        break;
    case 'y':
        snprintf(text, sizeof(text), "%02lld", (long long)(year % 100));
        break;
    case 'm':
        snprintf(text, sizeof(text), "%02u", month);
        break;
    case 'd':
        snprintf(text, sizeof(text), "%02u", day);
        break;
    case 'e':
        snprintf(text, sizeof(text), "%u", day);
        break;
    case 'j':
        snprintf(text, sizeof(text), "%03lld",
                 (long long)(days - mlscore_pmml_days(year, 1, 1) + 1));
        break;
    case 'H':
        snprintf(text, sizeof(text), "%02u", hour);
        break;
    case 'k':
        snprintf(text, sizeof(text), "%u", hour);
        break;
    case 'I':
        snprintf(text, sizeof(text), "%02u", (hour + 11) % 12 + 1);
        break;
    case 'l':
        snprintf(text, sizeof(text), "%u", (hour + 11) % 12 + 1);
        break;
    case 'M':
        snprintf(text, sizeof(text), "%02u", time / 60 % 60);
        break;
    case 'S':
        snprintf(text, sizeof(text), "%02u", time % 60);
        break;
    case 'p':
        snprintf(text, sizeof(text), "%s", hour < 12 ? "am" : "pm");
        break;
    case 'B':
        snprintf(text, sizeof(text), "%s", months[month - 1]);
        break;
    case 'b':
    case 'h':
        snprintf(text, sizeof(text), "%.3s", months[month - 1]);
        break;
    case 'A':
        snprintf(text, sizeof(text), "%s", weekday);
        break;
    case 'a':
        snprintf(text, sizeof(text), "%.3s", weekday);
        break;
    default:
        return bad_pattern(out->run, pattern);
    }
    return write_bytes(out, text, strlen(text));
}

/** Seconds since 1970 of a date, a time of day (of 1970-01-01) or both. */
static int as_moment(pmml_run *run, const pmml_value *argument, int date,
                     double *seconds)
{
    pmml_value moment = *argument;

    if (moment.type == PMML_STRING &&
        mlscore_pmml_try_cast(run, &moment, PMML_DATE_TIME) &&
        mlscore_pmml_try_cast(run, &moment, PMML_DATE) &&
        mlscore_pmml_try_cast(run, &moment, PMML_TIME)) {
        moment.type = PMML_STRING;
    }
    if (moment.type == PMML_DATE_TIME ||
        (moment.type == PMML_TIME && date != 1)) {
        *seconds = moment.number;
        return 0;
    }
    if (moment.type == PMML_DATE && date != 0) {
        *seconds = moment.number * 86400.0;
        return 0;
    }
    return mlscore_pmml_refuse(run, "a value of type %s is not a %s",
                               mlscore_pmml_type_name(argument->type),
                               date == 0 ? "time" : "date");
}

static int format(pmml_run *run, const pmml_value *arguments, int moment,
                  pmml_value *value)
{
    text_writer out = {.run = run};
    double seconds = 0.0;
    pmml_value pattern, number = arguments[0];

    if (as_text(run, &arguments[1], &pattern) ||
        (moment ? as_moment(run, &arguments[0], 2, &seconds)
                : mlscore_pmml_as_number(run, &arguments[0],
                                         &number.number))) {
        return -1;
    }
    if (!pmml_is_number(number.type)) {
        number.type = PMML_DOUBLE;
    }
    for (size_t at = 0; at < pattern.length; at++) {
        const char next =
            at + 1 < pattern.length ? pattern.bytes[at + 1] : '\0';
        int failed;

        if (pattern.bytes[at] != '%' || next == '%') {
            at += pattern.bytes[at] == '%';
            failed = write_bytes(&out, pattern.bytes + at, 1);
        }
        else {
            failed = moment ? write_moment(&out, &pattern, &at, seconds)
                            : write_number(&out, &pattern, &at, &number);
        }
        if (failed) {
            return -1;
        }
    }
    return give(run, value, out.bytes ? out.bytes : "", out.length);
}

/* --- dates ----------------------------------------------------------------*/

static int since(pmml_run *run, uint32_t function,
                 const pmml_value *arguments, pmml_value *value)
{
    double seconds;
    long year = 0;
    const int midnight = function == PMML_F_SECONDS_SINCE_MIDNIGHT;

    if (as_moment(run, &arguments[0], midnight ? 0 : 1, &seconds) ||
        (!midnight && as_whole(run, &arguments[1], &year))) {
        return -1;
    }
    const double days = floor(seconds / 86400.0);
    const double epoch = (double)mlscore_pmml_days(year, 1, 1);
    const double result = midnight ? seconds - days * 86400.0
                          : function == PMML_F_DAYS_SINCE_YEAR
                              ? days - epoch
                              : seconds - epoch * 86400.0;

    *value = pmml_number_value(PMML_INTEGER, result);
    return 0;
}

static int need_all(pmml_run *run, const pmml_value *arguments,
                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i].type == PMML_MISSING) {
            return mlscore_pmml_refuse(
                run, "argument %u of a function is missing", i + 1);
        }
    }
    return 0;
}

int mlscore_pmml_call_text(pmml_run *run, const pmml_expr *expr,
                           const pmml_value *arguments, uint32_t count,
                           pmml_value *value)
{
    pmml_value text;

    if (expr->c == PMML_F_CONCAT) {
        return concat(run, arguments, count, value);
    }
    if (need_all(run, arguments, count)) {
        return -1;
    }
    switch (expr->c) {
    case PMML_F_UPPERCASE:
    case PMML_F_LOWERCASE:
        return as_text(run, &arguments[0], &text) ||
                       change_case(run, &text, expr->c == PMML_F_UPPERCASE,
                                   value)
                   ? -1
                   : 0;
    case PMML_F_TRIM_BLANKS:
        return as_text(run, &arguments[0], &text)
                   ? -1
                   : trim_blanks(run, &text, value);
    case PMML_F_STRING_LENGTH:
        return string_length(run, &arguments[0], value);
    case PMML_F_SUBSTRING:
        return substring(run, arguments, value);
    case PMML_F_REPLACE:
        return replace(run, arguments, value);
    case PMML_F_MATCHES:
        return matches(run, arguments, value);
    case PMML_F_FORMAT_NUMBER:
        return format(run, arguments, 0, value);
    case PMML_F_FORMAT_DATETIME:
        return format(run, arguments, 1, value);
    default:
        return since(run, expr->c, arguments, value);
    }
}
