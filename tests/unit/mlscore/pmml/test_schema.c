/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's DataDictionary, MiningSchema and Output: what happens to missing,
 * invalid and outlying values, and what is reported. */

#include "pmml_case.h"

/** A model that reports x as it reaches the model. */
#define SEES(data, mining)                                                \
    PMML_DOCUMENT(data NUMBER("y"),                                       \
                  "<RegressionModel functionName='regression'>"           \
                  "<MiningSchema>" mining TARGET("y") "</MiningSchema>"   \
                  "<Output><OutputField name='t' optype='categorical' "   \
                  "dataType='string' feature='transformedValue'>"         \
                  "<FieldRef field='x' mapMissingTo='MISSING'/>"          \
                  "</OutputField></Output>"                               \
                  "<RegressionTable intercept='0'/></RegressionModel>")
#define BOUNDED                                                           \
    "<DataField name='x' optype='continuous' dataType='double'>"          \
    "<Interval closure='closedOpen' leftMargin='0' rightMargin='10'/>"    \
    "</DataField>"
#define LISTED                                                            \
    "<DataField name='x' optype='categorical' dataType='string'>"         \
    "<Value value='a'/><Value value='b'/>"                                \
    "<Value value='bad' property='invalid'/>"                             \
    "<Value value='?' property='missing'/></DataField>"
#define MINING(attributes) "<MiningField name='x' " attributes "/>"

