/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's MiningModel: every way of combining segments, predicates of
 * segments, chains, nesting, and what a missing prediction does. */

#include "pmml_case.h"

#define FIELDS NUMBER("x") NUMBER("y")
#define SCHEMA "<MiningSchema>" ACTIVE("x") TARGET("y") "</MiningSchema>"
#define X_BELOW(value) \
    "<SimplePredicate field='x' operator='lessThan' value='" value "'/>"
#define X_FROM(value) \
    "<SimplePredicate field='x' operator='greaterOrEqual' value='" value "'/>"

/** A segment that gives x * factor + constant where x is below the limit. */
#define LINE(weight, predicate, constant, factor)                         \
    "<Segment weight='" weight "'>" predicate                             \
    "<RegressionModel functionName='regression'>" SCHEMA                  \
    "<RegressionTable intercept='" constant                               \
    "'><NumericPredictor name='x' coefficient='" factor                   \
    "'/></RegressionTable></RegressionModel></Segment>"
#define MINING(method, attributes, segments)                              \
    PMML_DOCUMENT(FIELDS, "<MiningModel functionName='regression'>"       \
                  SCHEMA "<Segmentation multipleModelMethod='" method     \
                  "' " attributes ">" segments                            \
                  "</Segmentation></MiningModel>")
#define THREE                                         \
    LINE("1", "<True/>", "0", "1")                    \
    LINE("2", "<True/>", "10", "1")                   \
    LINE("5", X_BELOW("100"), "100", "1")

