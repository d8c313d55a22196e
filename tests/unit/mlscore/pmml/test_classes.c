/* SPDX-License-Identifier: Apache-2.0 */
/* How PMML's models other than trees and regressions tell classes apart, and
 * the formulas in between: links, activations, distributions, votes. */

#include "pmml_case.h"

#define CLASS                                                            \
    "<DataField name='k' optype='categorical' dataType='string'>"        \
    "<Value value='a'/><Value value='b'/><Value value='d'/></DataField>"
#define FIELDS NUMBER("x") NUMBER("t") TEXT("c") NUMBER("y") CLASS
#define SCHEMA(target) \
    "<MiningSchema>" ACTIVE("x") ACTIVE("c") TARGET(target) "</MiningSchema>"
#define PROBABILITY(name, value)                                         \
    "<OutputField name='" name "' optype='continuous' dataType='double' "\
    "feature='probability' value='" value "'/>"
#define THREE                                                            \
    "<Output>" PROBABILITY("a", "a") PROBABILITY("b", "b")               \
    PROBABILITY("d", "d") "</Output>"
#define HEAD "x,c\n"

/* --- GeneralRegressionModel -----------------------------------------------*/

#define GENERAL(attributes, cells)                                       \
    PMML_DOCUMENT(                                                       \
        FIELDS,                                                          \
        "<GeneralRegressionModel functionName='classification' "         \
        attributes ">" SCHEMA("k") THREE                                 \
        "<ParameterList><Parameter name='p0'/><Parameter name='p1'/>"    \
        "</ParameterList><CovariateList><Predictor name='x'/>"           \
        "</CovariateList><PPMatrix><PPCell value='1' predictorName='x' " \
        "parameterName='p1'/></PPMatrix><ParamMatrix>" cells             \
        "</ParamMatrix></GeneralRegressionModel>")
#define CELL(category, parameter, beta)                              \
    "<PCell targetCategory='" category "' parameterName='" parameter \
    "' beta='" beta "'/>"
#define ORDINAL(link)                                                    \
    GENERAL("modelType='ordinalMultinomial' cumulativeLink='" link "'",  \
            CELL("a", "p0", "-1") CELL("b", "p0", "1")                   \
            "<PCell parameterName='p1' beta='1'/>")

