/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's TreeModel: predicates with their three values, what missing values
 * do, and what a node without a true child gives. */

#include "pmml_case.h"

#define FIELDS NUMBER("x") NUMBER("z") TEXT("c") TEXT("y")
#define SCHEMA                                                        \
    "<MiningSchema>" ACTIVE("x") ACTIVE("z") ACTIVE("c") TARGET("y")  \
    "</MiningSchema>"
#define OUTPUT                                                            \
    "<Output>"                                                            \
    "<OutputField name='p' optype='continuous' dataType='double' "        \
    "feature='probability' value='a'/>"                                   \
    "<OutputField name='q' optype='continuous' dataType='double' "        \
    "feature='confidence' value='a'/>"                                    \
    "<OutputField name='node' optype='categorical' dataType='string' "    \
    "feature='entityId'/></Output>"
#define TREE(attributes, nodes)                                           \
    PMML_DOCUMENT(FIELDS, "<TreeModel functionName='classification' "     \
                  attributes ">" SCHEMA nodes "</TreeModel>")

/** "yes" where the predicate is true, "no" where it is false, and the
 *  default where it is neither. */
#define DECIDES(predicate)                                              \
    TREE("missingValueStrategy='lastPrediction'",                       \
         "<Node score='neither'><True/><Node score='yes'>" predicate    \
         "</Node><Node score='no'><True/></Node></Node>")
#define SIMPLE(field, operator, value)                            \
    "<SimplePredicate field='" field "' operator='" operator      \
    "' value='" value "'/>"
#define COMPOUND(operator, predicates)                       \
    "<CompoundPredicate booleanOperator='" operator "'>"     \
    predicates "</CompoundPredicate>"
#define X_LESS SIMPLE("x", "lessThan", "0")
#define Z_LESS SIMPLE("z", "lessThan", "0")

