/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's other models, one small document each, with answers worked out by
 * hand from the specification. */

#include "pmml_case.h"

#define CLASS                                                                  \
    "<DataField name='k' optype='categorical' dataType='string'>"              \
    "<Value value='a'/><Value value='b'/></DataField>"
#define FIELDS NUMBER("x") NUMBER("z") TEXT("c") NUMBER("y") CLASS
#define INPUTS ACTIVE("x") ACTIVE("z") ACTIVE("c")
#define SCHEMA(target) "<MiningSchema>" INPUTS TARGET(target) "</MiningSchema>"
#define PROBABILITY                                                            \
    "<Output><OutputField name='p' optype='continuous' "                       \
    "dataType='double' feature='probability' value='a'/></Output>"
#define HEAD "x,z,c\n"

/* --- GeneralRegressionModel -----------------------------------------------*/

#define GENERAL(attributes)                                                    \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<GeneralRegressionModel functionName='regression' " attributes        \
        ">" SCHEMA(                                                            \
            "y") "<ParameterList><Parameter name='p0'/><Parameter name='p1'/>" \
                 "<Parameter name='p2'/></ParameterList>"                      \
                 "<FactorList><Predictor name='c'/></FactorList>"              \
                 "<CovariateList><Predictor name='x'/></CovariateList>"        \
                 "<PPMatrix><PPCell value='2' predictorName='x' "              \
                 "parameterName='p1'/><PPCell value='u' predictorName='c' "    \
                 "parameterName='p2'/></PPMatrix>"                             \
                 "<ParamMatrix><PCell parameterName='p0' beta='1'/>"           \
                 "<PCell parameterName='p1' beta='0.5'/>"                      \
                 "<PCell parameterName='p2' beta='-1'/></ParamMatrix>"         \
                 "</GeneralRegressionModel>")

