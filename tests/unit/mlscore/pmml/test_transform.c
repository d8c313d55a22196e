/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's transformations and built-in functions, seen through a model that
 * reports them in its Output. */

#include "pmml_case.h"

#define FIELDS                                                            \
    NUMBER("x") NUMBER("z") TEXT("c") NUMBER("y")                         \
    "<DataField name='i' optype='continuous' dataType='integer'/>"        \
    "<DataField name='d' optype='ordinal' dataType='date'/>"
#define SCHEMA                                                            \
    "<MiningSchema>" ACTIVE("x") ACTIVE("z") ACTIVE("c") ACTIVE("i")      \
    ACTIVE("d") TARGET("y") "</MiningSchema>"
#define MODEL(optype, type)                                               \
    "<RegressionModel functionName='regression'>" SCHEMA                  \
    "<Output><OutputField name='t' optype='" optype "' dataType='" type   \
    "' feature='transformedValue'><FieldRef field='t'/></OutputField>"    \
    "</Output><RegressionTable intercept='0'/></RegressionModel>"
#define DERIVES(optype, type, expression)                                 \
    PMML_DOCUMENT(FIELDS, "<TransformationDictionary>"                    \
                  "<DerivedField name='t' optype='" optype                \
                  "' dataType='" type "'>" expression "</DerivedField>"   \
                  "</TransformationDictionary>" MODEL(optype, type))
#define REAL(expression) DERIVES("continuous", "double", expression)
#define WHOLE(expression) DERIVES("continuous", "integer", expression)
#define WORD(expression) DERIVES("categorical", "string", expression)
#define LOGICAL(expression) DERIVES("categorical", "boolean", expression)
#define APPLY(function, arguments) \
    "<Apply function='" function "'>" arguments "</Apply>"
#define X "<FieldRef field='x'/>"
#define Z "<FieldRef field='z'/>"
#define C "<FieldRef field='c'/>"
#define I "<FieldRef field='i'/>"
#define D "<FieldRef field='d'/>"
#define NUM(value) "<Constant dataType='double'>" value "</Constant>"
#define INT(value) "<Constant dataType='integer'>" value "</Constant>"
#define STR(value) "<Constant dataType='string'>" value "</Constant>"
#define HEAD "x,z,c,i,d\n"

