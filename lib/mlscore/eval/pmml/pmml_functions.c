/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Built-in functions of numbers and truth values.
 *
 * Integers stay integers, also when divided; otherwise the result has the
 * widest type of the arguments. Arithmetic with a missing argument is missing,
 * aggregates ignore missing arguments, and all other functions refuse the row
 * (as the reference engine does) unless mapMissingTo says otherwise.
 */

#include <limits.h>
#include <math.h>

#include "eval/pmml/pmml_run.h"
#include "ir/pmml_function.h"

#define UNDEFINED 1

/** Java's int, the type behind PMML's integer in the reference engine. */
static int outside_int(double number)
{
    return !(number >= INT_MIN && number <= INT_MAX);
}

static int need_argument(pmml_run *run, const pmml_value *arguments,
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

static uint32_t widest(uint32_t left, uint32_t right)
{
    const uint32_t a = pmml_is_number(left) ? left : PMML_DOUBLE;
    const uint32_t b = pmml_is_number(right) ? right : PMML_DOUBLE;

    if (!pmml_is_number(left) && left == right && pmml_is_period(left)) {
        return PMML_INTEGER;
    }
    return a > b ? a : b;
}

static pmml_value rounded(uint32_t type, double number)
{
    return pmml_number_value(
        type, type == PMML_FLOAT ? (double)(float)number : number);
}

/* --- arithmetic -----------------------------------------------------------*/

static int divide(double left, double right, int whole, double *result)
{
    if (whole && right == 0.0) {
        return UNDEFINED;
    }
    *result = whole ? trunc(left / right) : left / right;
    return 0;
}

static int modulo(double left, double right, int whole, double *result)
{
    if (whole && right == 0.0) {
        return UNDEFINED;
    }
    *result = left - floor(left / right) * right;
    return 0;
}

static int arithmetic(pmml_run *run, uint32_t function,
                      const pmml_value *arguments, pmml_value *value)
{
    double left, right, result = 0.0;
    int undefined = 0;

    if (arguments[0].type == PMML_MISSING ||
        arguments[1].type == PMML_MISSING) {
        *value = pmml_missing();
        return 0;
    }
    const uint32_t type = widest(arguments[0].type, arguments[1].type);
    const int whole = type == PMML_INTEGER;

    if (mlscore_pmml_as_number(run, &arguments[0], &left) ||
        mlscore_pmml_as_number(run, &arguments[1], &right)) {
        return -1;
    }
    switch (function) {
    case PMML_F_ADD:
        result = left + right;
        break;
    case PMML_F_SUBTRACT:
        result = left - right;
        break;
    case PMML_F_MULTIPLY:
        result = left * right;
        break;
    case PMML_F_DIVIDE:
        undefined = divide(left, right, whole, &result);
        break;
    default:
        undefined = modulo(left, right, whole, &result);
        break;
    }
    if (undefined || (whole && outside_int(result))) {
        return UNDEFINED;
    }
    *value = rounded(type, result);
    return 0;
}

/* --- aggregates -----------------------------------------------------------*/

static double accumulate(uint32_t function, double so_far, double number,
                         uint32_t used)
{
    if (used == 0) {
        return number;
    }
    switch (function) {
    case PMML_F_MIN:
        return number < so_far ? number : so_far;
    case PMML_F_MAX:
        return number > so_far ? number : so_far;
    case PMML_F_PRODUCT:
        return so_far * number;
    default:
        return so_far + number;
    }
}

static int aggregate(pmml_run *run, uint32_t function,
                     const pmml_value *arguments, uint32_t count,
                     pmml_value *value)
{
    uint32_t used = 0, type = PMML_INTEGER;
    double result = 0.0;

    for (uint32_t i = 0; i < count; i++) {
        double number;

        if (arguments[i].type == PMML_MISSING) {
            continue;
        }
        if (mlscore_pmml_as_number(run, &arguments[i], &number)) {
            return -1;
        }
        type = used == 0 ? widest(arguments[i].type, arguments[i].type)
                         : widest(type, arguments[i].type);
        result = accumulate(function, result, number, used++);
    }
    if (used == 0) {
        *value = pmml_missing();
        return 0;
    }
    if (function == PMML_F_AVG) {
        result /= used;
        type = type == PMML_INTEGER ? PMML_DOUBLE : type;
    }
    *value = rounded(type, result);
    return 0;
}

/** The k-th smallest of the numbers, ignoring what is missing; arguments are
 *  few, so counting is quicker than sorting. */
static double order_statistic(const pmml_value *arguments, uint32_t count,
                              uint32_t k)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t below = 0, equal = 0;

        if (arguments[i].type == PMML_MISSING) {
            continue;
        }
        for (uint32_t j = 0; j < count; j++) {
            if (arguments[j].type != PMML_MISSING) {
                below += arguments[j].number < arguments[i].number;
                equal += arguments[j].number == arguments[i].number;
            }
        }
        if (k >= below && k < below + equal) {
            return arguments[i].number;
        }
    }
    return NAN;
}

