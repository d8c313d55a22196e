/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IR_PMML_FUNCTION_H
#define MLSCORE_IR_PMML_FUNCTION_H

/**
 * PMML's built-in functions: F(identifier, name, fewest and most arguments,
 * type of the result). The result types: a PMML type; COMMON, the least
 * restrictive of the arguments' types; FIRST, the first argument's; REAL,
 * COMMON but never integer; BRANCH, of "if".
 */
#define PMML_MANY 255

#define PMML_FUNCTIONS(F)                                  \
    F(ADD, "+", 2, 2, COMMON)                              \
    F(SUBTRACT, "-", 2, 2, COMMON)                         \
    F(MULTIPLY, "*", 2, 2, COMMON)                         \
    F(DIVIDE, "/", 2, 2, COMMON)                           \
    F(MODULO, "modulo", 2, 2, COMMON)                      \
    F(MIN, "min", 1, PMML_MANY, COMMON)                    \
    F(MAX, "max", 1, PMML_MANY, COMMON)                    \
    F(SUM, "sum", 1, PMML_MANY, COMMON)                    \
    F(AVG, "avg", 1, PMML_MANY, REAL)                      \
    F(MEDIAN, "median", 1, PMML_MANY, REAL)                \
    F(PRODUCT, "product", 1, PMML_MANY, COMMON)            \
    F(LOG10, "log10", 1, 1, DOUBLE)                        \
    F(LN, "ln", 1, 1, DOUBLE)                              \
    F(LN1P, "ln1p", 1, 1, DOUBLE)                          \
    F(SQRT, "sqrt", 1, 1, DOUBLE)                          \
    F(ABS, "abs", 1, 1, FIRST)                             \
    F(EXP, "exp", 1, 1, DOUBLE)                            \
    F(EXPM1, "expm1", 1, 1, DOUBLE)                        \
    F(POW, "pow", 2, 2, COMMON)                            \
    F(THRESHOLD, "threshold", 2, 2, COMMON)                \
    F(FLOOR, "floor", 1, 1, INTEGER)                       \
    F(CEIL, "ceil", 1, 1, INTEGER)                         \
    F(ROUND, "round", 1, 1, INTEGER)                       \
    F(RINT, "rint", 1, 1, FIRST)                           \
    F(HYPOT, "hypot", 2, 2, DOUBLE)                        \
    F(SIN, "sin", 1, 1, DOUBLE)                            \
    F(COS, "cos", 1, 1, DOUBLE)                            \
    F(TAN, "tan", 1, 1, DOUBLE)                            \
    F(ASIN, "asin", 1, 1, DOUBLE)                          \
    F(ACOS, "acos", 1, 1, DOUBLE)                          \
    F(ATAN, "atan", 1, 1, DOUBLE)                          \
    F(ATAN2, "atan2", 2, 2, DOUBLE)                        \
    F(SINH, "sinh", 1, 1, DOUBLE)                          \
    F(COSH, "cosh", 1, 1, DOUBLE)                          \
    F(TANH, "tanh", 1, 1, DOUBLE)                          \
    F(ERF, "erf", 1, 1, DOUBLE)                            \
    F(NORMAL_CDF, "normalCDF", 3, 3, DOUBLE)               \
    F(NORMAL_PDF, "normalPDF", 3, 3, DOUBLE)               \
    F(NORMAL_IDF, "normalIDF", 3, 3, DOUBLE)               \
    F(STD_NORMAL_CDF, "stdNormalCDF", 1, 1, DOUBLE)        \
    F(STD_NORMAL_PDF, "stdNormalPDF", 1, 1, DOUBLE)        \
    F(STD_NORMAL_IDF, "stdNormalIDF", 1, 1, DOUBLE)        \
    F(IS_MISSING, "isMissing", 1, 1, BOOLEAN)              \
    F(IS_NOT_MISSING, "isNotMissing", 1, 1, BOOLEAN)       \
    F(IS_VALID, "isValid", 1, 1, BOOLEAN)                  \
    F(IS_NOT_VALID, "isNotValid", 1, 1, BOOLEAN)           \
    F(EQUAL, "equal", 2, 2, BOOLEAN)                       \
    F(NOT_EQUAL, "notEqual", 2, 2, BOOLEAN)                \
    F(LESS_THAN, "lessThan", 2, 2, BOOLEAN)                \
    F(LESS_OR_EQUAL, "lessOrEqual", 2, 2, BOOLEAN)         \
    F(GREATER_THAN, "greaterThan", 2, 2, BOOLEAN)          \
    F(GREATER_OR_EQUAL, "greaterOrEqual", 2, 2, BOOLEAN)   \
    F(AND, "and", 2, PMML_MANY, BOOLEAN)                   \
    F(OR, "or", 2, PMML_MANY, BOOLEAN)                     \
    F(NOT, "not", 1, 1, BOOLEAN)                           \
    F(IS_IN, "isIn", 2, PMML_MANY, BOOLEAN)                \
    F(IS_NOT_IN, "isNotIn", 2, PMML_MANY, BOOLEAN)         \
    F(IF, "if", 2, 3, BRANCH)                              \
    F(UPPERCASE, "uppercase", 1, 1, STRING)                \
    F(LOWERCASE, "lowercase", 1, 1, STRING)                \
    F(STRING_LENGTH, "stringLength", 1, 1, INTEGER)        \
    F(SUBSTRING, "substring", 3, 3, STRING)                \
    F(TRIM_BLANKS, "trimBlanks", 1, 1, STRING)             \
    F(CONCAT, "concat", 2, PMML_MANY, STRING)              \
    F(REPLACE, "replace", 3, 3, STRING)                    \
    F(MATCHES, "matches", 2, 2, BOOLEAN)                   \
    F(FORMAT_NUMBER, "formatNumber", 2, 2, STRING)         \
    F(FORMAT_DATETIME, "formatDatetime", 2, 2, STRING)     \
    F(DAYS_SINCE_YEAR, "dateDaysSinceYear", 2, 2, INTEGER) \
    F(SECONDS_SINCE_MIDNIGHT, "dateSecondsSinceMidnight", 1, 1, INTEGER) \
    F(SECONDS_SINCE_YEAR, "dateSecondsSinceYear", 2, 2, INTEGER)

#define PMML_FUNCTION_NUMBER(id, name, least, most, result) PMML_F_##id,
typedef enum pmml_builtin {
    PMML_FUNCTIONS(PMML_FUNCTION_NUMBER) PMML_F_COUNT
} pmml_builtin;
#undef PMML_FUNCTION_NUMBER

#endif
