/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's RegressionModel: every normalization, predictors, missing values,
 * and Targets. Expected values are worked out from the specification. */

#include "pmml_case.h"

#define X_AND_Y NUMBER("x") NUMBER("y")
#define SCHEMA "<MiningSchema>" ACTIVE("x") TARGET("y") "</MiningSchema>"

/** y = 1 + 2 x, then a normalization. */
#define NORMALIZED(method)                                              \
    PMML_DOCUMENT(X_AND_Y,                                              \
                  "<RegressionModel functionName='regression' "         \
                  "normalizationMethod='" method "'>" SCHEMA            \
                  "<RegressionTable intercept='1'>"                     \
                  "<NumericPredictor name='x' coefficient='2'/>"        \
                  "</RegressionTable></RegressionModel>")

static void test_regression_normalizations(void **state)
{
    static const pmml_case cases[] = {
        {"none", NORMALIZED("none"), "x\n0\n1.5\n", "y\n1\n4\n"},
        {"softmax", NORMALIZED("softmax"), "x\n0\n",
         "y\n0.731058578630004879\n"},
        {"logit", NORMALIZED("logit"), "x\n-1\n", "y\n0.268941421369995121\n"},
        {"exp", NORMALIZED("exp"), "x\n0\n", "y\n2.71828182845904524\n"},
        {"probit", NORMALIZED("probit"), "x\n-0.5\n0\n",
         "y\n0.5\n0.841344746068542949\n"},
        {"cloglog", NORMALIZED("cloglog"), "x\n-0.5\n",
         "y\n0.632120558828557678\n"},
        {"loglog", NORMALIZED("loglog"), "x\n-0.5\n",
         "y\n0.367879441171442322\n"},
        {"cauchit", NORMALIZED("cauchit"), "x\n-0.5\n0\n", "y\n0.5\n0.75\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define CATEGORY(name) "<Value value='" name "'/>"
#define CLASSES(method, tables)                                            \
    PMML_DOCUMENT(                                                         \
        NUMBER("x") "<DataField name='y' optype='categorical' "            \
        "dataType='string'>" CATEGORY("a") CATEGORY("b") CATEGORY("c")     \
        "</DataField>",                                                    \
        "<RegressionModel functionName='classification' "                  \
        "normalizationMethod='" method "'>" SCHEMA                         \
        "<Output>"                                                         \
        "<OutputField name='pa' optype='continuous' dataType='double' "    \
        "feature='probability' value='a'/>"                                \
        "<OutputField name='pb' optype='continuous' dataType='double' "    \
        "feature='probability' value='b'/>"                                \
        "</Output>" tables "</RegressionModel>")
#define TABLE(category, intercept, coefficient)                            \
    "<RegressionTable targetCategory='" category "' intercept='" intercept \
    "'><NumericPredictor name='x' coefficient='" coefficient "'/>"         \
    "</RegressionTable>"

static void test_classification_normalizations(void **state)
{
    static const pmml_case cases[] = {
        {"softmax of three",
         CLASSES("softmax", TABLE("a", "0", "1") TABLE("b", "0", "0")
                                TABLE("c", "0", "-1")),
         "x\n1\n0\n-2\n",
         "y,pa,pb\n"
         "a,0.665240955774821792,0.244728471054797615\n"
         "a,0.333333333333333333,0.333333333333333333\n"
         "c,0.015876239976466769,0.11731042782619837\n"},
        {"none of three: the last is what remains",
         CLASSES("none", TABLE("a", "0.2", "0.1") TABLE("b", "0.3", "0")
                             TABLE("c", "0", "0")),
         "x\n1\n", "y,pa,pb\nc,0.3,0.3\n"},
        {"simplemax",
         CLASSES("simplemax", TABLE("a", "1", "1") TABLE("b", "2", "0")
                                  TABLE("c", "4", "0")),
         "x\n1\n", "y,pa,pb\nc,0.25,0.25\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define BINARY(method)                                                     \
    PMML_DOCUMENT(                                                         \
        NUMBER("x") "<DataField name='y' optype='categorical' "            \
        "dataType='string'>" CATEGORY("no") CATEGORY("yes") "</DataField>",\
        "<RegressionModel functionName='classification' "                  \
        "normalizationMethod='" method "'>" SCHEMA                         \
        "<Output><OutputField name='p' optype='continuous' "               \
        "dataType='double' feature='probability' value='yes'/></Output>"   \
        TABLE("yes", "0", "1") "<RegressionTable targetCategory='no' "     \
        "intercept='0'/></RegressionModel>")

static void test_binary_normalizations(void **state)
{
    static const pmml_case cases[] = {
        {"logit", BINARY("logit"), "x\n1\n-1\n",
         "y,p\nyes,0.731058578630004879\nno,0.268941421369995121\n"},
        {"softmax", BINARY("softmax"), "x\n1\n",
         "y,p\nyes,0.731058578630004879\n"},
        {"probit", BINARY("probit"), "x\n1\n",
         "y,p\nyes,0.841344746068542949\n"},
        {"cloglog", BINARY("cloglog"), "x\n0\n",
         "y,p\nyes,0.632120558828557678\n"},
        {"loglog", BINARY("loglog"), "x\n0\n",
         "y,p\nno,0.367879441171442322\n"},
        {"cauchit", BINARY("cauchit"), "x\n1\n", "y,p\nyes,0.75\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define TERMS(table)                                                      \
    PMML_DOCUMENT(X_AND_Y NUMBER("z") TEXT("c"),                          \
                  "<RegressionModel functionName='regression'>"           \
                  "<MiningSchema>" ACTIVE("x") ACTIVE("z") ACTIVE("c")    \
                  TARGET("y") "</MiningSchema>"                           \
                  "<RegressionTable intercept='10'>" table                \
                  "</RegressionTable></RegressionModel>")

static void test_predictors(void **state)
{
    static const pmml_case cases[] = {
        {"exponent",
         TERMS("<NumericPredictor name='x' exponent='3' coefficient='2'/>"),
         "x,z,c\n2,0,a\n-1,0,a\n", "y\n26\n8\n"},
        {"categorical",
         TERMS("<CategoricalPredictor name='c' value='a' coefficient='5'/>"
               "<CategoricalPredictor name='c' value='b' coefficient='-5'/>"),
         "x,z,c\n0,0,a\n0,0,b\n0,0,other\n0,0,\n", "y\n15\n5\n10\n10\n"},
        {"interaction",
         TERMS("<PredictorTerm coefficient='0.5'><FieldRef field='x'/>"
               "<FieldRef field='z'/><FieldRef field='z'/></PredictorTerm>"),
         "x,z,c\n2,3,a\n", "y\n19\n"},
        {"missing number",
         TERMS("<NumericPredictor name='x' coefficient='2'/>"),
         "x,z,c\n,0,a\n1,0,a\n", "y\n\"\"\n12\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define TARGETED(target)                                                  \
    PMML_DOCUMENT(X_AND_Y, "<RegressionModel functionName='regression'>"  \
                  SCHEMA "<Targets>" target "</Targets>"                  \
                  "<RegressionTable intercept='0'>"                       \
                  "<NumericPredictor name='x' coefficient='1'/>"          \
                  "</RegressionTable></RegressionModel>")

static void test_targets(void **state)
{
    static const pmml_case cases[] = {
        {"rescale: factor first, then constant",
         TARGETED("<Target field='y' rescaleFactor='2' "
                  "rescaleConstant='10'/>"),
         "x\n3\n", "y\n16\n"},
        {"bounds before rescaling",
         TARGETED("<Target field='y' min='1' max='5' rescaleFactor='10'/>"),
         "x\n-3\n3\n7\n", "y\n10\n30\n50\n"},
        {"round", TARGETED("<Target field='y' castInteger='round'/>"),
         "x\n1.4\n2.6\n-2.6\n", "y\n1\n3\n-3\n"},
        {"ceiling", TARGETED("<Target field='y' castInteger='ceiling'/>"),
         "x\n1.4\n-2.6\n", "y\n2\n-2\n"},
        {"floor", TARGETED("<Target field='y' castInteger='floor'/>"),
         "x\n1.4\n-2.6\n", "y\n1\n-3\n"},
        {"default of a missing prediction",
         TARGETED("<Target field='y'><TargetValue defaultValue='432.21'/>"
                  "</Target>"),
         "x\n\"\"\n1\n", "y\n432.21\n1\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

static void test_refused(void **state)
{
    (void)state;
    check_refused(NORMALIZED("sigmoid"), MLSCORE_EUNSUPPORTED, 1, "sigmoid");
    check_refused(TERMS("<NumericPredictor name='x'/>"), MLSCORE_EFORMAT, 1,
                  "coefficient");
    check_refused(TERMS("<NumericPredictor name='q' coefficient='1'/>"),
                  MLSCORE_EFORMAT, 1, "\"q\"");
    check_refused(TERMS("\n<Novelty/>"), MLSCORE_EUNSUPPORTED, 2, "Novelty");
    check_refused(TERMS("\n\n<NumericPredictor name='x' coefficient='1' "
                        "novelty='1'/>"),
                  MLSCORE_EUNSUPPORTED, 3, "novelty");
    check_refused(TERMS("<NumericPredictor name='x' coefficient='two'/>"),
                  MLSCORE_EFORMAT, 1, "two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regression_normalizations),
        cmocka_unit_test(test_classification_normalizations),
        cmocka_unit_test(test_binary_normalizations),
        cmocka_unit_test(test_predictors),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