static void test_numbers(void **state)
{
    static const pmml_case cases[] = {
        {"sum", MINING("sum", "", THREE), "x\n1\n200\n", "y\n113\n410\n"},
        {"average", MINING("average", "", THREE), "x\n1\n200\n",
         "y\n37.6666666666666667\n205\n"},
        {"weightedAverage", MINING("weightedAverage", "", THREE),
         "x\n1\n200\n", "y\n66\n206.666666666666667\n"},
        {"median", MINING("median", "", THREE), "x\n1\n200\n",
         "y\n11\n205\n"},
        {"weighted sum", MINING("x-weightedSum", "", THREE), "x\n1\n200\n",
         "y\n528\n620\n"},
        {"weighted median", MINING("x-weightedMedian", "", THREE), "x\n1\n",
         "y\n101\n"},
        {"selectFirst",
         MINING("selectFirst", "",
                LINE("1", X_BELOW("0"), "-5", "0") THREE),
         "x\n-1\n1\n", "y\n-5\n1\n"},
        {"no segment applies",
         MINING("sum", "", LINE("1", X_BELOW("0"), "0", "1")),
         "x\n-1\n1\n", "y\n-1\n\"\"\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- votes ----------------------------------------------------------------*/

#define CLASSES                                                          \
    NUMBER("x") "<DataField name='y' optype='categorical' "              \
    "dataType='string'><Value value='a'/><Value value='b'/></DataField>"
/** A segment that gives a below the limit and b from there on. */
#define VOTE(weight, limit, pa, pb)                                       \
    "<Segment weight='" weight "'><True/>"                                \
    "<TreeModel functionName='classification'>" SCHEMA                    \
    "<Node><True/><Node score='a'>" X_BELOW(limit)                        \
    "<ScoreDistribution value='a' recordCount='" pa "'/>"                 \
    "<ScoreDistribution value='b' recordCount='" pb "'/></Node>"          \
    "<Node score='b'>" X_FROM(limit)                                      \
    "<ScoreDistribution value='a' recordCount='" pb "'/>"                 \
    "<ScoreDistribution value='b' recordCount='" pa "'/></Node>"          \
    "</Node></TreeModel></Segment>"
#define ELECTION(method, votes)                                           \
    PMML_DOCUMENT(CLASSES, "<MiningModel functionName='classification'>"  \
                  SCHEMA                                                  \
                  "<Output><OutputField name='pa' optype='continuous' "   \
                  "dataType='double' feature='probability' value='a'/>"   \
                  "</Output><Segmentation multipleModelMethod='" method   \
                  "'>" votes "</Segmentation></MiningModel>")
#define VOTES \
    VOTE("1", "0", "3", "1") VOTE("1", "5", "3", "1") VOTE("4", "9", "4", "0")

static void test_votes(void **state)
{
    static const pmml_case cases[] = {
        {"majorityVote", ELECTION("majorityVote", VOTES), "x\n-1\n3\n7\n10\n",
         "y,pa\na,1\na,0.666666666666666667\nb,0.333333333333333333\nb,0\n"},
        {"weightedMajorityVote", ELECTION("weightedMajorityVote", VOTES),
         "x\n-1\n3\n7\n10\n",
         "y,pa\na,1\na,0.833333333333333333\na,0.666666666666666667\nb,0\n"},
        {"average of probabilities", ELECTION("average", VOTES), "x\n3\n",
         "y,pa\na,0.666666666666666667\n"},
        {"weightedAverage of probabilities",
         ELECTION("weightedAverage", VOTES), "x\n7\n",
         "y,pa\na,0.75\n"},
        {"a tie goes to the class that was voted for first",
         ELECTION("majorityVote",
                  VOTE("1", "0", "1", "0") VOTE("1", "9", "1", "0")),
         "x\n5\n", "y,pa\nb,0.5\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- chains ---------------------------------------------------------------*/

#define STEP(predicate, schema, output, constant, field)                  \
    "<Segment>" predicate "<RegressionModel functionName='regression'>"   \
    "<MiningSchema>" schema "</MiningSchema>" output                      \
    "<RegressionTable intercept='" constant "'>"                          \
    "<NumericPredictor name='" field "' coefficient='2'/>"                \
    "</RegressionTable></RegressionModel></Segment>"
#define FIRST_OUTPUT                                                      \
    "<Output><OutputField name='first' optype='continuous' "              \
    "dataType='double' feature='predictedValue'/></Output>"

static void test_chains(void **state)
{
    static const pmml_case cases[] = {
        {"an output feeds the next segment",
         MINING("modelChain", "",
                STEP("<True/>", ACTIVE("x"), FIRST_OUTPUT, "1", "x")
                    STEP("<True/>", ACTIVE("first") TARGET("y"), "", "0",
                         "first")),
         "x\n3\n", "y\n14\n"},
        {"and is treated by its MiningField",
         MINING("modelChain", "",
                STEP("<True/>", ACTIVE("x"), FIRST_OUTPUT, "1", "x")
                    STEP("<True/>",
                         "<MiningField name='first' "
                         "outliers='asExtremeValues' lowValue='0' "
                         "highValue='5'/>" TARGET("y"),
                         "", "0", "first")),
         "x\n3\n-9\n", "y\n10\n0\n"},
        {"a segment's predicate sees an output",
         MINING("modelChain", "",
                STEP("<True/>", ACTIVE("x") TARGET("y"), FIRST_OUTPUT, "0", "x")
                    STEP("<SimplePredicate field='first' "
                         "operator='lessThan' value='0'/>",
                         ACTIVE("first") TARGET("y"), "", "100", "first")
                    STEP("<SimplePredicate field='first' "
                         "operator='greaterOrEqual' value='0'/>",
                         ACTIVE("first") TARGET("y"), "", "200", "first")),
         "x\n1\n-1\n", "y,first\n204,\n96,\n"},
        {"an ensemble inside a chain",
         PMML_DOCUMENT(
             FIELDS,
             "<MiningModel functionName='regression'>" SCHEMA
             "<Segmentation multipleModelMethod='modelChain'>"
             "<Segment><True/><MiningModel functionName='regression'>"
             "<MiningSchema>" ACTIVE("x") "</MiningSchema>" FIRST_OUTPUT
             "<Segmentation multipleModelMethod='sum'>"
             LINE("1", "<True/>", "1", "0") LINE("1", "<True/>", "0", "1")
             "</Segmentation></MiningModel></Segment>"
             STEP("<True/>", ACTIVE("first") TARGET("y"), "", "0", "first")
             "</Segmentation></MiningModel>"),
         "x\n4\n", "y\n10\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- missing predictions --------------------------------------------------*/

static void test_missing_predictions(void **state)
{
#define MAYBE LINE("1", "<True/>", "10", "0")                              \
    "<Segment weight='3'><True/><TreeModel functionName='regression'>"     \
    SCHEMA "<Node score='2'>" X_BELOW("0") "</Node></TreeModel></Segment>"
    static const pmml_case cases[] = {
        {"continue: the whole prediction is missing",
         MINING("average", "", MAYBE), "x\n-1\n1\n", "y\n6\n\"\"\n"},
        {"returnMissing",
         MINING("average", "missingPredictionTreatment='returnMissing'",
                MAYBE),
         "x\n-1\n1\n", "y\n6\n\"\"\n"},
        {"skipSegment",
         MINING("average", "missingPredictionTreatment='skipSegment' "
                           "missingThreshold='0.75'",
                MAYBE),
         "x\n-1\n1\n", "y\n6\n10\n"},
        {"skipSegment beyond the threshold",
         MINING("average", "missingPredictionTreatment='skipSegment' "
                           "missingThreshold='0.7'",
                MAYBE),
         "x\n-1\n1\n", "y\n6\n\"\"\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_refused(void **state)
{
    (void)state;
    check_refused(MINING("loudest", "", THREE), MLSCORE_EUNSUPPORTED, 1,
                  "loudest");
    check_refused(MINING("sum", "", ""), MLSCORE_EFORMAT, 1, "Segment");
    check_refused(MINING("majorityVote", "", THREE), MLSCORE_EUNSUPPORTED, 1,
                  "majorityVote");
    check_refused(MINING("sum", "", "\n<Segment><True/></Segment>"),
                  MLSCORE_EFORMAT, 2, "model");
    check_refused(MINING("sum", "", "\n\n<Segment><True/><Oracle/></Segment>"),
                  MLSCORE_EUNSUPPORTED, 3, "Oracle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_votes),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_missing_predictions),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