static void test_general(void **state)
{
    static const pmml_case cases[] = {
        {"multinomialLogistic",
         GENERAL("modelType='multinomialLogistic' "
                 "targetReferenceCategory='d'",
                 CELL("a", "p0", "0.5") CELL("a", "p1", "1")
                 CELL("b", "p0", "-1") CELL("b", "p1", "2")),
         HEAD "1,\n,\n",
         "k,a,b,d\na,0.5465493872661796,0.3314989604240915,"
         "0.12195165230972886\n,,,\n"},
        {"ordinal, logit", ORDINAL("logit"), HEAD "0,\n2,\n",
         "k,a,b,d\nb,0.2689414213699951,0.46211715726000973,"
         "0.2689414213699951\n"
         "a,0.7310585786300049,0.22151554819242847,0.047425873177566635\n"},
        {"ordinal, probit", ORDINAL("probit"), HEAD "0,\n",
         "k,a,b,d\nb,0.15865525393145707,0.6826894921370859,"
         "0.15865525393145707\n"},
        {"ordinal, cloglog", ORDINAL("cloglog"), HEAD "0,\n",
         "k,a,b,d\nb,0.3077993724446536,0.6262125917100339,"
         "0.0659880358453126\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/** y = 10 * what the matrix says of c in the column of u. */
#define CONTRASTS(matrix)                                                \
    PMML_DOCUMENT(                                                       \
        FIELDS,                                                          \
        "<GeneralRegressionModel functionName='regression' "             \
        "modelType='generalLinear'>" SCHEMA("y")                         \
        "<ParameterList><Parameter name='p0'/></ParameterList>"          \
        "<FactorList><Predictor name='c' contrastMatrixType='own'>"      \
        "<Categories><Category value='u'/><Category value='v'/>"         \
        "</Categories>" matrix "</Predictor></FactorList><PPMatrix>"     \
        "<PPCell value='u' predictorName='c' parameterName='p0'/>"       \
        "</PPMatrix><PCovMatrix><PCovCell/></PCovMatrix><ParamMatrix>"   \
        "<PCell parameterName='p0' beta='10'/></ParamMatrix>"            \
        "</GeneralRegressionModel>")

static void test_contrasts(void **state)
{
    static const pmml_case cases[] = {
        {"rows",
         CONTRASTS("<Matrix nbRows='2' nbCols='2'><Array type='real'>1 0.5"
                   "</Array><Array type='real'>0.25 2</Array></Matrix>"),
         HEAD ",u\n,v\n", "y\n10\n2.5\n"},
        {"cells",
         CONTRASTS("<Matrix diagDefault='3' offDiagDefault='-1'>"
                   "<MatCell row='2' col='1'>7</MatCell></Matrix>"),
         HEAD ",u\n,v\n", "y\n30\n70\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

#define COX(strata, tables)                                              \
    PMML_DOCUMENT(                                                       \
        FIELDS,                                                          \
        "<GeneralRegressionModel functionName='regression' "             \
        "modelType='CoxRegression' endTimeVariable='t' " strata          \
        "><MiningSchema>" ACTIVE("x") ACTIVE("t") ACTIVE("c")            \
        TARGET("y") "</MiningSchema>"                                    \
        "<ParameterList><Parameter name='p0' referencePoint='1'/>"       \
        "</ParameterList><CovariateList><Predictor name='x'/>"           \
        "</CovariateList><PPMatrix><PPCell value='1' predictorName='x' " \
        "parameterName='p0'/></PPMatrix><ParamMatrix>"                   \
        "<PCell parameterName='p0' beta='0.7'/></ParamMatrix>"           \
        "<BaseCumHazardTables " tables "</BaseCumHazardTables>"          \
        "</GeneralRegressionModel>")
#define HAZARDS "<BaselineCell time='1' cumHazard='0.1'/>" \
                "<BaselineCell time='3' cumHazard='0.4'/>"

static void test_cox(void **state)
{
    static const pmml_case cases[] = {
        {"one table", COX("", "maxTime='5'>" HAZARDS),
         "x,t,c\n2,3.5,\n2,1,\n2,0.5,\n2,6,\n",
         "y\n0.8055010829881907\n0.20137527074704767\n0\n\"\"\n"},
        {"strata",
         COX("baselineStrataVariable='c'",
             "><BaselineStratum value='u' maxTime='5'>" HAZARDS
             "</BaselineStratum>"),
         "x,t,c\n2,3.5,u\n2,3.5,v\n", "y\n0.8055010829881907\n\"\"\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- NeuralNetwork --------------------------------------------------------*/

#define INPUT                                                             \
    "<NeuralInputs><NeuralInput id='i'><DerivedField "                    \
    "optype='continuous' dataType='double'><FieldRef field='x'/>"         \
    "</DerivedField></NeuralInput></NeuralInputs>"
#define ACTIVATES(attributes)                                             \
    PMML_DOCUMENT(                                                        \
        FIELDS, "<NeuralNetwork functionName='regression' " attributes    \
        ">" SCHEMA("y") INPUT                                             \
        "<NeuralLayer><Neuron id='o'><Con from='i' weight='1'/></Neuron>" \
        "</NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron='o'>"    \
        "<DerivedField optype='continuous' dataType='double'>"            \
        "<FieldRef field='y'/></DerivedField></NeuralOutput>"             \
        "</NeuralOutputs></NeuralNetwork>")
#define FUNCTION(name) ACTIVATES("activationFunction='" name "'")

static void test_activations(void **state)
{
    static const pmml_case cases[] = {
        {"logistic", FUNCTION("logistic"), HEAD "0.5,\n",
         "y\n0.6224593312018546\n"},
        {"tanh", FUNCTION("tanh"), HEAD "0.5,\n", "y\n0.46211715726000974\n"},
        {"exponential", FUNCTION("exponential"), HEAD "0.5,\n",
         "y\n1.6487212707001282\n"},
        {"reciprocal", FUNCTION("reciprocal"), HEAD "0.5,\n", "y\n2\n"},
        {"square", FUNCTION("square"), HEAD "0.5,\n", "y\n0.25\n"},
        {"Gauss", FUNCTION("Gauss"), HEAD "0.5,\n", "y\n0.7788007830714049\n"},
        {"sine", FUNCTION("sine"), HEAD "0.5,\n", "y\n0.479425538604203\n"},
        {"cosine", FUNCTION("cosine"), HEAD "0.5,\n",
         "y\n0.8775825618903728\n"},
        {"Elliott", FUNCTION("Elliott"), HEAD "0.5,\n-0.5,\n",
         "y\n0.333333333333333333\n-0.333333333333333333\n"},
        {"arctan", FUNCTION("arctan"), HEAD "0.5,\n",
         "y\n0.2951672353008665\n"},
        {"rectifier", FUNCTION("rectifier"), HEAD "0.5,\n-0.5,\n",
         "y\n0.5\n0\n"},
        {"threshold", ACTIVATES("activationFunction='threshold' "
                                "threshold='0.5'"),
         HEAD "0.5,\n0.6,\n", "y\n0\n1\n"},
        {"radialBasis",
         ACTIVATES("activationFunction='radialBasis' width='2'"),
         HEAD "2,\n", "y\n0.8824969025845955\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(ACTIVATES("activationFunction='radialBasis'"),
                  MLSCORE_EFORMAT, 1, "width");
}

#define CLASSIFIES(attributes)                                            \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<NeuralNetwork functionName='classification' "                   \
        "activationFunction='identity' " attributes ">" SCHEMA("k")       \
        "<Output>" PROBABILITY("a", "a") PROBABILITY("b", "b")            \
        "<OutputField name='n' feature='entityId'/></Output>" INPUT       \
        "<NeuralLayer><Neuron id='p'><Con from='i' weight='1'/></Neuron>" \
        "<Neuron id='q' bias='0.5'><Con from='i' weight='-1'/></Neuron>"  \
        "</NeuralLayer><NeuralOutputs>"                                   \
        "<NeuralOutput outputNeuron='p'><DerivedField "                   \
        "optype='categorical' dataType='string'><NormDiscrete field='k' " \
        "value='a'/></DerivedField></NeuralOutput>"                       \
        "<NeuralOutput outputNeuron='q'><DerivedField "                   \
        "optype='categorical' dataType='string'><NormDiscrete field='k' " \
        "value='b'/></DerivedField></NeuralOutput>"                       \
        "</NeuralOutputs></NeuralNetwork>")

static void test_network(void **state)
{
    static const pmml_case cases[] = {
        {"softmax", CLASSIFIES("normalizationMethod='softmax'"),
         HEAD "1,\n,\n",
         "k,a,b,n\na,0.8175744761936437,0.1824255238063563,p\n,,,\n"},
        {"simplemax", CLASSIFIES("normalizationMethod='simplemax'"),
         HEAD "0.3,\n", "k,a,b,n\na,0.6,0.4,p\n"},
        {"none", CLASSIFIES(""), HEAD "0.1,\n", "k,a,b,n\nb,0.1,0.4,q\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- SupportVectorMachineModel --------------------------------------------*/

#define MACHINE(target, alternate, weight, bias)                          \
    "<SupportVectorMachine targetCategory='" target "' " alternate ">"    \
    "<Coefficients absoluteValue='" bias "'><Coefficient value='" weight  \
    "'/></Coefficients></SupportVectorMachine>"
#define VECTORS(attributes, machines)                                     \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<SupportVectorMachineModel functionName='classification' "       \
        "svmRepresentation='Coefficients' " attributes ">" SCHEMA("k")    \
        "<LinearKernelType/><VectorDictionary numberOfVectors='0'>"       \
        "<VectorFields><FieldRef field='x'/></VectorFields>"              \
        "</VectorDictionary>" machines "</SupportVectorMachineModel>")

static void test_vectors(void **state)
{
    static const pmml_case cases[] = {
        /* 1 - x, x - 1, x - 3: below the threshold 0 the target wins. */
        {"one against one",
         VECTORS("classificationMethod='OneAgainstOne'",
                 MACHINE("a", "alternateTargetCategory='b'", "-1", "1")
                 MACHINE("a", "alternateTargetCategory='d'", "1", "-1")
                 MACHINE("b", "alternateTargetCategory='d'", "1", "-3")),
         HEAD "0,\n2,\n9,\n", "k\nb\na\nd\n"},
        {"one against all: the smallest wins",
         VECTORS("classificationMethod='OneAgainstAll'",
                 MACHINE("a", "", "-1", "1") MACHINE("b", "", "1", "-1")),
         HEAD "0,\n2,\n", "k\nb\na\n"},
        {"maxWins: the largest wins",
         VECTORS("classificationMethod='OneAgainstAll' maxWins='true'",
                 MACHINE("a", "", "-1", "1") MACHINE("b", "", "1", "-1")),
         HEAD "0,\n2,\n", "k\na\nb\n"},
        {"a threshold",
         VECTORS("threshold='5' classificationMethod='OneAgainstOne'",
                 MACHINE("a", "alternateTargetCategory='b'", "1", "0")),
         HEAD "4,\n5,\n", "k\na\nb\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- NaiveBayesModel ------------------------------------------------------*/

#define BAYES(distribution_a, distribution_b)                             \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<NaiveBayesModel functionName='classification' "                 \
        "threshold='0.001'>" SCHEMA("k")                                  \
        "<Output>" PROBABILITY("a", "a") "</Output>"                      \
        "<BayesInputs><BayesInput fieldName='x'><TargetValueStats>"       \
        "<TargetValueStat value='a'>" distribution_a "</TargetValueStat>" \
        "<TargetValueStat value='b'>" distribution_b "</TargetValueStat>" \
        "</TargetValueStats></BayesInput></BayesInputs>"                  \
        "<BayesOutput fieldName='k'><TargetValueCounts>"                  \
        "<TargetValueCount value='a' count='6'/>"                         \
        "<TargetValueCount value='b' count='2'/></TargetValueCounts>"     \
        "</BayesOutput></NaiveBayesModel>")
#define DISCRETIZED                                                       \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<NaiveBayesModel functionName='classification' "                 \
        "threshold='0.001'>" SCHEMA("k")                                  \
        "<Output>" PROBABILITY("a", "a") "</Output>"                      \
        "<BayesInputs><BayesInput fieldName='x'><DerivedField "           \
        "optype='categorical' dataType='string'><Discretize field='x'>"   \
        "<DiscretizeBin binValue='low'><Interval closure='openOpen' "     \
        "rightMargin='0'/></DiscretizeBin><DiscretizeBin "                \
        "binValue='high'><Interval closure='closedOpen' leftMargin='0'/>" \
        "</DiscretizeBin></Discretize></DerivedField>"                    \
        "<PairCounts value='low'><TargetValueCounts>"                     \
        "<TargetValueCount value='a' count='1'/>"                         \
        "<TargetValueCount value='b' count='1'/></TargetValueCounts>"     \
        "</PairCounts><PairCounts value='high'><TargetValueCounts>"       \
        "<TargetValueCount value='a' count='3'/>"                         \
        "<TargetValueCount value='b' count='1'/></TargetValueCounts>"     \
        "</PairCounts></BayesInput></BayesInputs>"                        \
        "<BayesOutput fieldName='k'><TargetValueCounts>"                  \
        "<TargetValueCount value='a' count='4'/>"                         \
        "<TargetValueCount value='b' count='4'/></TargetValueCounts>"     \
        "</BayesOutput></NaiveBayesModel>")

static void test_bayes(void **state)
{
    static const pmml_case cases[] = {
        {"Gaussian",
         BAYES("<GaussianDistribution mean='0' variance='1'/>",
               "<GaussianDistribution mean='2' variance='4'/>"),
         HEAD "1,\n,\n", "k,a\na,0.8048299007071738\na,0.75\n"},
        {"Poisson",
         BAYES("<PoissonDistribution mean='1'/>",
               "<PoissonDistribution mean='3'/>"),
         HEAD "2,\n", "k,a\na,0.7112345942275938\n"},
        {"uniform, and the threshold outside of it",
         BAYES("<UniformDistribution lower='0' upper='4'/>",
               "<UniformDistribution lower='-5' upper='5'/>"),
         HEAD "1,\n-1,\n",
         "k,a\na,0.8823529411764706\nb,0.029126213592233007\n"},
        /* high: 4 * 3/4 against 4 * 1/2 */
        {"a field made discrete", DISCRETIZED, HEAD "3,\n-1,\n",
         "k,a\na,0.6\nb,0.333333333333333333\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- Scorecard ------------------------------------------------------------*/

static void test_attribute_reasons(void **state)
{
    static const char card[] = PMML_DOCUMENT(
        FIELDS,
        "<Scorecard functionName='regression' baselineScore='4' "
        "reasonCodeAlgorithm='pointsBelow'>" SCHEMA("y")
        "<Output><OutputField name='r1' optype='categorical' "
        "dataType='string' feature='reasonCode'/></Output>"
        "<Characteristics><Characteristic name='one'>"
        "<Attribute reasonCode='low' partialScore='1'><SimplePredicate "
        "field='x' operator='lessThan' value='0'/></Attribute>"
        "<Attribute reasonCode='high' partialScore='2'><SimplePredicate "
        "field='x' operator='greaterOrEqual' value='0'/></Attribute>"
        "</Characteristic></Characteristics></Scorecard>");

    (void)state;
    assert_true(gives("reasons of attributes", card, HEAD "-1,\n1,\n,\n",
                      "y,r1\n1,low\n2,high\n!no attribute\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_general),
        cmocka_unit_test(test_contrasts),
        cmocka_unit_test(test_cox),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_bayes),
        cmocka_unit_test(test_attribute_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
