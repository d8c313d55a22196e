/* SPDX-License-Identifier: Apache-2.0 */
/* PMML's measures of distance and similarity, in clusters and neighbors, with
 * answers worked out by hand. */

#include "pmml_case.h"

#define FIELDS NUMBER("x") NUMBER("z") NUMBER("v") TEXT("c") TEXT("k")
#define FLAGS ACTIVE("x") ACTIVE("z") ACTIVE("v")

/* --- flags ----------------------------------------------------------------*/

/** Two clusters of flags: 1 1 0 and 0 0 1. */
#define SIMILAR(measure)                                                  \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<ClusteringModel functionName='clustering' "                     \
        "modelClass='centerBased' numberOfClusters='2'><MiningSchema>"    \
        FLAGS "</MiningSchema><Output>"                                   \
        "<OutputField name='a' feature='clusterAffinity' value='p'/>"     \
        "<OutputField name='b' feature='clusterAffinity' value='q'/>"     \
        "<OutputField name='id' feature='clusterId'/></Output>"           \
        "<ComparisonMeasure kind='similarity'>" measure                   \
        "</ComparisonMeasure><ClusteringField field='x'/>"                \
        "<ClusteringField field='z'/><ClusteringField field='v'/>"        \
        "<Cluster id='p'><KohonenMap coord1='1'/><Array type='int'>1 1 0" \
        "</Array><Partition name='p'/><Covariances/></Cluster>"           \
        "<Cluster id='q'><Array type='int'>0 0 1</Array></Cluster>"       \
        "</ClusteringModel>")

static void test_similarities(void **state)
{
    /* 1 0 0 against 1 1 0: a11 1, a10 1, a01 0, a00 1; against 0 0 1: 0, 1,
     * 1, 1. */
    static const pmml_case cases[] = {
        {"simpleMatching", SIMILAR("<simpleMatching/>"), "x,z,v\n1,0,0\n",
         "_target,a,b,id\np,0.666666666666666667,0.333333333333333333,p\n"},
        {"jaccard", SIMILAR("<jaccard/>"), "x,z,v\n1,0,0\n",
         "_target,a,b,id\np,0.5,0,p\n"},
        {"tanimoto", SIMILAR("<tanimoto/>"), "x,z,v\n1,0,0\n",
         "_target,a,b,id\np,0.5,0.2,p\n"},
        {"binarySimilarity",
         SIMILAR("<binarySimilarity c00-parameter='0' c01-parameter='0' "
                 "c10-parameter='1' c11-parameter='3' d00-parameter='1' "
                 "d01-parameter='1' d10-parameter='1' d11-parameter='1'/>"),
         "x,z,v\n1,0,0\n",
         "_target,a,b,id\np,1,0.333333333333333333,p\n"},
        {"something else than a flag", SIMILAR("<jaccard/>"),
         "x,z,v\n1,0.5,0\n", "_target,a,b,id\n!neither 0 nor 1\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(SIMILAR("\n<binarySimilarity c00-parameter='0'/>"),
                  MLSCORE_EFORMAT, 2, "c01-parameter");
    check_refused(SIMILAR("\n<hamming/>"), MLSCORE_EUNSUPPORTED, 2,
                  "hamming");
}

/* --- fields ---------------------------------------------------------------*/

#define NEAR(measure, fields, weights)                                    \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<ClusteringModel functionName='clustering' "                     \
        "modelClass='centerBased' numberOfClusters='2'><MiningSchema>"    \
        FLAGS "</MiningSchema><Output>"                                   \
        "<OutputField name='a' feature='affinity' value='1'/>"            \
        "</Output><ComparisonMeasure kind='distance' "                    \
        "compareFunction='delta'>" measure "</ComparisonMeasure>" fields  \
        weights "<Cluster name='one'><Array type='real'>1 2</Array>"      \
        "</Cluster><Cluster name='two'><Array type='real'>50 50</Array>"  \
        "</Cluster></ClusteringModel>")
#define PAIR(function)                                               \
    "<ClusteringField field='x' compareFunction='" function "' "     \
    "similarityScale='2'/><ClusteringField field='z' "               \
    "compareFunction='" function "' similarityScale='2'/>"

