/* SPDX-License-Identifier: Apache-2.0 */
/* What PMML models report beside a prediction: of other segments, of targets
 * that are given, of several targets; and what stands in for a prediction. */

#include "pmml_case.h"

#define CLASS                                                        \
    "<DataField name='k' optype='categorical' dataType='string'>"    \
    "<Value value='a'/><Value value='b'/></DataField>"
#define FIELDS NUMBER("x") NUMBER("y") CLASS
#define SCHEMA(target) \
    "<MiningSchema>" ACTIVE("x") TARGET(target) "</MiningSchema>"
#define NUMBER_OUT(name, rest)                                           \
    "<OutputField name='" name "' optype='continuous' dataType='double' "\
    rest "/>"
#define TEXT_OUT(name, rest)                                              \
    "<OutputField name='" name "' optype='categorical' dataType='string' "\
    rest "/>"
#define LINE(id, name, constant)                                          \
    "<Segment id='" id "'><True/><RegressionModel "                       \
    "functionName='regression'>" SCHEMA("y") "<Output>"                   \
    NUMBER_OUT(name, "feature='predictedValue'") "</Output>"              \
    "<RegressionTable intercept='" constant "'><NumericPredictor "        \
    "name='x' coefficient='1'/></RegressionTable></RegressionModel>"      \
    "</Segment>"
#define ENSEMBLE(method, outputs, segments)                               \
    PMML_DOCUMENT(FIELDS, "<MiningModel functionName='regression'>"       \
                  SCHEMA("y") outputs                                     \
                  "<Segmentation multipleModelMethod='" method "'>"       \
                  segments "</Segmentation></MiningModel>")
#define TREES                                                             \
    "<Segment id='t1'><True/><TreeModel functionName='regression'>"       \
    SCHEMA("y") "<Node score='1'><True/></Node></TreeModel></Segment>"    \
    "<Segment id='t2'><True/><TreeModel functionName='regression'>"       \
    SCHEMA("y") "<Node><True/><Node id='l' score='2'><SimplePredicate "   \
    "field='x' operator='lessThan' value='0'/></Node><Node id='m' "       \
    "score='3'><True/></Node></Node></TreeModel></Segment>"

static void test_segments(void **state)
{
    static const pmml_case cases[] = {
        {"transformedValue of a segment's output",
         ENSEMBLE("sum",
                  "<Output>" NUMBER_OUT("o", "feature='transformedValue' "
                                             "segmentId='2' value='second'")
                  "</Output>",
                  LINE("1", "first", "1") LINE("2", "second", "10")),
         "x\n5\n", "y,o\n21,15\n"},
        /* Segments that are looked at are walked, not packed. */
        {"predictedValue and entityId of a tree in an ensemble",
         ENSEMBLE("sum",
                  "<Output>" NUMBER_OUT("o", "feature='predictedValue' "
                                             "segmentId='t2'")
                  TEXT_OUT("n", "feature='entityId' segmentId='t2'")
                  "</Output>", TREES),
         "x\n-1\n5\n", "y,o,n\n3,2,l\n4,3,m\n"},
        {"selectAll: a list of all",
         ENSEMBLE("selectAll", "",
                  LINE("1", "first", "1") LINE("2", "second", "10")),
         "x\n5\n", "y,first,second\n\"[6.0,15.0]\",[6.0],[15.0]\n"},
        /* What comes after a segment that always applies is not reported. */
        {"selectFirst: the segment is the entity",
         ENSEMBLE("selectFirst",
                  "<Output>" TEXT_OUT("s", "feature='entityId'") "</Output>",
                  LINE("1", "first", "1") LINE("2", "second", "10")),
         "x\n5\n", "y,first,s\n6,6,1\n"},
        {"outputs of a chain",
         ENSEMBLE("modelChain", "",
                  LINE("1", "first", "1") LINE("2", "second", "10")),
         "x\n5\n", "y,second\n15,15\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(ENSEMBLE("sum",
                           "\n<Output>" NUMBER_OUT("o", "segmentId='9'")
                           "</Output>", TREES),
                  MLSCORE_EFORMAT, 2, "\"9\"");
}

/* --- targets that are given -----------------------------------------------*/

