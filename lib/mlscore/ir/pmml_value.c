/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's data types: reading, casting and writing values. */

#include "ir/pmml_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[PMML_TYPE_COUNT] = {
    [PMML_MISSING] = "missing",
    [PMML_STRING] = "string",
    [PMML_INTEGER] = "integer",
    [PMML_FLOAT] = "float",
    [PMML_DOUBLE] = "double",
    [PMML_BOOLEAN] = "boolean",
    [PMML_DATE] = "date",
    [PMML_TIME] = "time",
    [PMML_DATE_TIME] = "dateTime",
    [PMML_DAYS_0] = "dateDaysSince[0]",
    [PMML_DAYS_1960] = "dateDaysSince[1960]",
    [PMML_DAYS_1970] = "dateDaysSince[1970]",
    [PMML_DAYS_1980] = "dateDaysSince[1980]",
    [PMML_DAYS_1990] = "dateDaysSince[1990]",
    [PMML_DAYS_2000] = "dateDaysSince[2000]",
    [PMML_DAYS_2010] = "dateDaysSince[2010]",
    [PMML_DAYS_2020] = "dateDaysSince[2020]",
    [PMML_TIME_SECONDS] = "timeSeconds",
    [PMML_SECONDS_0] = "dateTimeSecondsSince[0]",
    [PMML_SECONDS_1960] = "dateTimeSecondsSince[1960]",
    [PMML_SECONDS_1970] = "dateTimeSecondsSince[1970]",
    [PMML_SECONDS_1980] = "dateTimeSecondsSince[1980]",
    [PMML_SECONDS_1990] = "dateTimeSecondsSince[1990]",
    [PMML_SECONDS_2000] = "dateTimeSecondsSince[2000]",
    [PMML_SECONDS_2010] = "dateTimeSecondsSince[2010]",
    [PMML_SECONDS_2020] = "dateTimeSecondsSince[2020]",
};

pmml_type mlscore_pmml_type_find(const char *name)
{
    if (strncmp(name, "x-", 2) == 0) {
        name += 2; /* before PMML 4.4 */
    }
    for (int i = PMML_STRING; i < PMML_TYPE_COUNT; i++) {
        if (strcmp(type_names[i], name) == 0) {
            return (pmml_type)i;
        }
    }
    return PMML_MISSING;
}

const char *mlscore_pmml_type_name(uint32_t type)
{
    return type < PMML_TYPE_COUNT ? type_names[type] : "dynamic";
}

/* --- numbers --------------------------------------------------------------*/

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void trim(const char **bytes, size_t *length)
{
    while (*length > 0 && is_space((*bytes)[0])) {
        ++*bytes;
        --*length;
    }
    while (*length > 0 && is_space((*bytes)[*length - 1])) {
        --*length;
    }
}

/** Only what a decimal number is made of, so that strtod reads no hexadecimal
 *  and no "nan(...)". */
static int is_decimal(const char *bytes, size_t length)
{
    int digits = 0;

    for (size_t i = 0; i < length; i++) {
        const char c = bytes[i];

        if (c >= '0' && c <= '9') {
            digits = 1;
        }
        else if (c != '+' && c != '-' && c != '.' && c != 'e' && c != 'E') {
            return 0;
        }
    }
    return digits;
}

static int parse_special(const char *bytes, size_t length, double *number)
{
    static const struct {
        const char *text;
        double value;
    } specials[] = {
        {"NaN", NAN},          {"Infinity", INFINITY},
        {"INF", INFINITY},     {"inf", INFINITY},
        {"+Infinity", INFINITY}, {"-Infinity", -INFINITY},
        {"-INF", -INFINITY},   {"-inf", -INFINITY},
        {"nan", NAN},          {"NAN", NAN},
    };

    for (size_t i = 0; i < sizeof(specials) / sizeof(*specials); i++) {
        if (strlen(specials[i].text) == length &&
            memcmp(specials[i].text, bytes, length) == 0) {
            *number = specials[i].value;
            return 0;
        }
    }
    return -1;
}