static void test_compare_functions(void **state)
{
    static const pmml_case cases[] = {
        {"gaussSim", NEAR("<cityBlock/>", PAIR("gaussSim"), ""),
         "x,z,v\n3,2,\n", "_target,a\n2,1.5\n"},
        {"delta", NEAR("<cityBlock/>", PAIR("delta"), ""),
         "x,z,v\n1,3,\n", "_target,a\n1,1\n"},
        {"equal", NEAR("<cityBlock/>", PAIR("equal"), ""),
         "x,z,v\n1,3,\n", "_target,a\n2,1\n"},
        {"the measure's own function",
         NEAR("<cityBlock/>",
              "<ClusteringField field='x'/><ClusteringField field='z'/>", ""),
         "x,z,v\n7,2,\n", "_target,a\n1,1\n"},
        {"a field that is no center",
         NEAR("<euclidean/>",
              "<ClusteringField field='v' isCenterField='false'/>"
              PAIR("absDiff"), ""),
         "x,z,v\n4,6,9\n", "_target,a\n1,5\n"},
        /* (1 + 3) / 1 times the squared difference of x. */
        {"MissingValueWeights",
         NEAR("<squaredEuclidean/>", PAIR("absDiff"),
              "<MissingValueWeights><Array type='real'>1 3</Array>"
              "</MissingValueWeights>"),
         "x,z,v\n3,,\n", "_target,a\n1,16\n"},
    };

    (void)state;
    CHECK_CASES(cases);
    check_refused(NEAR("<euclidean/>", "\n<CenterFields><DerivedField "
                       "name='d' optype='continuous' dataType='double'>"
                       "<FieldRef field='x'/></DerivedField></CenterFields>"
                       PAIR("absDiff"), ""),
                  MLSCORE_EUNSUPPORTED, 2, "CenterFields");
    check_refused(NEAR("<euclidean/>", "\n" PAIR("table"), ""),
                  MLSCORE_EUNSUPPORTED, 2, "table");
    check_refused(NEAR("\n<minkowski/>", PAIR("absDiff"), ""),
                  MLSCORE_EFORMAT, 2, "p-parameter");
}

/* --- neighbors ------------------------------------------------------------*/

#define NEIGHBORS(attributes)                                             \
    PMML_DOCUMENT(                                                        \
        FIELDS,                                                           \
        "<NearestNeighborModel functionName='classification' "            \
        "numberOfNeighbors='3' instanceIdVariable='id' " attributes ">"   \
        "<MiningSchema>" ACTIVE("x") ACTIVE("c") TARGET("k")              \
        "</MiningSchema><Output>"                                         \
        "<OutputField name='n1' feature='entityId' rank='1'/>"            \
        "<OutputField name='n2' feature='entityId' rank='2'/>"            \
        "<OutputField name='d2' feature='affinity' rank='2'/></Output>"   \
        "<TrainingInstances><InstanceFields>"                             \
        "<InstanceField field='id' column='id'/>"                         \
        "<InstanceField field='x' column='x'/>"                           \
        "<InstanceField field='c' column='c'/>"                           \
        "<InstanceField field='k' column='k'/></InstanceFields>"          \
        "<InlineTable>"                                                   \
        "<row><id>r1</id><x>0</x><c>u</c><k>a</k></row>"                  \
        "<row><id>r2</id><x>1</x><c>v</c><k>b</k></row>"                  \
        "<row><id>r3</id><x>5</x><c>u</c><k>b</k></row>"                  \
        "<row><id>r4</id><x>40</x><c>v</c><k>a</k></row></InlineTable>"   \
        "</TrainingInstances><ComparisonMeasure kind='distance'>"         \
        "<cityBlock/></ComparisonMeasure><KNNInputs>"                     \
        "<KNNInput field='x' compareFunction='absDiff'/>"                 \
        "<KNNInput field='c' fieldWeight='10' compareFunction='delta'/>"  \
        "</KNNInputs></NearestNeighborModel>")

static void test_neighbors(void **state)
{
    static const pmml_case cases[] = {
        /* x 0, u: r1 0, r3 5, r2 11 */
        {"majorityVote", NEIGHBORS(""), "x,c\n0,u\n",
         "k,n1,n2,d2\nb,r1,r3,5\n"},
        {"weightedMajorityVote",
         NEIGHBORS("categoricalScoringMethod='weightedMajorityVote' "
                   "threshold='0.001'"),
         "x,c\n0,u\n", "k,n1,n2,d2\na,r1,r3,5\n"},
        /* x 40, v: r4 0, r2 39, r3 45 */
        {"another row", NEIGHBORS(""), "x,c\n40,v\n",
         "k,n1,n2,d2\nb,r4,r2,39\n"},
    };

    (void)state;
    CHECK_CASES(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_similarities),
        cmocka_unit_test(test_compare_functions),
        cmocka_unit_test(test_neighbors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