static void test_invalid_values(void **state)
{
    static const pmml_case cases[] = {
        {"interval, returnInvalid", SEES(BOUNDED, MINING("")),
         "x\n0\n10\n-1\n5\n", "y,t\n0,0.0\n!x\n!x\n0,5.0\n"},
        {"interval, asMissing",
         SEES(BOUNDED, MINING("invalidValueTreatment='asMissing'")),
         "x\n10\n5\n", "y,t\n0,MISSING\n0,5.0\n"},
        {"interval, asIs",
         SEES(BOUNDED, MINING("invalidValueTreatment='asIs'")), "x\n10\n",
         "y,t\n0,10.0\n"},
        {"interval, asValue",
         SEES(BOUNDED, MINING("invalidValueTreatment='asValue' "
                              "invalidValueReplacement='3'")),
         "x\n10\n4\n", "y,t\n0,3.0\n0,4.0\n"},
        {"the same before PMML 4.4",
         SEES(BOUNDED, MINING("invalidValueTreatment='asIs' "
                              "x-invalidValueReplacement='3'")),
         "x\n10\n", "y,t\n0,3.0\n"},
        {"values, returnInvalid", SEES(LISTED, MINING("")),
         "x\na\nc\nbad\n?\n\n", "y,t\n0,a\n!x\n!x\n0,MISSING\n0,MISSING\n"},
        {"values, asMissing",
         SEES(LISTED, MINING("invalidValueTreatment='asMissing'")),
         "x\nc\nbad\n", "y,t\n0,MISSING\n0,MISSING\n"},
        {"values, asIs", SEES(LISTED, MINING("invalidValueTreatment='asIs'")),
         "x\nc\n", "y,t\n0,c\n"},
        {"an invalid value that becomes missing is replaced",
         SEES(LISTED, MINING("invalidValueTreatment='asMissing' "
                             "missingValueReplacement='b'")),
         "x\nc\n", "y,t\n0,b\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_missing_values(void **state)
{
    static const pmml_case cases[] = {
        {"replaced",
         SEES(NUMBER("x"), MINING("missingValueReplacement='7' "
                                  "missingValueTreatment='asMean'")),
         "x\n\"\"\n1\n", "y,t\n0,7.0\n0,1.0\n"},
        {"returnInvalid",
         SEES(NUMBER("x"), MINING("missingValueTreatment='returnInvalid'")),
         "x\n\"\"\n1\n", "y,t\n!x\n0,1.0\n"},
        {"x-returnInvalid",
         SEES(NUMBER("x"),
              MINING("missingValueTreatment='x-returnInvalid'")),
         "x\n\"\"\n", "y,t\n!x\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_outliers(void **state)
{
    static const pmml_case cases[] = {
        {"asIs", SEES(NUMBER("x"), MINING("outliers='asIs' lowValue='0' "
                                          "highValue='5'")),
         "x\n-1\n", "y,t\n0,-1.0\n"},
        {"asExtremeValues",
         SEES(NUMBER("x"), MINING("outliers='asExtremeValues' lowValue='0' "
                                  "highValue='5'")),
         "x\n-1\n3\n6\n", "y,t\n0,0.0\n0,3.0\n0,5.0\n"},
        {"asMissingValues",
         SEES(NUMBER("x"), MINING("outliers='asMissingValues' lowValue='0' "
                                  "highValue='5'")),
         "x\n-1\n3\n6\n", "y,t\n0,MISSING\n0,3.0\n0,MISSING\n"},
        {"and then replaced",
         SEES(NUMBER("x"), MINING("outliers='asMissingValues' lowValue='0' "
                                  "highValue='5' "
                                  "missingValueReplacement='2'")),
         "x\n-1\n", "y,t\n0,2.0\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_types(void **state)
{
    static const pmml_case cases[] = {
        {"boolean",
         SEES("<DataField name='x' optype='categorical' "
              "dataType='boolean'/>",
              MINING("")),
         "x\ntrue\nfalse\n", "y,t\n0,true\n0,false\n"},
        {"integer",
         SEES("<DataField name='x' optype='continuous' dataType='integer'/>",
              MINING("")),
         "x\n42\n", "y,t\n0,42\n"},
        {"date",
         SEES("<DataField name='x' optype='ordinal' dataType='date'/>",
              MINING("")),
         "x\n2020-02-29\n", "y,t\n0,2020-02-29\n"},
        {"not a date",
         SEES("<DataField name='x' optype='ordinal' dataType='date'/>",
              MINING("")),
         "x\n2021-02-29\n", "y,t\n!x\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- Output ---------------------------------------------------------------*/

#define REPORTS(fields)                                                   \
    PMML_DOCUMENT(                                                        \
        NUMBER("x") "<DataField name='y' optype='categorical' "           \
        "dataType='string'><Value value='a' displayValue='Class A'/>"     \
        "<Value value='b'/></DataField>",                                 \
        "<TreeModel functionName='classification'>"                       \
        "<MiningSchema>" ACTIVE("x") TARGET("y") "</MiningSchema>"        \
        "<Output>" fields "</Output>"                                     \
        "<Targets><Target field='y' optype='categorical'>"                \
        "<TargetValue value='a' displayValue='Shown A'/></Target>"        \
        "</Targets>"                                                      \
        "<Node id='r'><True/>"                                            \
        "<Node id='n' score='a'><SimplePredicate field='x' "              \
        "operator='lessThan' value='0'/>"                                 \
        "<ScoreDistribution value='a' recordCount='3'/>"                  \
        "<ScoreDistribution value='b' recordCount='1'/></Node>"           \
        "<Node score='b'><True/>"                                         \
        "<ScoreDistribution value='a' recordCount='0'/>"                  \
        "<ScoreDistribution value='b' recordCount='4'/></Node></Node>"    \
        "</TreeModel>")
#define OUT(name, type, rest)                                    \
    "<OutputField name='" name "' optype='categorical' "         \
    "dataType='" type "' " rest "/>"

static void test_outputs(void **state)
{
    static const pmml_case cases[] = {
        {"predictedValue",
         REPORTS(OUT("o", "string", "feature='predictedValue'")), "x\n-1\n1\n",
         "y,o\na,a\nb,b\n"},
        {"predictedDisplayValue",
         REPORTS(OUT("o", "string", "feature='predictedDisplayValue'")),
         "x\n-1\n1\n", "y,o\na,Shown A\nb,b\n"},
        {"probability of a class",
         REPORTS(OUT("o", "double", "feature='probability' value='b'")),
         "x\n-1\n1\n", "y,o\na,0.25\nb,1\n"},
        {"probability of the winner",
         REPORTS(OUT("o", "double", "feature='probability'")), "x\n-1\n",
         "y,o\na,0.75\n"},
        {"entityId: an id, or else the node's number",
         REPORTS(OUT("o", "string", "feature='entityId'")), "x\n-1\n1\n",
         "y,o\na,n\nb,3\n"},
        {"of other outputs",
         REPORTS(OUT("p", "double", "feature='probability' value='a'")
                 "<OutputField name='o' optype='continuous' "
                 "dataType='double' feature='transformedValue'>"
                 "<Apply function='*'><FieldRef field='p'/>"
                 "<Constant>100</Constant></Apply></OutputField>"),
         "x\n-1\n", "y,p,o\na,0.75,75\n"},
        {"decision",
         REPORTS(OUT("p", "double", "feature='probability' value='a'")
                 "<OutputField name='o' optype='categorical' "
                 "dataType='string' feature='decision'>"
                 "<Decisions><Decision value='yes'/><Decision value='no'/>"
                 "</Decisions><Apply function='if'>"
                 "<Apply function='greaterThan'><FieldRef field='p'/>"
                 "<Constant>0.5</Constant></Apply>"
                 "<Constant dataType='string'>yes</Constant>"
                 "<Constant dataType='string'>no</Constant></Apply>"
                 "</OutputField>"),
         "x\n-1\n1\n", "y,p,o\na,0.75,yes\nb,0,no\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/** What describes a model does not change its scores; its producer is
 *  told. */
static void test_descriptions(void **state)
{
    static const char document[] =
        "<PMML xmlns='http://www.dmg.org/PMML-4_4' version='4.4'>"
        "<Header copyright='c' description='d' modelVersion='1'>"
        "<Extension name='e' value='v'><any><thing/></any></Extension>"
        "<Application name='Trainer' version='1.2'/>"
        "<Annotation>of a person</Annotation><Timestamp>now</Timestamp>"
        "</Header><MiningBuildTask><Extension/></MiningBuildTask>"
        "<DataDictionary numberOfFields='2'>"
        "<DataField name='x' optype='continuous' dataType='double' "
        "isCyclic='0' taxonomy='t' displayName='X'/>" NUMBER("y")
        "<Taxonomy name='t'><ChildParent/></Taxonomy></DataDictionary>"
        "<RegressionModel functionName='regression' modelName='m' "
        "algorithmName='a'><Extension/><MiningSchema><Extension/>"
        "<MiningField name='x' importance='0.5' optype='continuous'/>"
        TARGET("y") "<MiningField name='w' usageType='frequencyWeight'/>"
        "</MiningSchema><ModelStats><UnivariateStats field='x'/>"
        "</ModelStats><ModelExplanation/><RegressionTable intercept='1'>"
        "<NumericPredictor name='x' coefficient='2'><Extension/>"
        "</NumericPredictor></RegressionTable></RegressionModel></PMML>";
    mlscore_model *model;
    mlscore_error err;
    size_t size;
    void *image = compile(document, &size);

    (void)state;
    assert_int_equal(mlscore_model_open_memory(&model, image, size, &err),
                     MLSCORE_OK);
    assert_string_equal(mlscore_model_producer(model), "Trainer 1.2");
    assert_string_equal(mlscore_model_format(model), "PMML 4.4");
    mlscore_model_close(model);
    free(image);
    assert_true(gives("described", document, "x\n3\n", "y\n7\n"));
}

/** The first model that can be scored is. */
static void test_several_models(void **state)
{
    static const char document[] = PMML_DOCUMENT(
        NUMBER("x") NUMBER("y"),
        "<RegressionModel functionName='regression' isScorable='false'>"
        "<MiningSchema/><RegressionTable intercept='1'/></RegressionModel>"
        "<RegressionModel functionName='regression'>"
        "<MiningSchema>" ACTIVE("x") TARGET("y") "</MiningSchema>"
        "<RegressionTable intercept='2'/></RegressionModel>"
        "<RegressionModel functionName='regression'>"
        "<MiningSchema/><RegressionTable intercept='3'/></RegressionModel>");

    (void)state;
    assert_true(gives("the second of three", document, "x\n0\n", "y\n2\n"));
    check_refused(PMML_DOCUMENT(NUMBER("x"),
                                "<RegressionModel functionName='regression' "
                                "isScorable='false'><MiningSchema/>"
                                "<RegressionTable intercept='1'/>"
                                "</RegressionModel>"),
                  MLSCORE_EUNSUPPORTED, 1, "isScorable");
}

static void test_refused(void **state)
{
    (void)state;
    check_refused(SEES("<DataField name='x' optype='continuous' "
                       "dataType='complex'/>",
                       MINING("")),
                  MLSCORE_EUNSUPPORTED, 1, "complex");
    check_refused(SEES(NUMBER("x"), "\n" MINING("outliers='asOutliers'")),
                  MLSCORE_EUNSUPPORTED, 2, "asOutliers");
    check_refused(SEES(NUMBER("x"), "\n<MiningField name='nobody'/>"),
                  MLSCORE_EFORMAT, 2, "nobody");
    check_refused(SEES(NUMBER("x"),
                       "\n" MINING("invalidValueTreatment='asValue'")),
                  MLSCORE_EFORMAT, 2, "invalidValueReplacement");
    check_refused(SEES(NUMBER("x"), MINING("missingValueReplacement='m'")),
                  MLSCORE_EFORMAT, 1, "\"m\"");
    check_refused(REPORTS("\n" OUT("o", "string", "feature='aura'")),
                  MLSCORE_EUNSUPPORTED, 2, "aura");
    check_refused(SEES(NUMBER("x") NUMBER("x"), MINING("")), MLSCORE_EFORMAT,
                  1, "\"x\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invalid_values),
        cmocka_unit_test(test_missing_values),
        cmocka_unit_test(test_outliers),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_several_models),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