int mlscore_pmml_parse_number(const char *bytes, size_t length,
                              double *number)
{
    char text[400];
    char *end;

    trim(&bytes, &length);
    if (length == 0 || length >= sizeof(text)) {
        return -1;
    }
    if (!is_decimal(bytes, length)) {
        return parse_special(bytes, length, number);
    }
    memcpy(text, bytes, length);
    text[length] = '\0';
    *number = strtod(text, &end);
    return end == text + length ? 0 : -1;
}

/* --- dates ----------------------------------------------------------------*/

/* Civil date arithmetic after Howard Hinnant, "chrono-Compatible Low-Level
 * Date Algorithms" (public description), in eras of 400 years. */
int64_t mlscore_pmml_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const unsigned of_era = (unsigned)(year - era * 400);
    const unsigned of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
                             day - 1;
    const unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 +
                                of_year;

    return era * 146097 + (int64_t)day_of_era - 719468;
}

void mlscore_pmml_date(int64_t days, int64_t *year, unsigned *month,
                       unsigned *day)
{
    days += 719468;
    const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const unsigned doe = (unsigned)(days - era * 146097);
    const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const unsigned mp = (5 * doy + 2) / 153;

    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int64_t)yoe + era * 400 + (*month <= 2);
}

/** Exactly `count` digits. */
static int parse_digits(const char **at, const char *end, int count,
                        unsigned *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        if (*at == end || **at < '0' || **at > '9') {
            return -1;
        }
        *value = *value * 10 + (unsigned)(*(*at)++ - '0');
    }
    return 0;
}

static int skip(const char **at, const char *end, char c)
{
    if (*at == end || **at != c) {
        return -1;
    }
    ++*at;
    return 0;
}

/** YYYY-MM-DD */
static int parse_date(const char **at, const char *end, double *days)
{
    static const unsigned char lengths[] = {31, 29, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31};
    unsigned year, month, day;

    if (parse_digits(at, end, 4, &year) || skip(at, end, '-') ||
        parse_digits(at, end, 2, &month) || skip(at, end, '-') ||
        parse_digits(at, end, 2, &day)) {
        return -1;
    }
    const int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !leap)) {
        return -1;
    }
    *days = (double)mlscore_pmml_days(year, month, day);
    return 0;
}

/** HH:MM[:SS[.fraction]]; `long_hours` allows more than 23 of them. */
static int parse_time(const char **at, const char *end, int long_hours,
                      double *seconds)
{
    unsigned hour, minute, second = 0;

    if (parse_digits(at, end, 2, &hour)) {
        return -1;
    }
    while (long_hours && *at != end && **at >= '0' && **at <= '9' &&
           hour < 100000) {
        hour = hour * 10 + (unsigned)(*(*at)++ - '0');
    }
    if (skip(at, end, ':') || parse_digits(at, end, 2, &minute)) {
        return -1;
    }
    if (*at != end && **at == ':') {
        ++*at;
        if (parse_digits(at, end, 2, &second)) {
            return -1;
        }
        if (*at != end && **at == '.') { /* fractions are dropped */
            do {
                ++*at;
            } while (*at != end && **at >= '0' && **at <= '9');
        }
    }
    if ((!long_hours && hour > 23) || minute > 59 || second > 59) {
        return -1;
    }
    *seconds = hour * 3600.0 + minute * 60.0 + second;
    return 0;
}

static int parse_date_time(const char **at, const char *end, double *seconds)
{
    double days, time = 0.0;

    if (parse_date(at, end, &days) ||
        (skip(at, end, 'T') && skip(at, end, ' ')) ||
        parse_time(at, end, 0, &time)) {
        return -1;
    }
    *seconds = days * 86400.0 + time;
    return 0;
}

static int is_days(uint32_t type)
{
    return type >= PMML_DAYS_0 && type <= PMML_DAYS_2020;
}

static int is_seconds(uint32_t type)
{
    return type >= PMML_SECONDS_0 && type <= PMML_SECONDS_2020;
}

