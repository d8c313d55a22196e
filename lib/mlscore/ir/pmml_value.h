/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IR_PMML_VALUE_H
#define MLSCORE_IR_PMML_VALUE_H

/**
 * PMML's data types: reading a text as one, writing one as text, casting.
 * Importer and engine use the same rules, so that a constant in the document
 * and a cell in a row mean the same.
 */

#include <stddef.h>
#include <stdint.h>

#include "ir/pmml_plan.h"

/** A value of some type. A number lies in `number` (see pmml_type for what it
 *  counts); a string in `bytes`. `symbol` is the string's number in the plan's
 *  symbol table, or none when the document does not have it: then it differs
 *  from every string that the document has. */
typedef struct pmml_value {
    uint32_t type;
    uint32_t symbol;
    uint32_t length;
    uint32_t invalid; /* taken as it is although the dictionary forbids it */
    const char *bytes;
    double number;
} pmml_value;

static inline int pmml_is_number(uint32_t type)
{
    return type == PMML_INTEGER || type == PMML_FLOAT || type == PMML_DOUBLE;
}

/** A type whose values are counts of days or seconds. */
static inline int pmml_is_period(uint32_t type)
{
    return type >= PMML_DAYS_0 && type <= PMML_SECONDS_2020;
}

/** The type named `name`, or PMML_MISSING. */
pmml_type mlscore_pmml_type_find(const char *name);
/** The name of a type, for messages. */
const char *mlscore_pmml_type_name(uint32_t type);

/** Read a text as a number of C's locale: decimal, with "NaN", "INF" and
 *  "Infinity". Spaces around it are skipped. 0, or -1 when it is none. */
int mlscore_pmml_parse_number(const char *bytes, size_t length,
                              double *number);

/** Read a text as a value of a type other than string. 0, or -1. */
int mlscore_pmml_parse(uint32_t type, const char *bytes, size_t length,
                       double *number);

/** Cast a number from one type to another, neither being string. 0, or -1
 *  when PMML has no such cast (0.5 to integer, 2 to boolean, a date to a
 *  number). */
int mlscore_pmml_cast(uint32_t to, uint32_t from, double *number);

/** The bytes that mlscore_pmml_format may write, with the final zero. */
#define PMML_FORMAT_SIZE 64

/** Write a value of a type other than string as text; returns its length.
 *  Floating point is written shortest with a decimal point ("1.0"). */
size_t mlscore_pmml_format(uint32_t type, double number,
                           char text[PMML_FORMAT_SIZE]);

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
int64_t mlscore_pmml_days(int64_t year, unsigned month, unsigned day);
/** The date that lies `days` days after 1970-01-01. */
void mlscore_pmml_date(int64_t days, int64_t *year, unsigned *month,
                       unsigned *day);

/** Days from 1970-01-01 to the epoch of a dateDaysSince or
 *  dateTimeSecondsSince type. */
double mlscore_pmml_epoch(uint32_t type);

#endif