static void test_general(void **state)
{
    static const pmml_case cases[] = {
        {"linear, with a power and a factor",
         GENERAL("modelType='generalLinear'"), HEAD "2,,u\n2,,v\n",
         "y\n2\n3\n"},
        {"log link",
         GENERAL("modelType='generalizedLinear' linkFunction='log'"),
         HEAD "0,,v\n", "y\n2.71828182845904524\n"},
        {"logit link",
         GENERAL("modelType='generalizedLinear' linkFunction='logit'"),
         HEAD "0,,v\n", "y\n0.731058578630004879\n"},
        {"identity link with an offset",
         GENERAL("modelType='generalizedLinear' linkFunction='identity' "
                 "offsetValue='10'"),
         HEAD "0,,v\n", "y\n11\n"},
        {"power link",
         GENERAL("modelType='generalizedLinear' linkFunction='power' "
                 "linkParameter='0.5'"),
         HEAD "2,,v\n", "y\n9\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- NeuralNetwork --------------------------------------------------------*/

#define NETWORK(function)                                                      \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<NeuralNetwork functionName='regression' "                            \
        "activationFunction='" function "'>" SCHEMA(                           \
            "y") "<NeuralInputs><NeuralInput id='i'><DerivedField "            \
                 "optype='continuous' dataType='double'><FieldRef field='x'/>" \
                 "</DerivedField></NeuralInput></NeuralInputs>"                \
                 "<NeuralLayer><Neuron id='h' bias='0.5'>"                     \
                 "<Con from='i' weight='2'/></Neuron></NeuralLayer>"           \
                 "<NeuralLayer activationFunction='identity'><Neuron id='o' "  \
                 "bias='1'><Con from='h' weight='3'/></Neuron></NeuralLayer>"  \
                 "<NeuralOutputs><NeuralOutput "                               \
                 "outputNeuron='o'><DerivedField "                             \
                 "optype='continuous' dataType='double'><NormContinuous "      \
                 "field='y'><LinearNorm orig='0' norm='0'/>"                   \
                 "<LinearNorm orig='10' norm='1'/></NormContinuous>"           \
                 "</DerivedField></NeuralOutput></NeuralOutputs></"            \
                 "NeuralNetwork>")

static void test_network(void **state)
{
    static const pmml_case cases[] = {
        {"identity", NETWORK("identity"), HEAD "1,,\n", "y\n85\n"},
        {"rectifier", NETWORK("rectifier"), HEAD "1,,\n-1,,\n", "y\n85\n10\n"},
        {"logistic", NETWORK("logistic"), HEAD "-0.25,,\n", "y\n25\n"},
        {"tanh", NETWORK("tanh"), HEAD "-0.25,,\n", "y\n10\n"},
        {"square", NETWORK("square"), HEAD "1,,\n", "y\n197.5\n"},
        {"Gauss", NETWORK("Gauss"), HEAD "-0.25,,\n", "y\n40\n"},
        {"exponential", NETWORK("exponential"), HEAD "-0.25,,\n", "y\n40\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(NETWORK("guess"), MLSCORE_EUNSUPPORTED, 1, "guess");
}

/* --- SupportVectorMachineModel --------------------------------------------*/

#define VECTORS(kernel)                                                        \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<SupportVectorMachineModel functionName='regression'>" SCHEMA("y")    \
            kernel                                                             \
        "<VectorDictionary><VectorFields><FieldRef field='x'/>"                \
        "<FieldRef field='z'/></VectorFields>"                                 \
        "<VectorInstance id='v'><Array type='real'>1 2</Array>"                \
        "</VectorInstance><VectorInstance id='w'><REAL-SparseArray n='2'>"     \
        "<Indices>2</Indices><REAL-Entries>1</REAL-Entries>"                   \
        "</REAL-SparseArray></VectorInstance></VectorDictionary>"              \
        "<SupportVectorMachine><SupportVectors>"                               \
        "<SupportVector vectorId='v'/><SupportVector vectorId='w'/>"           \
        "</SupportVectors><Coefficients absoluteValue='10'>"                   \
        "<Coefficient value='2'/><Coefficient value='-1'/>"                    \
        "</Coefficients></SupportVectorMachine>"                               \
        "</SupportVectorMachineModel>")

static void test_vectors(void **state)
{
    static const pmml_case cases[] = {
        {"linear", VECTORS("<LinearKernelType/>"), HEAD "3,1,\n", "y\n19\n"},
        {"polynomial",
         VECTORS("<PolynomialKernelType gamma='1' coef0='1' degree='2'/>"),
         HEAD "1,0,\n", "y\n17\n"},
        {"radial", VECTORS("<RadialBasisKernelType gamma='1'/>"), HEAD "1,2,\n",
         "y\n11.8646647167633873\n"},
        {"sigmoid", VECTORS("<SigmoidKernelType gamma='1' coef0='0'/>"),
         HEAD "0,0,\n", "y\n10\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- ClusteringModel ------------------------------------------------------*/

#define CLUSTERS(measure, compare)                                             \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<ClusteringModel functionName='clustering' "                          \
        "modelClass='centerBased' numberOfClusters='2'>"                       \
        "<MiningSchema>" ACTIVE("x") ACTIVE(                                   \
            "z") "</MiningSchema>"                                             \
                 "<Output><OutputField name='near' feature='affinity'/>"       \
                 "<OutputField name='second' feature='entityId' rank='2'/>"    \
                 "</Output><ComparisonMeasure kind='distance'>" measure        \
                 "</ComparisonMeasure>"                                        \
                 "<ClusteringField field='x' compareFunction='" compare "'/>"  \
                 "<ClusteringField field='z' compareFunction='" compare "' "   \
                 "fieldWeight='2'/>"                                           \
                 "<Cluster id='low'><Array n='2' type='real'>0 0</Array>"      \
                 "</Cluster><Cluster id='high'><Array n='2' type='real'>9 9"   \
                 "</Array></Cluster></ClusteringModel>")

static void test_clustering(void **state)
{
    static const pmml_case cases[] = {
        {"squaredEuclidean", CLUSTERS("<squaredEuclidean/>", "absDiff"),
         "x,z\n3,4\n8,8\n", "_target,near,second\nlow,41,high\nhigh,3,low\n"},
        {"euclidean", CLUSTERS("<euclidean/>", "absDiff"), "x,z\n1,2\n",
         "_target,near,second\nlow,3,high\n"},
        {"cityBlock", CLUSTERS("<cityBlock/>", "absDiff"), "x,z\n1,2\n",
         "_target,near,second\nlow,5,high\n"},
        {"chebychev", CLUSTERS("<chebychev/>", "absDiff"), "x,z\n1,2\n",
         "_target,near,second\nlow,4,high\n"},
        {"minkowski", CLUSTERS("<minkowski p-parameter='1'/>", "absDiff"),
         "x,z\n1,2\n", "_target,near,second\nlow,5,high\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- NearestNeighborModel -------------------------------------------------*/

#define NEIGHBORS(function, attributes, targets)                               \
    PMML_DOCUMENT(                                                             \
        FIELDS, "<NearestNeighborModel functionName='" function "' "           \
                "numberOfNeighbors='3' " attributes                            \
                "><MiningSchema>" ACTIVE("x") targets                          \
        "</MiningSchema>"                                                      \
        "<TrainingInstances isTransformed='false'><InstanceFields>"            \
        "<InstanceField field='x' column='x'/>"                                \
        "<InstanceField field='y' column='y'/>"                                \
        "<InstanceField field='k' column='k'/></InstanceFields>"               \
        "<InlineTable>"                                                        \
        "<row><x>1</x><y>10</y><k>a</k></row>"                                 \
        "<row><x>2</x><y>20</y><k>b</k></row>"                                 \
        "<row><x>3</x><y>60</y><k>b</k></row>"                                 \
        "<row><x>9</x><y>90</y><k>a</k></row>"                                 \
        "</InlineTable></TrainingInstances>"                                   \
        "<ComparisonMeasure kind='distance'><euclidean/>"                      \
        "</ComparisonMeasure><KNNInputs><KNNInput field='x' "                  \
        "compareFunction='absDiff'/></KNNInputs></NearestNeighborModel>")

static void test_neighbors(void **state)
{
    static const pmml_case cases[] = {
        {"average", NEIGHBORS("regression", "", TARGET("y")), "x\n1\n",
         "y\n30\n"},
        {"median",
         NEIGHBORS("regression", "continuousScoringMethod='median'",
                   TARGET("y")),
         "x\n1\n", "y\n20\n"},
        {"majority", NEIGHBORS("classification", "", TARGET("k")), "x\n1\n",
         "k\nb\n"},
        {"several targets", NEIGHBORS("mixed", "", TARGET("y") TARGET("k")),
         "x\n1\n", "y,k\n30,b\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(
        PMML_DOCUMENT(
            FIELDS,
            "<NearestNeighborModel functionName='regression' "
            "numberOfNeighbors='1'><MiningSchema>" ACTIVE("x") ACTIVE("z")
                TARGET(
                    "y") "</MiningSchema>"
                         "<TrainingInstances><InstanceFields>"
                         "<InstanceField field='x'/><InstanceField field='y'/>"
                         "</InstanceFields><InlineTable><row><x>1</x><y>2</y>"
                         "</row></InlineTable></TrainingInstances>"
                         "<ComparisonMeasure kind='distance'><euclidean/>"
                         "</ComparisonMeasure><KNNInputs><KNNInput field='z'/>"
                         "</KNNInputs></NearestNeighborModel>"),
        MLSCORE_EFORMAT, 1, "\"z\"");
}

/* --- NaiveBayesModel ------------------------------------------------------*/

static const char bayes[] = PMML_DOCUMENT(
    FIELDS,
    "<NaiveBayesModel functionName='classification' threshold='0.001'>" SCHEMA(
        "k") PROBABILITY
    "<BayesInputs><BayesInput fieldName='c'>"
    "<PairCounts value='u'><TargetValueCounts>"
    "<TargetValueCount value='a' count='6'/>"
    "<TargetValueCount value='b' count='2'/></TargetValueCounts>"
    "</PairCounts><PairCounts value='v'><TargetValueCounts>"
    "<TargetValueCount value='a' count='2'/>"
    "<TargetValueCount value='b' count='6'/></TargetValueCounts>"
    "</PairCounts></BayesInput></BayesInputs>"
    "<BayesOutput fieldName='k'><TargetValueCounts>"
    "<TargetValueCount value='a' count='8'/>"
    "<TargetValueCount value='b' count='8'/></TargetValueCounts>"
    "</BayesOutput></NaiveBayesModel>");

static void test_bayes(void **state)
{
    (void)state;
    assert_true(gives("counts", bayes, HEAD ",,u\n,,v\n,,\n",
                      "k,p\na,0.75\nb,0.25\na,0.5\n"));
}

/* --- RuleSetModel ---------------------------------------------------------*/

#define RULE(id, score, weight, limit)                                         \
    "<SimpleRule id='" id "' score='" score "' confidence='0.5' "              \
    "weight='" weight "'><SimplePredicate field='x' "                          \
    "operator='lessThan' value='" limit "'/></SimpleRule>"
#define RULES(criterion)                                                       \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<RuleSetModel functionName='classification'>" SCHEMA(                 \
            "k") "<RuleSet defaultScore='b'>"                                  \
                 "<RuleSelectionMethod criterion='" criterion                  \
                 "'/>" RULE("r1", "b", "0.3", "1") RULE("r2", "a", "0.4", "2") \
                     RULE("r3", "b", "0.2", "3") "</RuleSet></RuleSetModel>")

static void test_rules(void **state)
{
    static const pmml_case cases[] = {
        {"firstHit", RULES("firstHit"), HEAD "0,,\n1.5,,\n9,,\n",
         "k\nb\na\nb\n"},
        /* All confidences are equal: the weight decides. */
        {"weightedMax", RULES("weightedMax"), HEAD "0,,\n2.5,,\n", "k\na\nb\n"},
        {"weightedSum", RULES("weightedSum"), HEAD "0,,\n1.5,,\n", "k\nb\na\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- Scorecard ------------------------------------------------------------*/

#define CARD(algorithm)                                                        \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<Scorecard functionName='regression' initialScore='10' "              \
        "reasonCodeAlgorithm='" algorithm "'>" SCHEMA(                         \
            "y") "<Output>"                                                    \
                 "<OutputField name='r1' optype='categorical' "                \
                 "dataType='string' "                                          \
                 "feature='reasonCode' rank='1'/>"                             \
                 "<OutputField name='r2' optype='categorical' "                \
                 "dataType='string' "                                          \
                 "feature='reasonCode' rank='2'/></Output><Characteristics>"   \
                 "<Characteristic name='one' reasonCode='A' "                  \
                 "baselineScore='5'>"                                          \
                 "<Attribute partialScore='1'><SimplePredicate field='x' "     \
                 "operator='lessThan' value='0'/></Attribute>"                 \
                 "<Attribute partialScore='9'><True/></Attribute>"             \
                 "</Characteristic>"                                           \
                 "<Characteristic name='two' reasonCode='B' "                  \
                 "baselineScore='6'>"                                          \
                 "<Attribute><True/><ComplexPartialScore><Apply function='*'>" \
                 "<FieldRef field='z'/><Constant>2</Constant></Apply>"         \
                 "</ComplexPartialScore></Attribute></Characteristic>"         \
                 "</Characteristics></Scorecard>")

static void test_scorecard(void **state)
{
    static const pmml_case cases[] = {
        /* A reason that cost (or gave) less than nothing is none. */
        {"pointsBelow", CARD("pointsBelow"), HEAD "-1,2.5,\n1,2.5,\n",
         "y,r1,r2\n16,A,B\n24,B,\n"},
        {"pointsAbove", CARD("pointsAbove"), HEAD "-1,4,\n1,4,\n",
         "y,r1,r2\n19,B,\n27,A,B\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

/* --- TextIndex ------------------------------------------------------------*/

#define COUNTS(attributes, inside)                                             \
    PMML_DOCUMENT(                                                             \
        FIELDS,                                                                \
        "<RegressionModel functionName='regression'>" SCHEMA(                  \
            "y") "<LocalTransformations><DerivedField name='n' "               \
                 "optype='continuous' dataType='double'><TextIndex "           \
                 "textField='c' " attributes ">" inside                        \
                 "<Constant dataType='string'>ui</Constant></TextIndex>"       \
                 "</DerivedField></LocalTransformations>"                      \
                 "<RegressionTable intercept='0'><NumericPredictor name='n' "  \
                 "coefficient='1'/></RegressionTable></RegressionModel>")

static void test_text_index(void **state)
{
    static const pmml_case cases[] = {
        {"termFrequency", COUNTS("", ""), HEAD ",,the ui is a UI\n", "y\n2\n"},
        {"case", COUNTS("isCaseSensitive='true'", ""),
         HEAD ",,the ui is a UI\n", "y\n1\n"},
        {"binary", COUNTS("localTermWeights='binary'", ""),
         HEAD ",,the ui is a UI\n,,none\n", "y\n1\n0\n"},
        {"normalized",
         COUNTS("", "<TextIndexNormalization><InlineTable><row>"
                    "<string>interface[s]?</string><stem>ui</stem>"
                    "<regex>true</regex></row></InlineTable>"
                    "</TextIndexNormalization>"),
         HEAD ",,interface and interfaces\n", "y\n2\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(COUNTS("wordSeparatorCharacterRE='('", ""),
                  MLSCORE_EUNSUPPORTED, 1, "regular expression");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_general),    cmocka_unit_test(test_network),
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_clustering),
        cmocka_unit_test(test_neighbors),  cmocka_unit_test(test_bayes),
        cmocka_unit_test(test_rules),      cmocka_unit_test(test_scorecard),
        cmocka_unit_test(test_text_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