static void test_residuals(void **state)
{
    static const char number[] = PMML_DOCUMENT(
        FIELDS, "<RegressionModel functionName='regression'>" SCHEMA("y")
        "<Output>" NUMBER_OUT("r", "feature='residual'") "</Output>"
        "<RegressionTable intercept='1'><NumericPredictor name='x' "
        "coefficient='2'/></RegressionTable></RegressionModel>");
    static const char class[] = PMML_DOCUMENT(
        FIELDS, "<TreeModel functionName='classification'>" SCHEMA("k")
        "<Output>" NUMBER_OUT("r", "feature='residual'") "</Output>"
        "<Node score='a'><True/>"
        "<ScoreDistribution value='a' recordCount='3'/>"
        "<ScoreDistribution value='b' recordCount='1'/></Node></TreeModel>");

    (void)state;
    assert_true(gives("of numbers", number, "x,y\n1,5\n1,\n",
                      "y,r\n3,2\n!target is missing\n"));
    assert_true(gives("of classes", class, "x,k\n1,a\n1,b\n",
                      "k,r\na,0.25\na,-0.75\n"));
}

/* --- no prediction --------------------------------------------------------*/

#define NOTHING(targets)                                                  \
    PMML_DOCUMENT(                                                        \
        FIELDS, "<TreeModel functionName='classification'>" SCHEMA("k")   \
        "<Output>" NUMBER_OUT("p", "feature='probability' value='b'")     \
        "</Output>" targets                                               \
        "<Node><True/><Node score='a'><SimplePredicate field='x' "        \
        "operator='lessThan' value='0'/></Node></Node></TreeModel>")

static void test_priors(void **state)
{
    static const pmml_case cases[] = {
        {"prior probabilities",
         NOTHING("<Targets><Target field='k'>"
                 "<TargetValue value='a' priorProbability='0.02'/>"
                 "<TargetValue value='b' priorProbability='0.98'/>"
                 "</Target></Targets>"),
         "x\n1\n", "k,p\nb,0.98\n"},
        {"none", NOTHING(""), "x\n1\n", "k,p\n,\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- several targets ------------------------------------------------------*/

static void test_targets(void **state)
{
    static const char document[] = PMML_DOCUMENT(
        FIELDS, "<MiningModel functionName='regression'><MiningSchema>"
        ACTIVE("x") TARGET("y") TARGET("k") "</MiningSchema>"
        "<Output>" NUMBER_OUT("o", "feature='predictedValue' targetField='y'")
        "</Output><Segmentation multipleModelMethod='x-multiModelChain'>"
        LINE("1", "first", "1")
        "<Segment id='2'><True/><TreeModel functionName='classification'>"
        SCHEMA("k") "<Node score='b'><True/></Node></TreeModel></Segment>"
        "</Segmentation></MiningModel>");

    (void)state;
    assert_true(gives("two", document, "x\n5\n", "y,k,first,o\n6,b,6,6\n"));
}

/* --- margins --------------------------------------------------------------*/

#define BOUNDED(closure, margins)                                         \
    PMML_DOCUMENT(                                                        \
        "<DataField name='x' optype='continuous' dataType='double'>"      \
        "<Interval closure='" closure "' " margins "/></DataField>"       \
        NUMBER("y"),                                                      \
        "<RegressionModel functionName='regression'>" SCHEMA("y")         \
        "<RegressionTable intercept='0'><NumericPredictor name='x' "      \
        "coefficient='1'/></RegressionTable></RegressionModel>")
#define BOTH "leftMargin='0' rightMargin='1'"

static void test_intervals(void **state)
{
    static const pmml_case cases[] = {
        {"openOpen", BOUNDED("openOpen", BOTH), "x\n0\n0.5\n1\n",
         "y\n!x\n0.5\n!x\n"},
        {"openClosed", BOUNDED("openClosed", BOTH), "x\n0\n1\n",
         "y\n!x\n1\n"},
        {"closedOpen", BOUNDED("closedOpen", BOTH), "x\n0\n1\n",
         "y\n0\n!x\n"},
        {"closedClosed", BOUNDED("closedClosed", BOTH), "x\n0\n1\n1.1\n",
         "y\n0\n1\n!x\n"},
        {"only a left margin", BOUNDED("closedOpen", "leftMargin='0'"),
         "x\n1e300\n-1\n", "y\n1e300\n!x\n"},
        {"only a right margin", BOUNDED("openClosed", "rightMargin='0'"),
         "x\n-1e300\n1\n", "y\n-1e300\n!x\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(BOUNDED("\nhalfOpen", BOTH), MLSCORE_EUNSUPPORTED, 0,
                  "closure");
    check_refused(BOUNDED("openOpen", ""), MLSCORE_EFORMAT, 1, "leftMargin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),  cmocka_unit_test(test_residuals),
        cmocka_unit_test(test_priors),    cmocka_unit_test(test_targets),
        cmocka_unit_test(test_intervals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