double mlscore_pmml_epoch(uint32_t type)
{
    static const int years[] = {0, 1960, 1970, 1980, 1990, 2000, 2010, 2020};

    if (is_days(type)) {
        return (double)mlscore_pmml_days(years[type - PMML_DAYS_0], 1, 1);
    }
    return is_seconds(type)
               ? (double)mlscore_pmml_days(years[type - PMML_SECONDS_0], 1, 1)
               : 0.0;
}

static int parse_moment(uint32_t type, const char *bytes, size_t length,
                        double *number)
{
    const char *at = bytes, *const end = bytes + length;
    int failed;

    *number = 0.0;
    switch (type) {
    case PMML_DATE:
        failed = parse_date(&at, end, number);
        break;
    case PMML_TIME:
        failed = parse_time(&at, end, 0, number);
        break;
    case PMML_TIME_SECONDS:
        failed = parse_time(&at, end, 1, number);
        break;
    case PMML_DATE_TIME:
        failed = parse_date_time(&at, end, number);
        break;
    default:
        if (is_days(type)) {
            failed = parse_date(&at, end, number);
            *number -= mlscore_pmml_epoch(type);
        }
        else {
            failed = parse_date_time(&at, end, number);
            *number -= mlscore_pmml_epoch(type) * 86400.0;
        }
        break;
    }
    return failed || at != end ? -1 : 0;
}

/* --- all types ------------------------------------------------------------*/

static int same_word(const char *bytes, size_t length, const char *word)
{
    if (strlen(word) != length) {
        return 0;
    }
    for (size_t i = 0; i < length; i++) {
        if ((bytes[i] | 0x20) != word[i]) {
            return 0;
        }
    }
    return 1;
}

int mlscore_pmml_parse(uint32_t type, const char *bytes, size_t length,
                       double *number)
{
    *number = 0.0;
    switch (type) {
    case PMML_INTEGER:
    case PMML_FLOAT:
    case PMML_DOUBLE:
        return mlscore_pmml_parse_number(bytes, length, number) ||
                       mlscore_pmml_cast(type, PMML_DOUBLE, number)
                   ? -1
                   : 0;
    case PMML_BOOLEAN:
        trim(&bytes, &length);
        if (same_word(bytes, length, "true")) {
            *number = 1.0;
            return 0;
        }
        if (same_word(bytes, length, "false")) {
            return 0;
        }
        return mlscore_pmml_parse_number(bytes, length, number) ||
                       mlscore_pmml_cast(type, PMML_DOUBLE, number)
                   ? -1
                   : 0;
    case PMML_MISSING:
    case PMML_STRING:
        return -1;
    default:
        trim(&bytes, &length);
        return parse_moment(type, bytes, length, number);
    }
}

/** Largest magnitude below which every whole number is a double. */
#define EXACT_LIMIT 9007199254740992.0

static int cast_moment(uint32_t to, uint32_t from, double *number)
{
    const int to_days = is_days(to);
    const int to_seconds = is_seconds(to);

    if (to_days && is_days(from)) {
        *number += mlscore_pmml_epoch(from) - mlscore_pmml_epoch(to);
        return 0;
    }
    if (to_seconds && is_seconds(from)) {
        *number += 86400.0 *
                   (mlscore_pmml_epoch(from) - mlscore_pmml_epoch(to));
        return 0;
    }
    if (from == PMML_DATE_TIME) {
        const double days = floor(*number / 86400.0);

        if (to == PMML_DATE || to_days) {
            *number = days - (to_days ? mlscore_pmml_epoch(to) : 0.0);
            return 0;
        }
        if (to == PMML_TIME || to == PMML_TIME_SECONDS) {
            *number -= days * 86400.0;
            return 0;
        }
        if (to_seconds) {
            *number -= mlscore_pmml_epoch(to) * 86400.0;
            return 0;
        }
    }
    if (from == PMML_DATE && to_days) {
        *number -= mlscore_pmml_epoch(to);
        return 0;
    }
    return from == PMML_TIME && to == PMML_TIME_SECONDS ? 0 : -1;
}