static void test_normalize(void **state)
{
#define CONTINUOUS(outliers)                                     \
    REAL("<NormContinuous field='x' " outliers ">"               \
         "<LinearNorm orig='0' norm='0'/>"                       \
         "<LinearNorm orig='10' norm='1'/>"                      \
         "<LinearNorm orig='20' norm='5'/></NormContinuous>")
    static const pmml_case cases[] = {
        {"piecewise, extrapolated", CONTINUOUS(""),
         HEAD "5,,,,\n15,,,,\n-10,,,,\n30,,,,\n",
         "y,t\n0,0.5\n0,3\n0,-1\n0,9\n"},
        {"as missing", CONTINUOUS("outliers='asMissingValues'"),
         HEAD "5,,,,\n30,,,,\n", "y,t\n0,0.5\n0,\n"},
        {"as extremes", CONTINUOUS("outliers='asExtremeValues'"),
         HEAD "-5,,,,\n30,,,,\n", "y,t\n0,0\n0,5\n"},
        {"mapMissingTo", CONTINUOUS("mapMissingTo='7'"), HEAD ",,,,\n",
         "y,t\n0,7\n"},
        {"NormDiscrete", REAL("<NormDiscrete field='c' value='k'/>"),
         HEAD ",,k,,\n,,j,,\n,,,,\n", "y,t\n0,1\n0,0\n0,\n"},
        {"NormDiscrete of a missing value",
         REAL("<NormDiscrete field='c' value='k' mapMissingTo='0.5'/>"),
         HEAD ",,,,\n", "y,t\n0,0.5\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_discretize(void **state)
{
#define BINS(attributes)                                                  \
    WORD("<Discretize field='x' " attributes ">"                          \
         "<DiscretizeBin binValue='low'>"                                 \
         "<Interval closure='openOpen' rightMargin='0'/></DiscretizeBin>" \
         "<DiscretizeBin binValue='mid'><Interval closure='closedOpen' "  \
         "leftMargin='0' rightMargin='5'/></DiscretizeBin>"               \
         "<DiscretizeBin binValue='five'><Interval closure='closedClosed'"\
         " leftMargin='5' rightMargin='5'/></DiscretizeBin>"              \
         "</Discretize>")
    static const pmml_case cases[] = {
        {"bins", BINS(""), HEAD "-1,,,,\n0,,,,\n4.9,,,,\n5,,,,\n6,,,,\n",
         "y,t\n0,low\n0,mid\n0,mid\n0,five\n0,\n"},
        {"default and missing",
         BINS("defaultValue='out' mapMissingTo='none'"),
         HEAD "6,,,,\n,,,,\n", "y,t\n0,out\n0,none\n"},
        {"no bins at all",
         WORD("<Discretize field='x' defaultValue='there' "
              "mapMissingTo='gone'/>"),
         HEAD "6,,,,\n,,,,\n", "y,t\n0,there\n0,gone\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_map_values(void **state)
{
#define MAP(attributes)                                                   \
    REAL("<MapValues outputColumn='out' " attributes ">"                  \
         "<FieldColumnPair field='c' column='name'/>"                     \
         "<FieldColumnPair field='i' column='number'/><InlineTable>"      \
         "<row><name>k</name><number>1</number><out>1.5</out></row>"      \
         "<row><name>k</name><number>2</number><out>2.5</out></row>"      \
         "<row><name>j</name><number>1</number><out>3.5</out></row>"      \
         "</InlineTable></MapValues>")
    static const pmml_case cases[] = {
        {"two columns", MAP(""),
         HEAD ",,k,1,\n,,k,2,\n,,j,1,\n,,j,2,\n,,,1,\n",
         "y,t\n0,1.5\n0,2.5\n0,3.5\n0,\n0,\n"},
        {"default and missing", MAP("defaultValue='9' mapMissingTo='8'"),
         HEAD ",,j,2,\n,,,1,\n", "y,t\n0,9\n0,8\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_arithmetic(void **state)
{
    static const pmml_case cases[] = {
        {"nested",
         REAL(APPLY("+", APPLY("*", X NUM("2")) APPLY("-", Z NUM("1")))),
         HEAD "3,4,,,\n", "y,t\n0,9\n"},
        {"division", REAL(APPLY("/", X Z)), HEAD "1,4,,,\n", "y,t\n0,0.25\n"},
        {"whole numbers divide to whole numbers",
         WHOLE(APPLY("/", I INT("2"))), HEAD ",,,7,\n,,,-7,\n",
         "y,t\n0,3\n0,-3\n"},
        {"a missing argument", REAL(APPLY("+", X Z)), HEAD "1,,,,\n",
         "y,t\n0,\n"},
        {"mapMissingTo",
         REAL("<Apply function='+' mapMissingTo='-1'>" X Z "</Apply>"),
         HEAD "1,,,,\n", "y,t\n0,-1\n"},
        {"defaultValue",
         REAL("<Apply function='+' defaultValue='-2'>" X Z "</Apply>"),
         HEAD "1,,,,\n1,1,,,\n", "y,t\n0,-2\n0,2\n"},
        {"min, missing ones ignored", REAL(APPLY("min", X Z NUM("5"))),
         HEAD "7,3,,,\n7,,,,\n", "y,t\n0,3\n0,5\n"},
        {"max", REAL(APPLY("max", X Z)), HEAD "7,3,,,\n", "y,t\n0,7\n"},
        {"sum", REAL(APPLY("sum", X Z NUM("1"))), HEAD "7,,,,\n",
         "y,t\n0,8\n"},
        {"avg", REAL(APPLY("avg", X Z NUM("1"))), HEAD "3,,,,\n3,5,,,\n",
         "y,t\n0,2\n0,3\n"},
        {"median", REAL(APPLY("median", X Z NUM("1"))),
         HEAD "7,3,,,\n7,,,,\n", "y,t\n0,3\n0,4\n"},
        {"product", REAL(APPLY("product", X Z NUM("2"))), HEAD "7,3,,,\n",
         "y,t\n0,42\n"},
        {"pow", REAL(APPLY("pow", X Z)), HEAD "2,10,,,\n", "y,t\n0,1024\n"},
        {"threshold", REAL(APPLY("threshold", X Z)),
         HEAD "2,1,,,\n1,1,,,\n", "y,t\n0,1\n0,0\n"},
        {"modulo has the sign of the divisor", REAL(APPLY("modulo", X Z)),
         HEAD "11,4,,,\n-11,4,,,\n11,-4,,,\n-11,-4,,,\n",
         "y,t\n0,3\n0,1\n0,-1\n0,-3\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_mathematics(void **state)
{
    static const pmml_case cases[] = {
        {"ln", REAL(APPLY("ln", X)), HEAD "2.5,,,,\n",
         "y,t\n0,0.916290731874155065\n"},
        {"log10", REAL(APPLY("log10", X)), HEAD "1000,,,,\n", "y,t\n0,3\n"},
        {"ln1p", REAL(APPLY("ln1p", X)), HEAD "1e-10,,,,\n",
         "y,t\n0,9.9999999995e-11\n"},
        {"x-expm1", REAL(APPLY("x-expm1", X)), HEAD "1e-10,,,,\n",
         "y,t\n0,1.00000000005e-10\n"},
        {"exp", REAL(APPLY("exp", X)), HEAD "1,,,,\n",
         "y,t\n0,2.71828182845904524\n"},
        {"sqrt", REAL(APPLY("sqrt", X)), HEAD "2,,,,\n",
         "y,t\n0,1.41421356237309505\n"},
        {"abs", REAL(APPLY("abs", X)), HEAD "-2,,,,\n", "y,t\n0,2\n"},
        {"hypot", REAL(APPLY("hypot", X Z)), HEAD "3,4,,,\n", "y,t\n0,5\n"},
        {"sin", REAL(APPLY("sin", X)), HEAD "1,,,,\n",
         "y,t\n0,0.841470984807896507\n"},
        {"atan2", REAL(APPLY("atan2", X Z)), HEAD "1,-1,,,\n",
         "y,t\n0,2.35619449019234493\n"},
        {"cos", REAL(APPLY("cos", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.8775825618903728\n"},
        {"tan", REAL(APPLY("tan", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.5463024898437905\n"},
        {"asin", REAL(APPLY("asin", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.5235987755982989\n"},
        {"acos", REAL(APPLY("acos", X)), HEAD "0.5,,,,\n",
         "y,t\n0,1.0471975511965979\n"},
        {"atan", REAL(APPLY("atan", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.4636476090008061\n"},
        {"sinh", REAL(APPLY("sinh", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.5210953054937474\n"},
        {"cosh", REAL(APPLY("cosh", X)), HEAD "0.5,,,,\n",
         "y,t\n0,1.1276259652063807\n"},
        {"tanh", REAL(APPLY("tanh", X)), HEAD "1,,,,\n",
         "y,t\n0,0.761594155955764888\n"},
        {"floor", WHOLE(APPLY("floor", X)), HEAD "1.7,,,,\n-1.2,,,,\n",
         "y,t\n0,1\n0,-2\n"},
        {"ceil", WHOLE(APPLY("ceil", X)), HEAD "1.2,,,,\n-1.7,,,,\n",
         "y,t\n0,2\n0,-1\n"},
        {"round", WHOLE(APPLY("round", X)), HEAD "1.5,,,,\n2.4,,,,\n",
         "y,t\n0,2\n0,2\n"},
        {"rint: a half to the even", REAL(APPLY("rint", X)),
         HEAD "1.5,,,,\n2.5,,,,\n", "y,t\n0,2\n0,2\n"},
        {"stdNormalCDF", REAL(APPLY("stdNormalCDF", X)), HEAD "1,,,,\n",
         "y,t\n0,0.841344746068542949\n"},
        {"stdNormalPDF", REAL(APPLY("stdNormalPDF", X)), HEAD "0,,,,\n",
         "y,t\n0,0.398942280401432678\n"},
        {"stdNormalIDF", REAL(APPLY("stdNormalIDF", X)), HEAD "0.3,,,,\n",
         "y,t\n0,-0.5244005127080407\n"},
        /* of mean 1 and deviation 2 */
        {"normalCDF", REAL(APPLY("normalCDF", X NUM("1") NUM("2"))),
         HEAD "2,,,,\n", "y,t\n0,0.6914624612740131\n"},
        {"normalPDF", REAL(APPLY("normalPDF", X NUM("1") NUM("2"))),
         HEAD "2,,,,\n", "y,t\n0,0.17603266338214976\n"},
        {"normalIDF", REAL(APPLY("normalIDF", X NUM("1") NUM("2"))),
         HEAD "0.3,,,,\n", "y,t\n0,-0.048801025416081334\n"},
        {"erf", REAL(APPLY("erf", X)), HEAD "0.5,,,,\n",
         "y,t\n0,0.520499877813046538\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_logic(void **state)
{
    static const pmml_case cases[] = {
        {"if then else",
         WORD(APPLY("if", APPLY("lessThan", X NUM("0")) STR("neg")
                              STR("pos"))),
         HEAD "-1,,,,\n1,,,,\n", "y,t\n0,neg\n0,pos\n"},
        {"if without else",
         WORD(APPLY("if", APPLY("lessThan", X NUM("0")) STR("neg"))),
         HEAD "-1,,,,\n1,,,,\n", "y,t\n0,neg\n0,\n"},
        {"and, or, not",
         LOGICAL(APPLY("and", APPLY("or", APPLY("equal", X NUM("1"))
                                              APPLY("equal", X NUM("2")))
                                  APPLY("not", APPLY("equal",
                                                     Z NUM("0"))))),
         HEAD "1,1,,,\n2,0,,,\n3,1,,,\n", "y,t\n0,true\n0,false\n0,false\n"},
        {"comparisons of text", LOGICAL(APPLY("notEqual", C STR("k"))),
         HEAD ",,k,,\n,,j,,\n", "y,t\n0,false\n0,true\n"},
        {"isMissing", LOGICAL(APPLY("isMissing", X)), HEAD ",,,,\n1,,,,\n",
         "y,t\n0,true\n0,false\n"},
        {"isNotMissing", LOGICAL(APPLY("isNotMissing", X)),
         HEAD ",,,,\n1,,,,\n", "y,t\n0,false\n0,true\n"},
        {"isIn", LOGICAL(APPLY("isIn", C STR("k") STR("l"))),
         HEAD ",,l,,\n,,m,,\n", "y,t\n0,true\n0,false\n"},
        {"isNotIn", LOGICAL(APPLY("isNotIn", C STR("k") STR("l"))),
         HEAD ",,l,,\n,,m,,\n", "y,t\n0,false\n0,true\n"},
        {"isValid", LOGICAL(APPLY("isValid", X)), HEAD ",,,,\n1,,,,\n",
         "y,t\n0,false\n0,true\n"},
        {"isNotValid", LOGICAL(APPLY("isNotValid", X)),
         HEAD ",,,,\n1,,,,\n", "y,t\n0,true\n0,false\n"},
        {"lessOrEqual", LOGICAL(APPLY("lessOrEqual", X Z)),
         HEAD "1,1,,,\n2,1,,,\n", "y,t\n0,true\n0,false\n"},
        {"greaterThan", LOGICAL(APPLY("greaterThan", X Z)),
         HEAD "1,1,,,\n2,1,,,\n", "y,t\n0,false\n0,true\n"},
        {"greaterOrEqual", LOGICAL(APPLY("greaterOrEqual", X Z)),
         HEAD "1,1,,,\n0,1,,,\n", "y,t\n0,true\n0,false\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_text(void **state)
{
    static const pmml_case cases[] = {
        {"uppercase", WORD(APPLY("uppercase", C)), HEAD ",,aBc\xc3\xa9,,\n",
         "y,t\n0,ABC\xc3\x89\n"},
        {"lowercase", WORD(APPLY("lowercase", C)), HEAD ",,aBC,,\n",
         "y,t\n0,abc\n"},
        {"trimBlanks", WORD(APPLY("trimBlanks", C)), HEAD ",,\"  a b \",,\n",
         "y,t\n0,a b\n"},
        {"substring from 1", WORD(APPLY("substring", C INT("2") INT("3"))),
         HEAD ",,a\xc3\xa9" "cdef,,\n", "y,t\n0,\xc3\xa9" "cd\n"},
        {"concat", WORD(APPLY("concat", C STR("-") I)), HEAD ",,a,7,\n",
         "y,t\n0,a-7\n"},
        {"replace",
         WORD(APPLY("replace", C STR("B+") STR("c"))),
         HEAD ",,aBBBaB,,\n", "y,t\n0,acac\n"},
        {"matches", LOGICAL(APPLY("matches", C STR("ar?y"))),
         HEAD ",,January,,\n,,March,,\n", "y,t\n0,true\n0,false\n"},
        {"stringLength", WHOLE(APPLY("stringLength", C)),
         HEAD ",,a\xc3\xa9,,\n", "y,t\n0,2\n"},
        {"formatNumber", WORD(APPLY("formatNumber", I STR("%3d"))),
         HEAD ",,,2,\n", "y,t\n0,  2\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/** Of a moment w. */
#define MOMENT(expression)                                                \
    PMML_DOCUMENT(                                                        \
        "<DataField name='w' optype='ordinal' dataType='dateTime'/>"      \
        NUMBER("y"),                                                      \
        "<RegressionModel functionName='regression'><MiningSchema>"       \
        ACTIVE("w") TARGET("y") "</MiningSchema><Output>"                 \
        "<OutputField name='t' optype='continuous' dataType='integer' "   \
        "feature='transformedValue'>" expression "</OutputField></Output>"\
        "<RegressionTable intercept='0'/></RegressionModel>")
#define W "<FieldRef field='w'/>"

static void test_moments(void **state)
{
    static const pmml_case cases[] = {
        {"seconds since midnight",
         MOMENT(APPLY("dateSecondsSinceMidnight", W)),
         "w\n2003-04-01T03:30:03\n\"\"\n", "y,t\n0,12603\n!missing\n"},
        {"seconds since a year",
         MOMENT(APPLY("dateSecondsSinceYear", W INT("1960"))),
         "w\n2003-04-01T03:30:03\n1960-01-01T00:00:00\n",
         "y,t\n0,1364787003\n0,0\n"},
        {"days since a year",
         MOMENT(APPLY("dateDaysSinceYear", W INT("2003"))),
         "w\n2003-04-01T03:30:03\n", "y,t\n0,90\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_dates(void **state)
{
    static const pmml_case cases[] = {
        {"days since a year",
         WHOLE(APPLY("dateDaysSinceYear", D INT("1960"))),
         HEAD ",,,,2003-04-01\n,,,,1960-01-01\n,,,,1959-12-31\n",
         "y,t\n0,15796\n0,0\n0,-1\n"},
        {"formatDatetime",
         WORD(APPLY("formatDatetime", D STR("%d.%m.%Y"))),
         HEAD ",,,,2003-04-01\n", "y,t\n0,01.04.2003\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define DEFINES(function, expression)                                     \
    PMML_DOCUMENT(FIELDS, "<TransformationDictionary>" function           \
                  "<DerivedField name='t' optype='continuous' "           \
                  "dataType='double'>" expression "</DerivedField>"       \
                  "</TransformationDictionary>"                           \
                  MODEL("continuous", "double"))
#define SQUARE                                                            \
    "<DefineFunction name='square' optype='continuous' dataType='double'>"\
    "<ParameterField name='v' optype='continuous' dataType='double'/>"    \
    "<Apply function='*'><FieldRef field='v'/><FieldRef field='v'/>"      \
    "</Apply></DefineFunction>"

static void test_functions(void **state)
{
    static const pmml_case cases[] = {
        {"defined", DEFINES(SQUARE, APPLY("square", APPLY("+", X NUM("1")))),
         HEAD "2,,,,\n", "y,t\n0,9\n"},
        {"applied to itself",
         DEFINES(SQUARE, APPLY("square", APPLY("square", X))),
         HEAD "2,,,,\n", "y,t\n0,16\n"},
        {"default of a defined function",
         DEFINES(SQUARE, "<Apply function='square' defaultValue='-1'>" X
                         "</Apply>"),
         HEAD ",,,,\n3,,,,\n", "y,t\n0,-1\n0,9\n"},
        {"a missing argument of a defined function",
         DEFINES("<DefineFunction name='first' optype='continuous' "
                 "dataType='double'><ParameterField name='a'/>"
                 "<ParameterField name='b'/><FieldRef field='a'/>"
                 "</DefineFunction>",
                 "<Apply function='first' mapMissingTo='-2'>" X Z "</Apply>"),
         HEAD "3,1,,,\n3,,,,\n,1,,,\n", "y,t\n0,3\n0,-2\n0,-2\n"},
        {"a function with fields of its own",
         DEFINES("<DefineFunction name='f' optype='continuous' "
                 "dataType='double'><ParameterField name='a'/>"
                 "<DerivedField name='twice' optype='continuous' "
                 "dataType='double'><Apply function='+'><FieldRef field='a'/>"
                 "<FieldRef field='a'/></Apply></DerivedField>"
                 "<Apply function='*'><FieldRef field='twice'/>"
                 "<FieldRef field='twice'/></Apply></DefineFunction>",
                 APPLY("f", X)),
         HEAD "3,,,,\n", "y,t\n0,36\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(DEFINES(SQUARE, "\n" APPLY("square", X Z)),
                  MLSCORE_EFORMAT, 2, "square");
    check_refused(DEFINES("", "\n" APPLY("cube", X)), MLSCORE_EUNSUPPORTED,
                  2, "cube");
    check_refused(DEFINES("", "\n" APPLY("pow", X)), MLSCORE_EFORMAT, 2,
                  "too few");
    check_refused(DEFINES("", "\n" APPLY("exp", X Z)), MLSCORE_EFORMAT, 2,
                  "too many");
    check_refused(
        DEFINES("<DefineFunction name='f' optype='continuous'>"
                "<ParameterField name='v'/>"
                "<Apply function='f'><FieldRef field='v'/></Apply>"
                "</DefineFunction>",
                APPLY("f", X)),
        MLSCORE_ELIMIT, 1, "deep");
    check_refused(REAL("\n<FieldRef field='t'/>"), MLSCORE_EFORMAT, 0, "t");
}

/** PMML 4.1 called the default of Apply mapMissingTo. */
static void test_version(void **state)
{
    static const char document[] =
        "<PMML xmlns='http://www.dmg.org/PMML-4_1' version='4.1'><Header/>"
        "<DataDictionary>" FIELDS "</DataDictionary>"
        "<TransformationDictionary><DerivedField name='t' "
        "optype='continuous' dataType='double'>"
        "<Apply function='+' mapMissingTo='-1'>" X Z "</Apply>"
        "</DerivedField></TransformationDictionary>"
        MODEL("continuous", "double") "</PMML>";

    (void)state;
    assert_true(gives("4.1", document, HEAD "1,,,,\n", "y,t\n0,-1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normalize),   cmocka_unit_test(test_discretize),
        cmocka_unit_test(test_map_values),  cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_mathematics), cmocka_unit_test(test_logic),
        cmocka_unit_test(test_text),        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_functions),   cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