static int median(const pmml_value *arguments, uint32_t count,
                  pmml_value *value)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        used += arguments[i].type != PMML_MISSING;
    }
    *value =
        used == 0
            ? pmml_missing()
            : pmml_number_value(
                  PMML_DOUBLE,
                  0.5 * (order_statistic(arguments, count, (used - 1) / 2) +
                         order_statistic(arguments, count, used / 2)));
    return 0;
}

/* --- functions of one number ----------------------------------------------*/

double mlscore_pmml_normal_cdf(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/** Inverse of the normal distribution: Acklam's rational approximation,
 *  refined by two steps of Halley's method to full precision. */
static double normal_quantile(double p)
{
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
                               -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
                               -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
                               -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00,  2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01,
                               2.445134137142996e+00, 3.754408661907416e+00};
    double x;

    if (!(p > 0.0 && p < 1.0)) {
        return p == 0.0 ? -INFINITY : p == 1.0 ? INFINITY : NAN;
    }
    if (p > 0.02425 && p < 1 - 0.02425) {
        const double q = p - 0.5, r = q * q;

        x = (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r +
             a[5]) * q /
            (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
    }
    else {
        const double q = sqrt(-2 * log(p < 0.5 ? p : 1 - p));

        x = (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q +
             c[5]) /
            ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
        x = p < 0.5 ? x : -x;
    }
    for (int i = 0; i < 2; i++) {
        const double e = mlscore_pmml_normal_cdf(x) - p;
        const double u = e * sqrt(2 * M_PI) * exp(x * x / 2);

        x -= u / (1 + x * u / 2);
    }
    return x;
}

static double normal_density(double z)
{
    return exp(-0.5 * z * z) / sqrt(2 * M_PI);
}

static double real_function(uint32_t function, double x)
{
    switch (function) {
    case PMML_F_LOG10:
        return log10(x);
    case PMML_F_LN:
        return log(x);
    case PMML_F_LN1P:
        return log1p(x);
    case PMML_F_SQRT:
        return sqrt(x);
    case PMML_F_EXP:
        return exp(x);
    case PMML_F_EXPM1:
        return expm1(x);
    case PMML_F_SIN:
        return sin(x);
    case PMML_F_COS:
        return cos(x);
    case PMML_F_TAN:
        return tan(x);
    case PMML_F_ASIN:
        return asin(x);
    case PMML_F_ACOS:
        return acos(x);
    case PMML_F_ATAN:
        return atan(x);
    case PMML_F_SINH:
        return sinh(x);
    case PMML_F_COSH:
        return cosh(x);
    case PMML_F_TANH:
        return tanh(x);
    case PMML_F_ERF:
        return erf(x);
    case PMML_F_STD_NORMAL_CDF:
        return mlscore_pmml_normal_cdf(x);
    case PMML_F_STD_NORMAL_PDF:
        return normal_density(x);
    default:
        return normal_quantile(x);
    }
}

/** NaN out of a trigonometric function of a number is not defined. */
static int is_trigonometric(uint32_t function)
{
    return function >= PMML_F_SIN && function <= PMML_F_TANH;
}

static int unary(pmml_run *run, uint32_t function,
                 const pmml_value *arguments, pmml_value *value)
{
    double x;

    if (need_argument(run, arguments, 1) ||
        mlscore_pmml_as_number(run, arguments, &x)) {
        return -1;
    }
    const uint32_t type = widest(arguments[0].type, arguments[0].type);

    switch (function) {
    case PMML_F_ABS:
        *value = rounded(type, fabs(x));
        return 0;
    case PMML_F_RINT:
        *value = rounded(type, rint(x));
        return 0;
    case PMML_F_FLOOR:
    case PMML_F_CEIL:
    case PMML_F_ROUND:
        x = function == PMML_F_FLOOR  ? floor(x)
            : function == PMML_F_CEIL ? ceil(x)
                                      : floor(x + 0.5);
        *value = pmml_number_value(PMML_INTEGER, x);
        return outside_int(x) ? UNDEFINED : 0;
    default:
        x = real_function(function, x);
        *value = pmml_number_value(PMML_DOUBLE, x);
        return isnan(x) && is_trigonometric(function) ? UNDEFINED : 0;
    }
}

static int binary(pmml_run *run, uint32_t function,
                  const pmml_value *arguments, pmml_value *value)
{
    double x, y;

    if (need_argument(run, arguments, 2) ||
        mlscore_pmml_as_number(run, &arguments[0], &x) ||
        mlscore_pmml_as_number(run, &arguments[1], &y)) {
        return -1;
    }
    const uint32_t type = widest(arguments[0].type, arguments[1].type);

    switch (function) {
    case PMML_F_POW:
        x = pow(x, y);
        *value = rounded(type, x);
        /* An integer result cannot hold a fraction. */
        return type == PMML_INTEGER &&
                       mlscore_pmml_cast(PMML_INTEGER, PMML_DOUBLE, &x)
                   ? mlscore_pmml_refuse(run, "pow of integers is no integer")
                   : 0;
    case PMML_F_THRESHOLD:
        *value = pmml_number_value(type, mlscore_pmml_order(x, y) > 0);
        return 0;
    case PMML_F_HYPOT:
        *value = pmml_number_value(PMML_DOUBLE, hypot(x, y));
        return 0;
    default: /* atan2 */
        *value = pmml_number_value(PMML_DOUBLE, atan2(x, y));
        return isnan(value->number) ? UNDEFINED : 0;
    }
}

static int normal(pmml_run *run, uint32_t function,
                  const pmml_value *arguments, pmml_value *value)
{
    double x, mean, deviation;

    if (need_argument(run, arguments, 3) ||
        mlscore_pmml_as_number(run, &arguments[0], &x) ||
        mlscore_pmml_as_number(run, &arguments[1], &mean) ||
        mlscore_pmml_as_number(run, &arguments[2], &deviation)) {
        return -1;
    }
    const double z = (x - mean) / deviation;
    const double result =
        function == PMML_F_NORMAL_CDF   ? mlscore_pmml_normal_cdf(z)
        : function == PMML_F_NORMAL_PDF ? normal_density(z) / deviation
                                        : mean + deviation * normal_quantile(x);

    *value = pmml_number_value(PMML_DOUBLE, result);
    return 0;
}

/* --- truth ----------------------------------------------------------------*/

static int comparison(pmml_run *run, uint32_t function,
                      const pmml_value *arguments, pmml_value *value)
{
    int result;

    if (need_argument(run, arguments, 2)) {
        return -1;
    }
    if (function == PMML_F_EQUAL || function == PMML_F_NOT_EQUAL) {
        if (mlscore_pmml_equal(run, &arguments[0], &arguments[1], &result)) {
            return -1;
        }
        *value = pmml_boolean_value(result == (function == PMML_F_EQUAL));
        return 0;
    }
    if (mlscore_pmml_compare(run, &arguments[0], &arguments[1], &result)) {
        return -1;
    }
    *value = pmml_boolean_value(function == PMML_F_LESS_THAN ? result < 0
                                : function == PMML_F_LESS_OR_EQUAL
                                    ? result <= 0
                                : function == PMML_F_GREATER_THAN
                                    ? result > 0
                                    : result >= 0);
    return 0;
}

static int logical(pmml_run *run, uint32_t function,
                   const pmml_value *arguments, uint32_t count,
                   pmml_value *value)
{
    int result = function != PMML_F_OR;

    if (need_argument(run, arguments, count)) {
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        pmml_value flag = arguments[i];

        if (mlscore_pmml_cast_value(run, &flag, PMML_BOOLEAN)) {
            return -1;
        }
        result = function == PMML_F_AND   ? result && flag.number != 0.0
                 : function == PMML_F_OR ? result || flag.number != 0.0
                                         : flag.number == 0.0;
    }
    *value = pmml_boolean_value(result);
    return 0;
}

static int membership(pmml_run *run, uint32_t function,
                      const pmml_value *arguments, uint32_t count,
                      pmml_value *value)
{
    const int is_missing = arguments[0].type == PMML_MISSING;
    int found = 0;

    for (uint32_t i = 1; i < count && !found; i++) {
        if (is_missing || arguments[i].type == PMML_MISSING) {
            found = is_missing && arguments[i].type == PMML_MISSING;
        }
        else if (mlscore_pmml_equal(run, &arguments[0], &arguments[i],
                                    &found)) {
            return -1;
        }
    }
    *value = pmml_boolean_value(found == (function == PMML_F_IS_IN));
    return 0;
}

static pmml_value state(uint32_t function, const pmml_value *argument)
{
    const int missing = argument->type == PMML_MISSING;
    const int valid = !missing && !argument->invalid;

    switch (function) {
    case PMML_F_IS_MISSING:
        return pmml_boolean_value(missing);
    case PMML_F_IS_NOT_MISSING:
        return pmml_boolean_value(!missing);
    case PMML_F_IS_VALID:
        return pmml_boolean_value(valid);
    default:
        return pmml_boolean_value(!valid);
    }
}

int mlscore_pmml_call(pmml_run *run, const pmml_expr *expr,
                      const pmml_value *arguments, uint32_t count,
                      pmml_value *value)
{
    const uint32_t function = expr->c;

    switch (function) {
    case PMML_F_ADD:
    case PMML_F_SUBTRACT:
    case PMML_F_MULTIPLY:
    case PMML_F_DIVIDE:
    case PMML_F_MODULO:
        return arithmetic(run, function, arguments, value);
    case PMML_F_MIN:
    case PMML_F_MAX:
    case PMML_F_SUM:
    case PMML_F_AVG:
    case PMML_F_PRODUCT:
        return aggregate(run, function, arguments, count, value);
    case PMML_F_MEDIAN:
        return median(arguments, count, value);
    case PMML_F_POW:
    case PMML_F_THRESHOLD:
    case PMML_F_HYPOT:
    case PMML_F_ATAN2:
        return binary(run, function, arguments, value);
    case PMML_F_NORMAL_CDF:
    case PMML_F_NORMAL_PDF:
    case PMML_F_NORMAL_IDF:
        return normal(run, function, arguments, value);
    case PMML_F_EQUAL:
    case PMML_F_NOT_EQUAL:
    case PMML_F_LESS_THAN:
    case PMML_F_LESS_OR_EQUAL:
    case PMML_F_GREATER_THAN:
    case PMML_F_GREATER_OR_EQUAL:
        return comparison(run, function, arguments, value);
    case PMML_F_AND:
    case PMML_F_OR:
    case PMML_F_NOT:
        return logical(run, function, arguments, count, value);
    case PMML_F_IS_IN:
    case PMML_F_IS_NOT_IN:
        return membership(run, function, arguments, count, value);
    case PMML_F_IS_MISSING:
    case PMML_F_IS_NOT_MISSING:
    case PMML_F_IS_VALID:
    case PMML_F_IS_NOT_VALID:
        *value = state(function, arguments);
        return 0;
    default:
        return unary(run, function, arguments, value);
    }
}