int mlscore_pmml_cast(uint32_t to, uint32_t from, double *number)
{
    if (to == from) {
        return 0;
    }
    const int numeric = pmml_is_number(from) || from == PMML_BOOLEAN ||
                        pmml_is_period(from);

    switch (to) {
    case PMML_DOUBLE:
        return numeric ? 0 : -1;
    case PMML_FLOAT:
        *number = (double)(float)*number;
        return numeric ? 0 : -1;
    case PMML_INTEGER:
        return numeric && *number == floor(*number) &&
                       fabs(*number) <= EXACT_LIMIT
                   ? 0
                   : -1;
    case PMML_BOOLEAN:
        return pmml_is_number(from) && (*number == 0.0 || *number == 1.0)
                   ? 0
                   : -1;
    default:
        return cast_moment(to, from, number);
    }
}

/** Shortest digits that read back as the same number, then laid out with a
 *  decimal point always, and an exponent outside [1e-3, 1e7). */
static size_t format_double(double number, int is_float,
                            char text[PMML_FORMAT_SIZE])
{
    char digits[40];
    int precision = 0;

    if (isnan(number) || isinf(number)) {
        return (size_t)snprintf(text, PMML_FORMAT_SIZE, "%s",
                                isnan(number) ? "NaN"
                                : number > 0  ? "Infinity"
                                              : "-Infinity");
    }
    for (; precision < 17; precision++) {
        snprintf(digits, sizeof(digits), "%.*e", precision, number);
        const double back = strtod(digits, NULL);

        if (is_float ? (float)back == (float)number : back == number) {
            break;
        }
    }
    const char *e = strchr(digits, 'e');
    const int exponent = e ? atoi(e + 1) : 0;
    const double size = fabs(number);

    if (number == 0.0 || (size >= 1e-3 && size < 1e7)) {
        const int after = precision - exponent;

        return (size_t)snprintf(text, PMML_FORMAT_SIZE, "%.*f",
                                after > 1 ? after : 1, number);
    }
    const int mantissa = (int)(e - digits);
    const int whole = strchr(digits, '.') == NULL;

    return (size_t)snprintf(text, PMML_FORMAT_SIZE, "%.*s%sE%d", mantissa,
                            digits, whole ? ".0" : "", exponent);
}

static size_t format_time(double seconds, char *text, size_t size)
{
    const long all = (long)seconds;

    return (size_t)snprintf(text, size, "%02ld:%02ld:%02ld", all / 3600,
                            all / 60 % 60, all % 60);
}

static size_t format_date(double days, char *text, size_t size)
{
    int64_t year;
    unsigned month, day;

    mlscore_pmml_date((int64_t)days, &year, &month, &day);
    return (size_t)snprintf(text, size, "%04lld-%02u-%02u", (long long)year,
                            month, day);
}

size_t mlscore_pmml_format(uint32_t type, double number,
                           char text[PMML_FORMAT_SIZE])
{
    const int small = fabs(number) < 1e15;

    switch (type) {
    case PMML_FLOAT:
    case PMML_DOUBLE:
        return format_double(number, type == PMML_FLOAT, text);
    case PMML_BOOLEAN:
        return (size_t)snprintf(text, PMML_FORMAT_SIZE, "%s",
                                number != 0.0 ? "true" : "false");
    case PMML_DATE:
        return small ? format_date(number, text, PMML_FORMAT_SIZE) : 0;
    case PMML_TIME:
        return small ? format_time(number, text, PMML_FORMAT_SIZE) : 0;
    case PMML_DATE_TIME: {
        if (!small) {
            return 0;
        }
        const double days = floor(number / 86400.0);
        size_t length = format_date(days, text, PMML_FORMAT_SIZE);

        text[length++] = 'T';
        return length + format_time(number - days * 86400.0, text + length,
                                    PMML_FORMAT_SIZE - length);
    }
    default:
        return (size_t)snprintf(text, PMML_FORMAT_SIZE, "%.0f", number);
    }
}
