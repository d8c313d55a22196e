/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MLSCORE_IMPORT_PMML_WORDS_H
#define MLSCORE_IMPORT_PMML_WORDS_H

/**
 * PMML's vocabulary, versions 3.0 to 4.4: every element that the importer
 * understands, with the attributes and children that it may have. What is not
 * here is refused by name and line while the document is read.
 *
 * E(identifier, name, groups, attributes, children): groups are letters (P
 * predicate, X expression, M model, S skipped with all that it contains, T has
 * text, A any children); in children, @P means any element of that group and
 * @C what every model may have; in attributes, @M means what every model has.
 */
#define PMML_ELEMENTS(E)                                                      \
    E(PMML, "PMML", "", "version x-baseVersion",                               \
      "Header MiningBuildTask DataDictionary TransformationDictionary @M")    \
    E(HEADER, "Header", "", "copyright description modelVersion",             \
      "Application Annotation Timestamp")                                     \
    E(APPLICATION, "Application", "", "name version", "")                     \
    E(ANNOTATION, "Annotation", "S", "", "")                                  \
    E(TIMESTAMP, "Timestamp", "S", "", "")                                    \
    E(BUILD_TASK, "MiningBuildTask", "S", "", "")                             \
    E(EXTENSION, "Extension", "S", "", "")                                    \
    E(MODEL_STATS, "ModelStats", "S", "", "")                                 \
    E(MODEL_EXPLANATION, "ModelExplanation", "S", "", "")                     \
    E(MODEL_VERIFICATION, "ModelVerification", "", "recordCount fieldCount",  \
      "VerificationFields InlineTable TableLocator")                          \
    E(VERIFICATION_FIELDS, "VerificationFields", "", "", "VerificationField") \
    E(VERIFICATION_FIELD, "VerificationField", "",                            \
      "field column precision zeroThreshold", "")                             \
    E(TABLE_LOCATOR, "TableLocator", "S", "", "")                             \
    E(PARTITION, "Partition", "S", "", "")                                    \
    E(TAXONOMY, "Taxonomy", "S", "", "")                                      \
    E(DATA_DICTIONARY, "DataDictionary", "", "numberOfFields",                \
      "DataField Taxonomy")                                                   \
    E(DATA_FIELD, "DataField", "",                                            \
      "name displayName optype dataType taxonomy isCyclic", "Value Interval") \
    E(VALUE, "Value", "", "value displayValue property", "")                  \
    E(INTERVAL, "Interval", "", "closure leftMargin rightMargin", "")         \
    E(MINING_SCHEMA, "MiningSchema", "", "", "MiningField")                   \
    E(MINING_FIELD, "MiningField", "",                                        \
      "name usageType optype importance outliers lowValue highValue "         \
      "missingValueReplacement missingValueTreatment invalidValueTreatment "  \
      "invalidValueReplacement x-invalidValueReplacement",                    \
      "")                                                                     \
    E(TRANSFORMATIONS, "TransformationDictionary", "", "",                    \
      "DefineFunction DerivedField")                                          \
    E(LOCAL_TRANSFORMATIONS, "LocalTransformations", "C", "",                 \
      "DerivedField")                                                         \
    E(DERIVED_FIELD, "DerivedField", "", "name displayName optype dataType",  \
      "@X Value Interval")                                                    \
    E(DEFINE_FUNCTION, "DefineFunction", "", "name optype dataType",          \
      "ParameterField DerivedField @X")                                       \
    E(PARAMETER_FIELD, "ParameterField", "",                                  \
      "name optype dataType displayName", "")                                 \
    E(CONSTANT, "Constant", "XT", "dataType missing", "")                     \
    E(FIELD_REF, "FieldRef", "X", "field mapMissingTo", "")                   \
    E(NORM_CONTINUOUS, "NormContinuous", "X", "field mapMissingTo outliers",  \
      "LinearNorm")                                                           \
    E(LINEAR_NORM, "LinearNorm", "", "orig norm", "")                         \
    E(NORM_DISCRETE, "NormDiscrete", "X", "field method value mapMissingTo",  \
      "")                                                                     \
    E(DISCRETIZE, "Discretize", "X",                                          \
      "field mapMissingTo defaultValue dataType", "DiscretizeBin")            \
    E(DISCRETIZE_BIN, "DiscretizeBin", "", "binValue", "Interval")            \
    E(MAP_VALUES, "MapValues", "X",                                           \
      "mapMissingTo defaultValue outputColumn dataType",                      \
      "FieldColumnPair InlineTable")                                          \
    E(FIELD_COLUMN_PAIR, "FieldColumnPair", "", "field column", "")           \
    E(INLINE_TABLE, "InlineTable", "", "", "row")                             \
    E(ROW, "row", "A", "", "")                                                \
    E(TEXT_INDEX, "TextIndex", "X",                                           \
      "textField localTermWeights isCaseSensitive maxLevenshteinDistance "    \
      "countHits wordSeparatorCharacterRE tokenize x-wordRE",                 \
      "TextIndexNormalization @X")                                            \
    E(TEXT_NORMALIZATION, "TextIndexNormalization", "",                       \
      "inField outField regexField recursive isCaseSensitive "                \
      "maxLevenshteinDistance wordSeparatorCharacterRE tokenize",             \
      "InlineTable")                                                          \
    E(APPLY, "Apply", "X",                                                    \
      "function mapMissingTo defaultValue invalidValueTreatment", "@X")       \
    E(TARGETS, "Targets", "C", "", "Target")                                  \
    E(TARGET, "Target", "",                                                   \
      "field optype castInteger min max rescaleConstant rescaleFactor",       \
      "TargetValue")                                                          \
    E(TARGET_VALUE, "TargetValue", "",                                        \
      "value displayValue rawDataValue priorProbability defaultValue",        \
      "Partition")        \
    E(OUTPUT, "Output", "C", "", "OutputField")                               \
    E(OUTPUT_FIELD, "OutputField", "",                                        \
      "name displayName optype dataType targetField feature value "           \
      "ruleFeature algorithm rank rankBasis rankOrder isMultiValued "         \
      "segmentId isFinalResult x-reportField",                                \
      "@X Decisions Value")                                                   \
    E(DECISIONS, "Decisions", "S", "", "")                                    \
    E(SIMPLE_PREDICATE, "SimplePredicate", "P", "field operator value", "")   \
    E(SET_PREDICATE, "SimpleSetPredicate", "P", "field booleanOperator",      \
      "Array")                                                                \
    E(COMPOUND_PREDICATE, "CompoundPredicate", "P", "booleanOperator", "@P")  \
    E(TRUE, "True", "P", "", "")                                              \
    E(FALSE, "False", "P", "", "")                                            \
    E(ARRAY, "Array", "T", "n type", "")                                      \
    E(TREE_MODEL, "TreeModel", "M",                                           \
      "@M missingValueStrategy missingValuePenalty noTrueChildStrategy "      \
      "splitCharacteristic",                                                  \
      "@C Node")                                                              \
    E(NODE, "Node", "", "id score recordCount defaultChild",                  \
      "@P Partition ScoreDistribution Node")                                  \
    E(SCORE_DISTRIBUTION, "ScoreDistribution", "",                            \
      "value recordCount confidence probability", "")                         \
    E(REGRESSION_MODEL, "RegressionModel", "M",                               \
      "@M modelType targetFieldName targetField normalizationMethod",         \
      "@C RegressionTable")                                                   \
    E(REGRESSION_TABLE, "RegressionTable", "", "intercept targetCategory",    \
      "NumericPredictor CategoricalPredictor PredictorTerm")                  \
    E(NUMERIC_PREDICTOR, "NumericPredictor", "",                              \
      "name field exponent coefficient mean", "")                             \
    E(CATEGORICAL_PREDICTOR, "CategoricalPredictor", "",                      \
      "name field value coefficient", "")                                     \
    E(PREDICTOR_TERM, "PredictorTerm", "", "name coefficient", "FieldRef")    \
    E(MINING_MODEL, "MiningModel", "M", "@M", "@C Segmentation")              \
    E(SEGMENTATION, "Segmentation", "",                                       \
      "multipleModelMethod missingPredictionTreatment missingThreshold "      \
      "x-missingPredictionTreatment x-missingThreshold",                      \
      "Segment")                                                              \
    E(SEGMENT, "Segment", "", "id weight", "@P @M")                           \
    E(GENERAL_REGRESSION, "GeneralRegressionModel", "M",                      \
      "@M targetVariableName modelType targetReferenceCategory "              \
      "cumulativeLink linkFunction linkParameter trialsVariable trialsValue " \
      "distribution distParameter offsetVariable offsetValue modelDF "        \
      "endTimeVariable startTimeVariable subjectIDVariable statusVariable "   \
      "baselineStrataVariable",                                               \
      "@C ParameterList FactorList CovariateList PPMatrix PCovMatrix "        \
      "ParamMatrix EventValues BaseCumHazardTables")                          \
    E(PARAMETER_LIST, "ParameterList", "", "", "Parameter")                   \
    E(PARAMETER, "Parameter", "", "name label referencePoint", "")            \
    E(FACTOR_LIST, "FactorList", "", "", "Predictor")                         \
    E(COVARIATE_LIST, "CovariateList", "", "", "Predictor")                   \
    E(PREDICTOR, "Predictor", "", "name contrastMatrixType",                  \
      "Categories Matrix")                                                    \
    E(CATEGORIES, "Categories", "", "", "Category")                           \
    E(CATEGORY, "Category", "", "value", "")                                  \
    E(MATRIX, "Matrix", "",                                                   \
      "kind nbRows nbCols diagDefault offDiagDefault", "Array MatCell")       \
    E(MAT_CELL, "MatCell", "T", "row col", "")                                \
    E(PP_MATRIX, "PPMatrix", "", "", "PPCell")                                \
    E(PP_CELL, "PPCell", "",                                                  \
      "value predictorName parameterName targetCategory", "")                 \
    E(P_COV_MATRIX, "PCovMatrix", "S", "", "")                                \
    E(PARAM_MATRIX, "ParamMatrix", "", "", "PCell")                           \
    E(P_CELL, "PCell", "", "targetCategory parameterName beta df", "")        \
    E(EVENT_VALUES, "EventValues", "S", "", "")                               \
    E(BASE_HAZARDS, "BaseCumHazardTables", "", "maxTime",                     \
      "BaselineStratum BaselineCell")                                         \
    E(BASELINE_STRATUM, "BaselineStratum", "", "value label maxTime",         \
      "BaselineCell")                                                         \
    E(BASELINE_CELL, "BaselineCell", "", "time cumHazard", "")                \
    E(NEURAL_NETWORK, "NeuralNetwork", "M",                                   \
      "@M activationFunction normalizationMethod threshold width altitude "   \
      "numberOfLayers",                                                       \
      "@C NeuralInputs NeuralLayer NeuralOutputs")                            \
    E(NEURAL_INPUTS, "NeuralInputs", "", "numberOfInputs", "NeuralInput")     \
    E(NEURAL_INPUT, "NeuralInput", "", "id", "DerivedField")                  \
    E(NEURAL_LAYER, "NeuralLayer", "",                                        \
      "numberOfNeurons activationFunction threshold width altitude "          \
      "normalizationMethod",                                                  \
      "Neuron")                                                               \
    E(NEURON, "Neuron", "", "id bias width altitude", "Con")                  \
    E(CON, "Con", "", "from weight", "")                                      \
    E(NEURAL_OUTPUTS, "NeuralOutputs", "", "numberOfOutputs",                 \
      "NeuralOutput")                                                         \
    E(NEURAL_OUTPUT, "NeuralOutput", "", "outputNeuron", "DerivedField")      \
    E(VECTOR_MACHINE_MODEL, "SupportVectorMachineModel", "M",                 \
      "@M threshold svmRepresentation classificationMethod maxWins "          \
      "alternateBinaryTargetCategory",                                        \
      "@C LinearKernelType PolynomialKernelType RadialBasisKernelType "       \
      "SigmoidKernelType VectorDictionary SupportVectorMachine")              \
    E(LINEAR_KERNEL, "LinearKernelType", "", "description", "")               \
    E(POLYNOMIAL_KERNEL, "PolynomialKernelType", "",                          \
      "description gamma coef0 degree", "")                                   \
    E(RADIAL_KERNEL, "RadialBasisKernelType", "", "description gamma", "")    \
    E(SIGMOID_KERNEL, "SigmoidKernelType", "", "description gamma coef0", "") \
    E(VECTOR_DICTIONARY, "VectorDictionary", "", "numberOfVectors",           \
      "VectorFields VectorInstance")                                          \
    E(VECTOR_FIELDS, "VectorFields", "", "numberOfFields",                    \
      "FieldRef CategoricalPredictor")                                        \
    E(VECTOR_INSTANCE, "VectorInstance", "", "id",                            \
      "REAL-SparseArray Array")                                               \
    E(SPARSE_ARRAY, "REAL-SparseArray", "", "n defaultValue",                 \
      "Indices REAL-Entries")                                                 \
    E(INDICES, "Indices", "T", "", "")                                        \
    E(ENTRIES, "REAL-Entries", "T", "", "")                                   \
    E(VECTOR_MACHINE, "SupportVectorMachine", "",                             \
      "targetCategory alternateTargetCategory threshold",                     \
      "SupportVectors Coefficients")                                          \
    E(SUPPORT_VECTORS, "SupportVectors", "",                                  \
      "numberOfSupportVectors numberOfAttributes", "SupportVector")           \
    E(SUPPORT_VECTOR, "SupportVector", "", "vectorId", "")                    \
    E(COEFFICIENTS, "Coefficients", "",                                       \
      "numberOfCoefficients absoluteValue", "Coefficient")                    \
    E(COEFFICIENT, "Coefficient", "", "value", "")                            \
    E(CLUSTERING_MODEL, "ClusteringModel", "M",                               \
      "@M modelClass numberOfClusters",                                       \
      "@C ComparisonMeasure ClusteringField CenterFields "                    \
      "MissingValueWeights Cluster")                                          \
    E(COMPARISON_MEASURE, "ComparisonMeasure", "",                            \
      "kind compareFunction minimum maximum",                                 \
      "euclidean squaredEuclidean cityBlock chebychev minkowski "             \
      "simpleMatching jaccard tanimoto binarySimilarity")                     \
    E(EUCLIDEAN, "euclidean", "", "", "")                                     \
    E(SQUARED_EUCLIDEAN, "squaredEuclidean", "", "", "")                      \
    E(CITY_BLOCK, "cityBlock", "", "", "")                                    \
    E(CHEBYCHEV, "chebychev", "", "", "")                                     \
    E(MINKOWSKI, "minkowski", "", "p-parameter", "")                          \
    E(SIMPLE_MATCHING, "simpleMatching", "", "", "")                          \
    E(JACCARD, "jaccard", "", "", "")                                         \
    E(TANIMOTO, "tanimoto", "", "", "")                                       \
    E(BINARY_SIMILARITY, "binarySimilarity", "",                              \
      "c00-parameter c01-parameter c10-parameter c11-parameter "              \
      "d00-parameter d01-parameter d10-parameter d11-parameter",              \
      "")                                                                     \
    E(CLUSTERING_FIELD, "ClusteringField", "",                                \
      "field isCenterField fieldWeight similarityScale compareFunction", "")  \
    E(CENTER_FIELDS, "CenterFields", "", "", "DerivedField")                  \
    E(MISSING_WEIGHTS, "MissingValueWeights", "", "", "Array")                \
    E(CLUSTER, "Cluster", "", "id name size",                                 \
      "KohonenMap Array Partition Covariances")                               \
    E(KOHONEN_MAP, "KohonenMap", "S", "", "")                                 \
    E(COVARIANCES, "Covariances", "S", "", "")                                \
    E(NEIGHBOR_MODEL, "NearestNeighborModel", "M",                            \
      "@M continuousScoringMethod categoricalScoringMethod "                  \
      "instanceIdVariable threshold numberOfNeighbors",                       \
      "@C TrainingInstances ComparisonMeasure KNNInputs")                     \
    E(TRAINING_INSTANCES, "TrainingInstances", "",                            \
      "isTransformed recordCount fieldCount", "InstanceFields InlineTable")   \
    E(INSTANCE_FIELDS, "InstanceFields", "", "", "InstanceField")             \
    E(INSTANCE_FIELD, "InstanceField", "", "field column", "")                \
    E(KNN_INPUTS, "KNNInputs", "", "", "KNNInput")                            \
    E(KNN_INPUT, "KNNInput", "", "field fieldWeight compareFunction", "")     \
    E(BAYES_MODEL, "NaiveBayesModel", "M", "@M threshold",                    \
      "@C BayesInputs BayesOutput")                                           \
    E(BAYES_INPUTS, "BayesInputs", "", "", "BayesInput")                      \
    E(BAYES_INPUT, "BayesInput", "", "fieldName field",                       \
      "TargetValueStats DerivedField PairCounts")                             \
    E(TARGET_VALUE_STATS, "TargetValueStats", "", "", "TargetValueStat")      \
    E(TARGET_VALUE_STAT, "TargetValueStat", "", "value",                      \
      "GaussianDistribution PoissonDistribution UniformDistribution")         \
    E(GAUSSIAN, "GaussianDistribution", "", "mean variance", "")              \
    E(POISSON, "PoissonDistribution", "", "mean", "")                         \
    E(UNIFORM, "UniformDistribution", "", "lower upper", "")                  \
    E(PAIR_COUNTS, "PairCounts", "", "value", "TargetValueCounts")            \
    E(TARGET_VALUE_COUNTS, "TargetValueCounts", "", "", "TargetValueCount")   \
    E(TARGET_VALUE_COUNT, "TargetValueCount", "", "value count", "")          \
    E(BAYES_OUTPUT, "BayesOutput", "", "fieldName field",                     \
      "TargetValueCounts")                                                    \
    E(RULE_SET_MODEL, "RuleSetModel", "M", "@M", "@C RuleSet")                \
    E(RULE_SET, "RuleSet", "",                                                \
      "recordCount nbCorrect defaultScore defaultConfidence",                 \
      "RuleSelectionMethod ScoreDistribution SimpleRule CompoundRule")        \
    E(RULE_SELECTION, "RuleSelectionMethod", "", "criterion", "")             \
    E(SIMPLE_RULE, "SimpleRule", "",                                          \
      "id score recordCount nbCorrect confidence weight",                     \
      "@P ScoreDistribution")                                                 \
    E(COMPOUND_RULE, "CompoundRule", "", "", "@P SimpleRule CompoundRule")    \
    E(SCORECARD, "Scorecard", "M",                                            \
      "@M initialScore useReasonCodes reasonCodeAlgorithm baselineScore "     \
      "baselineMethod",                                                       \
      "@C Characteristics")                                                   \
    E(CHARACTERISTICS, "Characteristics", "", "", "Characteristic")           \
    E(CHARACTERISTIC, "Characteristic", "",                                   \
      "name reasonCode baselineScore", "Attribute")                           \
    E(ATTRIBUTE, "Attribute", "", "reasonCode partialScore",                  \
      "@P ComplexPartialScore")                                               \
    E(COMPLEX_SCORE, "ComplexPartialScore", "", "", "@X")

/** What @M and @C stand for. */
#define PMML_MODEL_ATTRIBUTES \
    "modelName functionName algorithmName isScorable x-mathContext"
#define PMML_MODEL_CHILDREN                                        \
    "MiningSchema Output ModelStats ModelExplanation Targets "     \
    "LocalTransformations ModelVerification"

#define PMML_ELEMENT_NUMBER(id, name, groups, attributes, children) \
    PMML_E_##id,
typedef enum pmml_element_kind {
    PMML_ELEMENTS(PMML_ELEMENT_NUMBER) PMML_E_COUNT,
    PMML_E_CELL /* a child of a row: any name */
} pmml_element_kind;
#undef PMML_ELEMENT_NUMBER

/** The kind of element with this name, or PMML_E_COUNT. */
pmml_element_kind mlscore_pmml_element_find(const char *name);
const char *mlscore_pmml_element_name(pmml_element_kind kind);
/** 1 when the kind is in the group. */
int mlscore_pmml_element_in(pmml_element_kind kind, char group);
/** 1 when an element may have the attribute, or the child. */
int mlscore_pmml_attribute_allowed(pmml_element_kind kind, const char *name);
int mlscore_pmml_child_allowed(pmml_element_kind parent,
                               pmml_element_kind child);

#endif