static void test_simple_predicates(void **state)
{
    static const pmml_case cases[] = {
        {"lessThan", DECIDES(X_LESS), "x,z,c\n-1,,\n0,,\n,,\n",
         "y\nyes\nno\nneither\n"},
        {"lessOrEqual", DECIDES(SIMPLE("x", "lessOrEqual", "0")),
         "x,z,c\n0,,\n1,,\n", "y\nyes\nno\n"},
        {"greaterThan", DECIDES(SIMPLE("x", "greaterThan", "0")),
         "x,z,c\n0,,\n1,,\n", "y\nno\nyes\n"},
        {"greaterOrEqual", DECIDES(SIMPLE("x", "greaterOrEqual", "0")),
         "x,z,c\n0,,\n-1,,\n", "y\nyes\nno\n"},
        {"equal", DECIDES(SIMPLE("c", "equal", "k")),
         "x,z,c\n,,k\n,,K\n,,\n", "y\nyes\nno\nneither\n"},
        {"notEqual", DECIDES(SIMPLE("x", "notEqual", "1")),
         "x,z,c\n1,,\n2,,\n,,\n", "y\nno\nyes\nneither\n"},
        {"isMissing",
         DECIDES("<SimplePredicate field='x' operator='isMissing'/>"),
         "x,z,c\n1,,\n,,\n", "y\nno\nyes\n"},
        {"isNotMissing",
         DECIDES("<SimplePredicate field='x' operator='isNotMissing'/>"),
         "x,z,c\n1,,\n,,\n", "y\nyes\nno\n"},
        {"isIn",
         DECIDES("<SimpleSetPredicate field='c' booleanOperator='isIn'>"
                 "<Array n='3' type='string'>k \"two words\" \"a\\\"b\""
                 "</Array></SimpleSetPredicate>"),
         "x,z,c\n,,k\n,,two words\n,,\"a\"\"b\"\n,,two\n,,\n",
         "y\nyes\nyes\nyes\nno\nneither\n"},
        {"isNotIn",
         DECIDES("<SimpleSetPredicate field='x' booleanOperator='isNotIn'>"
                 "<Array n='2' type='real'>1 2.5</Array>"
                 "</SimpleSetPredicate>"),
         "x,z,c\n1,,\n2.5,,\n3,,\n,,\n", "y\nno\nno\nyes\nneither\n"},
        {"True and False", DECIDES("<False/>"), "x,z,c\n,,\n", "y\nno\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/** The nine combinations of true, false and missing. */
#define NINE                                                          \
    "x,z,c\n-1,-1,\n-1,1,\n-1,,\n1,-1,\n1,1,\n1,,\n,-1,\n,1,\n,,\n"

static void test_compound_predicates(void **state)
{
    static const pmml_case cases[] = {
        {"and", DECIDES(COMPOUND("and", X_LESS Z_LESS)), NINE,
         "y\nyes\nno\nneither\nno\nno\nno\nneither\nno\nneither\n"},
        {"or", DECIDES(COMPOUND("or", X_LESS Z_LESS)), NINE,
         "y\nyes\nyes\nyes\nyes\nno\nneither\nyes\nneither\nneither\n"},
        {"xor", DECIDES(COMPOUND("xor", X_LESS Z_LESS)), NINE,
         "y\nno\nyes\nneither\nyes\nno\nneither\nneither\nneither\n"
         "neither\n"},
        {"surrogate", DECIDES(COMPOUND("surrogate", X_LESS Z_LESS)), NINE,
         "y\nyes\nyes\nyes\nno\nno\nno\nyes\nno\nneither\n"},
        {"surrogate ends in a default",
         DECIDES(COMPOUND("surrogate", X_LESS Z_LESS "<True/>")),
         "x,z,c\n,,\n", "y\nyes\n"},
        {"nested",
         DECIDES(COMPOUND("and", COMPOUND("or", X_LESS Z_LESS)
                                     SIMPLE("c", "equal", "k"))),
         "x,z,c\n-1,,k\n-1,,j\n1,1,k\n", "y\nyes\nno\nno\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define COUNTS(a, b, confidence)                                   \
    "<ScoreDistribution value='a' recordCount='" a                 \
    "' confidence='" confidence "'/>"                              \
    "<ScoreDistribution value='b' recordCount='" b "'/>"
#define STRATEGY(attributes, root)                                          \
    PMML_DOCUMENT(FIELDS, "<TreeModel functionName='classification' "       \
                  attributes ">" SCHEMA OUTPUT                              \
                  "<Node id='0' score='a' recordCount='10' " root           \
                  "><True/>" COUNTS("6", "4", "0.5") \
                  "<Node id='1' score='b' recordCount='4'>" X_LESS          \
                  COUNTS("1", "3", "0.25") "</Node>" \
                  "<Node id='2' score='a' recordCount='6'>"                 \
                  SIMPLE("x", "greaterOrEqual", "0") COUNTS("5", "1", "0.75") \
                  "</Node></Node></TreeModel>")

static void test_missing_values(void **state)
{
    static const pmml_case cases[] = {
        {"none: an unknown predicate is as false",
         STRATEGY("missingValueStrategy='none'", ""), "x,z,c\n-1,,\n,,\n",
         "y,p,q,node\nb,0.25,0.25,1\n,,,\n"},
        {"lastPrediction",
         STRATEGY("missingValueStrategy='lastPrediction'", ""),
         "x,z,c\n-1,,\n,,\n", "y,p,q,node\nb,0.25,0.25,1\na,0.6,0.5,0\n"},
        {"nullPrediction",
         STRATEGY("missingValueStrategy='nullPrediction'", ""),
         "x,z,c\n1,,\n,,\n",
         "y,p,q,node\na,0.833333333333333333,0.75,2\n"
         ",,,\n"},
        {"defaultChild with a penalty for confidence",
         STRATEGY("missingValueStrategy='defaultChild' "
                  "missingValuePenalty='0.8'",
                  "defaultChild='1'"),
         "x,z,c\n,,\n1,,\n",
         "y,p,q,node\nb,0.25,0.2,1\n"
         "a,0.833333333333333333,0.75,2\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define UNDECIDED(strategy)                                               \
    TREE("noTrueChildStrategy='" strategy "'",                            \
         "<Node score='root'><True/><Node score='leaf'>" X_LESS           \
         "</Node></Node>")

static void test_no_true_child(void **state)
{
    static const pmml_case cases[] = {
        {"returnNullPrediction", UNDECIDED("returnNullPrediction"),
         "x,z,c\n-1,,\n1,,\n", "y\nleaf\n\"\"\n"},
        {"returnLastPrediction", UNDECIDED("returnLastPrediction"),
         "x,z,c\n-1,,\n1,,\n", "y\nleaf\nroot\n"},
        {"a false root",
         TREE("", "<Node score='root'>" X_LESS "</Node>"),
         "x,z,c\n-1,,\n1,,\n", "y\nroot\n\"\"\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_regression_tree(void **state)
{
    static const pmml_case cases[] = {
        {"numbers",
         PMML_DOCUMENT(NUMBER("x") NUMBER("y"),
                       "<TreeModel functionName='regression'>"
                       "<MiningSchema>" ACTIVE("x") TARGET("y")
                       "</MiningSchema><Node><True/><Node score='1.5'>" X_LESS
                       "</Node><Node score='-2'><True/></Node></Node>"
                       "</TreeModel>"),
         "x\n-1\n1\n", "y\n1.5\n-2\n"},
        {"integers compare as numbers",
         PMML_DOCUMENT("<DataField name='x' optype='continuous' "
                       "dataType='integer'/>" NUMBER("y"),
                       "<TreeModel functionName='regression'>"
                       "<MiningSchema>" ACTIVE("x") TARGET("y")
                       "</MiningSchema><Node><True/><Node score='1'>"
                       SIMPLE("x", "lessOrEqual", "2.5") "</Node>"
                       "<Node score='2'><True/></Node></Node></TreeModel>"),
         "x\n2\n3\n", "y\n1\n2\n"},
        {"a float is compared as a float",
         PMML_DOCUMENT("<DataField name='x' optype='continuous' "
                       "dataType='float'/>" NUMBER("y"),
                       "<TreeModel functionName='regression'>"
                       "<MiningSchema>" ACTIVE("x") TARGET("y")
                       "</MiningSchema><Node><True/><Node score='1'>"
                       SIMPLE("x", "lessOrEqual", "0.1") "</Node>"
                       "<Node score='2'><True/></Node></Node></TreeModel>"),
         "x\n0.1\n0.10000000001\n0.1001\n", "y\n1\n1\n2\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define SHARES(a, b, d)                                                 \
    "<ScoreDistribution value='a' recordCount='" a "'/>"                \
    "<ScoreDistribution value='b' recordCount='" b "'/>"                \
    "<ScoreDistribution value='d' recordCount='" d "'/>"
/** Left (50 records) splits again by z: 40 and 10; right has 50. */
#define SEVERAL(strategy)                                                 \
    TREE("missingValueStrategy='" strategy "'",                           \
         OUTPUT                                                           \
         "<Node id='1' score='a' recordCount='100'><True/>"               \
         "<Node id='2' score='a' recordCount='50'>"                       \
         SIMPLE("c", "equal", "s") SHARES("40", "2", "8")                 \
         "<Node id='3' score='a' recordCount='40'>"                       \
         SIMPLE("z", "greaterOrEqual", "50") SHARES("36", "2", "2")       \
         "</Node><Node id='4' score='d' recordCount='10'>"                \
         SIMPLE("z", "lessThan", "50") SHARES("4", "0", "6")              \
         "</Node></Node><Node id='5' score='b' recordCount='50'>"         \
         SIMPLE("c", "equal", "o") SHARES("20", "28", "2")                \
         "</Node></Node>")

/** Judged engines refuse such rows, and so do we: nothing is guessed. */
static void test_several_nodes(void **state)
{
    static const pmml_case cases[] = {
        {"weightedConfidence", SEVERAL("weightedConfidence"),
         "x,z,c\n,60,s\n,,s\n", "y,p,q,node\na,0.9,0,3\n!missing\n"},
        {"aggregateNodes", SEVERAL("aggregateNodes"),
         "x,z,c\n,45,s\n,45,\n", "y,p,q,node\nd,0.4,0,4\n!missing\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_refused(void **state)
{
    (void)state;
    check_refused(DECIDES("\n<SimplePredicate field='q' "
                          "operator='isMissing'/>"),
                  MLSCORE_EFORMAT, 2, "\"q\"");
    check_refused(DECIDES(SIMPLE("x", "near", "1")), MLSCORE_EUNSUPPORTED, 1,
                  "near");
    check_refused(DECIDES(SIMPLE("x", "lessThan", "one")), MLSCORE_EFORMAT, 1,
                  "one");
    check_refused(TREE("missingValueStrategy='guess'",
                       "<Node score='a'><True/></Node>"),
                  MLSCORE_EUNSUPPORTED, 1, "guess");
    check_refused(TREE("", "<Node score='a'/>"), MLSCORE_EFORMAT, 1, "Node");
    check_refused(TREE("", ""), MLSCORE_EFORMAT, 1, "Node");
    check_refused(STRATEGY("missingValueStrategy='defaultChild'",
                           "defaultChild='9'"),
                  MLSCORE_EFORMAT, 1, "9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_predicates),
        cmocka_unit_test(test_compound_predicates),
        cmocka_unit_test(test_missing_values),
        cmocka_unit_test(test_no_true_child),
        cmocka_unit_test(test_regression_tree),
        cmocka_unit_test(test_several_nodes),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
