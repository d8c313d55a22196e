/* SPDX-License-Identifier: Apache-2.0 */
/* Times as text: RFC 3339 and the contract's creationTime. */

#include "base/timefmt.h"

#include <stdint.h>

#include <apr_strings.h>

static const char *format(apr_time_t time, const char *end, apr_pool_t *pool)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, time);
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%06d%s",
                        t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                        t.tm_min, t.tm_sec, t.tm_usec, end);
}

const char *mls_time_rfc3339(apr_time_t time, apr_pool_t *pool)
{
    return format(time, "Z", pool);
}

const char *mls_time_contract(apr_time_t time, apr_pool_t *pool)
{
    return format(time, "0", pool); /* microseconds and a seventh digit */
}

/* `count` digits as a number between low and high; the text moves on. */
static int digits(int *out, const char **text, int count, int low, int high)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        const char c = *(*text)++;
        if (c < '0' || c > '9') {
            return 0;
        }
        value = value * 10 + (c - '0');
    }
    *out = value;
    return value >= low && value <= high;
}

static int skip(const char **text, char c)
{
    return *(*text)++ == c;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30,
                                31, 31, 30, 31, 30, 31 };
    const int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the Gregorian calendar, counting years from March
 * so that the leap day is the last of its year. */
static int64_t days_since_1970(int year, int month, int day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t m = month <= 2 ? month + 9 : month - 3;

    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
           - 719468;
}

/* ".123" as microseconds; absent is 0. */
static int fraction(int *out, const char **text)
{
    int value = 0, count = 0;

    *out = 0;
    if (**text != '.') {
        return 1;
    }
    for (++*text; **text >= '0' && **text <= '9'; ++*text, count++) {
        if (count < 6) {
            value = value * 10 + (**text - '0');
        }
    }
    for (int i = count; i < 6; i++) {
        value *= 10;
    }
    *out = value;
    return count >= 1 && count <= 9;
}

/* "Z", "+01:00" or nothing, as seconds east of UTC. */
static int offset(int *out, const char **text)
{
    int hours, minutes;

    *out = 0;
    if (**text == '\0') {
        return 1;
    }
    const char sign = *(*text)++;
    if (sign == 'Z' || sign == 'z') {
        return 1;
    }
    if ((sign != '+' && sign != '-') || !digits(&hours, text, 2, 0, 23)
        || !skip(text, ':') || !digits(&minutes, text, 2, 0, 59)) {
        return 0;
    }
    *out = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
    return 1;
}

int mls_time_parse(apr_time_t *out, const char *text)
{
    int year, month, day, hour, minute, second, micro, east;

    if (!digits(&year, &text, 4, 1, 9999) || !skip(&text, '-')
        || !digits(&month, &text, 2, 1, 12) || !skip(&text, '-')
        || !digits(&day, &text, 2, 1, days_in_month(year, month))
        || (*text != 'T' && *text != 't')) {
        return 0;
    }
    text++;
    if (!digits(&hour, &text, 2, 0, 23) || !skip(&text, ':')
        || !digits(&minute, &text, 2, 0, 59) || !skip(&text, ':')
        || !digits(&second, &text, 2, 0, 60) || !fraction(&micro, &text)
        || !offset(&east, &text) || *text != '\0') {
        return 0;
    }
    const int64_t seconds = days_since_1970(year, month, day) * 86400
                            + hour * 3600 + minute * 60
                            + (second == 60 ? 59 : second) - east;
    *out = apr_time_from_sec(seconds) + micro;
    return 1;
}
