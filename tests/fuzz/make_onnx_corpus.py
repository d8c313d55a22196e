#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/fuzz_onnx: small models that between them use most
parts of the importer. Needs the onnx package; the files are kept in the tree,
so this runs only when one is added.

usage: make_onnx_corpus.py [FOLDER]
"""
import pathlib
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

ML = "ai.onnx.ml"


def value(name, kind, shape):
    return h.make_tensor_value_info(name, kind, shape)


def constant(name, data):
    return nh.from_array(np.asarray(data), name)


def model(nodes, inputs, outputs, constants=(), opset=17, functions=()):
    graph = h.make_graph(nodes, "g", inputs, outputs, list(constants))
    return h.make_model(
        graph, ir_version=9, producer_name="corpus", functions=functions,
        opset_imports=[h.make_opsetid("", opset), h.make_opsetid(ML, 3),
                       h.make_opsetid("com.microsoft", 1),
                       h.make_opsetid("rx", 1)]
        + ([h.make_opsetid("own", 1)] if functions else []))


def trees():
    """A classifier of two trees over two columns, maps as output."""
    node = h.make_node(
        "TreeEnsembleClassifier", ["X"], ["label", "scores"], domain=ML,
        nodes_treeids=[0, 0, 0, 1, 1, 1], nodes_nodeids=[0, 1, 2, 0, 1, 2],
        nodes_featureids=[0, 0, 0, 1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_GT", "LEAF",
                     "LEAF"],
        nodes_values=[0.5, 0, 0, 2, 0, 0],
        nodes_truenodeids=[1, 0, 0, 1, 0, 0],
        nodes_falsenodeids=[2, 0, 0, 2, 0, 0],
        nodes_missing_value_tracks_true=[1, 0, 0, 0, 0, 0],
        class_treeids=[0, 0, 1, 1], class_nodeids=[1, 2, 1, 2],
        class_ids=[0, 1, 2, 0], class_weights=[1.0, 2.0, 1.5, 0.25],
        classlabels_strings=["red", "green", "blue"],
        post_transform="SOFTMAX")
    maps = h.make_node("ZipMap", ["scores"], ["maps"], domain=ML,
                       classlabels_strings=["red", "green", "blue"])
    out = h.make_value_info("maps", h.make_sequence_type_proto(
        h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(
            T.FLOAT, None))))
    return model([node, maps], [value("X", T.FLOAT, [None, 2])],
                 [value("label", T.STRING, [None]), out])


def columns():
    """Named columns, imputed, scaled, joined with one-hot texts."""
    nodes = [
        h.make_node("Concat", ["age", "income"], ["numbers"], axis=1),
        h.make_node("Imputer", ["numbers"], ["whole"], domain=ML,
                    imputed_value_floats=[40.0, 1000.0],
                    replaced_value_float=float("nan")),
        h.make_node("Scaler", ["whole"], ["scaled"], domain=ML,
                    offset=[40.0, 1000.0], scale=[0.1, 0.001]),
        h.make_node("OneHotEncoder", ["city"], ["hot"], domain=ML,
                    cats_strings=["Oslo", "Rome"], zeros=1),
        h.make_node("Reshape", ["hot", "shape"], ["flat"]),
        h.make_node("Concat", ["scaled", "flat"], ["all"], axis=1),
        h.make_node("LinearRegressor", ["all"], ["y"], domain=ML,
                    coefficients=[1.0, 2.0, 3.0, 4.0], intercepts=[0.5],
                    targets=1),
    ]
    return model(nodes, [value("age", T.FLOAT, [None, 1]),
                         value("income", T.FLOAT, [None, 1]),
                         value("city", T.STRING, [None, 1])],
                 [value("y", T.FLOAT, [None, 1])],
                 [constant("shape", np.array([-1, 2], np.int64))])


def texts():
    """Words and their n-grams."""
    nodes = [
        h.make_node("Flatten", ["text"], ["flat"], axis=0),
        h.make_node("Reshape", ["flat", "one"], ["line"]),
        h.make_node("StringNormalizer", ["line"], ["lower"],
                    case_change_action="LOWER"),
        h.make_node("Tokenizer", ["lower"], ["words"],
                    domain="com.microsoft", tokenexp="[a-z]+", mark=0,
                    mincharnum=1, pad_value="#"),
        h.make_node("TfIdfVectorizer", ["words"], ["counts"], mode="TF",
                    min_gram_length=1, max_gram_length=2, max_skip_count=1,
                    ngram_counts=[0, 2], ngram_indexes=[0, 1, 2],
                    pool_strings=["good", "bad", "very", "good"]),
        h.make_node("Normalizer", ["counts"], ["y"], domain=ML, norm="L2"),
    ]
    return model(nodes, [value("text", T.STRING, [None, 1])],
                 [value("y", T.FLOAT, [None, 3])],
                 [constant("one", np.array([-1], np.int64))])


def pictures():
    """Convolution, normalisation, pooling, a dense layer."""
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(2, 1, 3, 3)).astype(np.float32)
    nodes = [
        h.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        h.make_node("BatchNormalization", ["c", "s", "t", "m", "v"], ["n"]),
        h.make_node("Relu", ["n"], ["r"]),
        h.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2],
                    strides=[2, 2]),
        h.make_node("Resize", ["p", "", "scales"], ["u"], mode="linear"),
        h.make_node("GlobalAveragePool", ["u"], ["a"]),
        h.make_node("Flatten", ["a"], ["f"]),
        h.make_node("Gemm", ["f", "d", "e"], ["y"], transB=1),
        h.make_node("Softmax", ["y"], ["z"]),
    ]
    f = np.float32
    return model(nodes, [value("x", T.FLOAT, [None, 1, 4, 4])],
                 [value("z", T.FLOAT, [None, 3])],
                 [constant("w", weights), constant("b", np.zeros(2, f)),
                  constant("s", np.ones(2, f)), constant("t", np.zeros(2, f)),
                  constant("m", np.zeros(2, f)), constant("v", np.ones(2, f)),
                  constant("scales", np.array([1, 1, 2, 2], f)),
                  constant("d", rng.normal(size=(3, 2)).astype(f)),
                  constant("e", np.zeros(3, f))])


def control():
    """Scan, Loop and If with captures."""
    body = h.make_graph(
        [h.make_node("Add", ["sum", "item"], ["next"]),
         h.make_node("Mul", ["next", "factor"], ["seen"])], "scan",
        [value("sum", T.FLOAT, [2]), value("item", T.FLOAT, [2])],
        [value("next", T.FLOAT, [2]), value("seen", T.FLOAT, [2])])
    loop = h.make_graph(
        [h.make_node("Add", ["v", "v"], ["w"]),
         h.make_node("Identity", ["go"], ["on"])], "loop",
        [value("i", T.INT64, []), value("go", T.BOOL, []),
         value("v", T.FLOAT, None)],
        [value("on", T.BOOL, []), value("w", T.FLOAT, None)])
    yes = h.make_graph([h.make_node("Neg", ["doubled"], ["a"])], "yes", [],
                       [value("a", T.FLOAT, None)])
    no = h.make_graph([h.make_node("Identity", ["doubled"], ["b"])], "no", [],
                      [value("b", T.FLOAT, None)])
    nodes = [
        h.make_node("Scan", ["zero", "x"], ["total", "sums"], body=body,
                    num_scan_inputs=1),
        h.make_node("Loop", ["three", "", "sums"], ["doubled"], body=loop),
        h.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        h.make_node("Greater", ["most", "factor"], ["large"]),
        h.make_node("If", ["large"], ["y"], then_branch=yes, else_branch=no),
    ]
    return model(nodes, [value("x", T.FLOAT, [None, 2])],
                 [value("y", T.FLOAT, [None, 2])],
                 [constant("zero", np.zeros(2, np.float32)),
                  constant("three", np.array(3, np.int64)),
                  constant("factor", np.array(2, np.float32))])


def functions():
    """A function with an attribute and a default, called twice."""
    body = h.make_function(
        "own", "Squash", ["x"], ["y"],
        [h.make_node("LeakyRelu", ["x"], ["r"]),
         h.make_node("Tanh", ["r"], ["y"])],
        [h.make_opsetid("", 17)], attributes=["alpha"])
    body.node[0].attribute.append(h.make_attribute("alpha", 0.0))
    attr = body.node[0].attribute[0]
    attr.ref_attr_name = "alpha"
    attr.ClearField("f")
    nodes = [h.make_node("Squash", ["x"], ["a"], domain="own", alpha=0.5),
             h.make_node("Squash", ["a"], ["y"], domain="own")]
    return model(nodes, [value("x", T.DOUBLE, [None, 3])],
                 [value("y", T.DOUBLE, [None, 3])], functions=[body])


def encoders():
    """Whole numbers and labels, halves and shapes."""
    nodes = [
        h.make_node("LabelEncoder", ["k"], ["n"], domain=ML,
                    keys_int64s=[1, 2, 3], values_floats=[0.5, 1.5, 2.5],
                    default_float=-1.0),
        h.make_node("Cast", ["n"], ["half"], to=T.FLOAT16),
        h.make_node("Mul", ["half", "two"], ["twice"]),
        h.make_node("Cast", ["twice"], ["wide"], to=T.FLOAT),
        h.make_node("Shape", ["wide"], ["shape"]),
        h.make_node("ConstantOfShape", ["shape"], ["ones"],
                    value=constant("v", np.array([1], np.float32))),
        h.make_node("Add", ["wide", "ones"], ["y"]),
        h.make_node("SVMRegressor", ["y"], ["z"], domain=ML,
                    kernel_type="RBF", kernel_params=[0.5, 0.0, 3.0],
                    support_vectors=[1.0, 4.0], coefficients=[1.0, -1.0],
                    rho=[0.25], n_supports=2),
    ]
    return model(nodes, [value("k", T.INT64, [None, 1])],
                 [value("y", T.FLOAT, [None, 1]),
                  value("z", T.FLOAT, [None, 1])],
                 [constant("two", np.array([2], np.float16))])


def shapes():
    """Slices, gathers, splits, pads and sorting."""
    nodes = [
        h.make_node("Slice", ["x", "from", "to", "axes"], ["s"]),
        h.make_node("Split", ["s", "parts"], ["p", "q"], axis=1),
        h.make_node("Gather", ["x", "which"], ["g"], axis=1),
        h.make_node("TopK", ["x", "two"], ["t", "at"], axis=1),
        h.make_node("Pad", ["p", "pads"], ["w"], mode="edge"),
        h.make_node("Concat", ["w", "q", "g", "t"], ["c"], axis=1),
        h.make_node("Transpose", ["c"], ["u"], perm=[1, 0]),
        h.make_node("Transpose", ["u"], ["v"]),
        h.make_node("ArgMax", ["v"], ["y"], axis=1, keepdims=0),
        h.make_node("Where", ["less", "v", "zero"], ["z"]),
    ]
    i = np.int64
    return model(nodes, [value("x", T.FLOAT, [None, 4])],
                 [value("y", T.INT64, [None]), value("z", T.FLOAT, None)],
                 [constant("from", np.array([1], i)),
                  constant("to", np.array([4], i)),
                  constant("axes", np.array([1], i)),
                  constant("parts", np.array([1, 2], i)),
                  constant("which", np.array([0, -1], i)),
                  constant("two", np.array([2], i)),
                  constant("pads", np.array([0, 1, 0, 1], i)),
                  constant("less", np.array([True])),
                  constant("zero", np.array([0], np.float32))])


def hashes():
    """Keys, bags and n-grams of hashed texts, and the standard hash."""
    nodes = [
        h.make_node("CategoricalHash", ["review"], ["key"], domain="rx",
                    output_kind="Key"),
        h.make_node("CategoricalHash", ["review"], ["bag"], domain="rx",
                    hash_bits=2, ordered=0),
        h.make_node("Reshape", ["review", "one"], ["line"]),
        h.make_node("StringSplit", ["line"], ["words", "count"],
                    delimiter=" "),
        h.make_node("NGramHash", ["words"], ["grams"], domain="rx",
                    hash_bits=3, ngram_length=2, skip_length=1),
        h.make_node("MurmurHash3", ["review"], ["murmur"],
                    domain="com.microsoft", seed=0),
        h.make_node("Cast", ["murmur"], ["wide"], to=T.INT64),
    ]
    return model(nodes, [value("review", T.STRING, [None, 1])],
                 [value("key", T.INT64, [None, 1]),
                  value("bag", T.FLOAT, [None, 4]),
                  value("grams", T.FLOAT, [None, 8]),
                  value("wide", T.INT64, [None, 1])],
                 [constant("one", np.array([-1], np.int64))], opset=20)


def cleaning():
    """Normalised texts without stop words, counted; and their sentiment."""
    nodes = [
        h.make_node("TextNormalize", ["text"], ["clean"], domain="rx",
                    keep_punctuations=0, keep_numbers=0),
        h.make_node("Reshape", ["clean", "one"], ["line"]),
        h.make_node("StringSplit", ["line"], ["words", "count"]),
        h.make_node("StopWords", ["words"], ["left"], domain="rx",
                    stopwords=["The", "a", "it"]),
        h.make_node("TfIdfVectorizer", ["left"], ["tf"], mode="TF",
                    min_gram_length=1, max_gram_length=2, max_skip_count=0,
                    ngram_counts=[0, 2], ngram_indexes=[0, 1, 2],
                    pool_strings=["cafe", "good", "good", "cafe"]),
        h.make_node("Sentiment", ["text"], ["mood"], domain="rx",
                    words=["like", "good", "hate", ":-)"],
                    scores=[1.5, 1.9, -2.7, 1.3]),
    ]
    return model(nodes, [value("text", T.STRING, [None, 1])],
                 [value("clean", T.STRING, [None, 1]),
                  value("tf", T.FLOAT, [None, 3]),
                  value("mood", T.FLOAT, [None, 1])],
                 [constant("one", np.array([-1], np.int64))], opset=20)


def images():
    """Pixels of images in three fits."""
    nodes = [h.make_node("LoadImage", ["image"], ["file"], domain="rx")]
    outputs = []
    for fit in ("Aniso", "IsoPad", "IsoCrop"):
        nodes += [
            h.make_node("ResizeImage", ["file"], [fit + "_image"],
                        domain="rx", width=2, height=2, resizing=fit),
            h.make_node("ExtractPixels", [fit + "_image"], [fit],
                        domain="rx", width=2, height=2, use_green=0,
                        interleave_argb=int(fit == "Aniso"),
                        use_alpha=int(fit == "IsoPad"), offset=1.0,
                        scale=0.5)]
        outputs.append(value(fit, T.FLOAT,
                             [None, 12 if fit == "IsoPad" else 8]))
    return model(nodes, [value("image", T.STRING, [None, 1])], outputs)


def encoders_ml():
    """Encoders and scalers that no other model here has."""
    nodes = [
        h.make_node("CategoryMapper", ["word"], ["number"], domain=ML,
                    cats_strings=["no", "yes"], cats_int64s=[0, 1],
                    default_int64=-1),
        h.make_node("Cast", ["number"], ["real"], to=T.FLOAT),
        h.make_node("FeatureVectorizer", ["real", "x"], ["all"], domain=ML,
                    inputdimensions=[1, 2]),
        h.make_node("Binarizer", ["all"], ["over"], domain=ML,
                    threshold=0.5),
        h.make_node("Normalizer", ["all"], ["l1"], domain=ML, norm="L1"),
        h.make_node("Normalizer", ["all"], ["most"], domain=ML, norm="MAX"),
        h.make_node("ArrayFeatureExtractor", ["l1", "last"], ["share"],
                    domain=ML),
        h.make_node("LabelEncoder", ["number"], ["back"], domain=ML,
                    keys_int64s=[0, 1], values_strings=["NO", "YES"],
                    default_string="?"),
    ]
    return model(nodes, [value("word", T.STRING, [None, 1]),
                         value("x", T.FLOAT, [None, 2])],
                 [value("over", T.FLOAT, [None, 3]),
                  value("most", T.FLOAT, [None, 3]),
                  value("share", T.FLOAT, [None, 1]),
                  value("back", T.STRING, [None, 1])],
                 [constant("last", np.array([2], np.int64))])


def classifiers():
    """Linear and support vector classifiers, a forest of averages."""
    nodes = [
        h.make_node("LinearClassifier", ["x"], ["label", "p"], domain=ML,
                    coefficients=[1.0, -1.0, 0.5, 0.25, -0.5, 2.0],
                    intercepts=[0.0, 0.1, -0.2], multi_class=1,
                    classlabels_strings=["a", "b", "c"],
                    post_transform="SOFTMAX"),
        h.make_node("SVMClassifier", ["x"], ["side", "v"], domain=ML,
                    kernel_type="RBF", kernel_params=[0.5, 0.0, 3.0],
                    vectors_per_class=[1, 1], rho=[0.1],
                    support_vectors=[1.0, 0.0, -1.0, 1.0],
                    coefficients=[1.0, -1.0], classlabels_ints=[3, 5],
                    prob_a=[-2.0], prob_b=[0.1]),
        h.make_node("TreeEnsembleRegressor", ["x"], ["m"], domain=ML,
                    nodes_treeids=[0, 0, 0, 1], nodes_nodeids=[0, 1, 2, 0],
                    nodes_featureids=[1, 0, 0, 0],
                    nodes_modes=["BRANCH_GTE", "LEAF", "LEAF", "LEAF"],
                    nodes_values=[0.5, 0.0, 0.0, 0.0],
                    nodes_truenodeids=[1, 0, 0, 0],
                    nodes_falsenodeids=[2, 0, 0, 0],
                    target_treeids=[0, 0, 1], target_nodeids=[1, 2, 0],
                    target_ids=[0, 0, 0], target_weights=[4.0, 8.0, 1.0],
                    n_targets=1, aggregate_function="AVERAGE",
                    base_values=[0.5]),
    ]
    return model(nodes, [value("x", T.FLOAT, [None, 2])],
                 [value("label", T.STRING, [None]),
                  value("p", T.FLOAT, [None, 3]),
                  value("side", T.INT64, [None]),
                  value("v", T.FLOAT, [None, 2]),
                  value("m", T.FLOAT, [None, 1])])


def layers():
    """A recurrent layer, a quantised product, sums of products, a grid."""
    rng = np.random.default_rng(3)
    f = np.float32

    def real(*shape):
        return (rng.normal(size=shape) * 0.5).astype(f)
    nodes = [
        h.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
        h.make_node("LSTM", ["t", "w", "r", "b"], ["", "last"],
                    hidden_size=2),
        h.make_node("Squeeze", ["last", "front"], ["h"]),
        h.make_node("GRU", ["t", "gw", "gr"], ["", "g"], hidden_size=1,
                    direction="reverse"),
        h.make_node("Squeeze", ["g", "front"], ["gru"]),
        h.make_node("QuantizeLinear", ["h", "scale", "zero"], ["q"]),
        h.make_node("MatMulInteger", ["q", "weights", "zero"], ["sums"]),
        h.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"]),
        h.make_node("Einsum", ["x", "m"], ["e"], equation="nij,ki->nk"),
        h.make_node("Unsqueeze", ["x", "one"], ["picture"]),
        h.make_node("Shape", ["x"], ["rows"], end=1),
        h.make_node("Concat", ["rows", "rest"], ["size"], axis=0),
        h.make_node("Expand", ["places", "size"], ["grid"]),
        h.make_node("GridSample", ["picture", "grid"], ["s"],
                    mode="linear", align_corners=1),
        h.make_node("Flatten", ["s"], ["y"]),
    ]
    return model(nodes, [value("x", T.FLOAT, [None, 3, 2])],
                 [value("h", T.FLOAT, [None, 2]),
                  value("gru", T.FLOAT, [None, 1]),
                  value("sums", T.INT32, [None, 2]),
                  value("d", T.FLOAT, [None, 2]),
                  value("e", T.FLOAT, [None, 2]),
                  value("y", T.FLOAT, [None, 2])],
                 [constant("w", real(1, 8, 2)), constant("r", real(1, 8, 2)),
                  constant("b", real(1, 16)), constant("gw", real(1, 3, 2)),
                  constant("gr", real(1, 3, 1)),
                  constant("front", np.array([0], np.int64)),
                  constant("one", np.array([1], np.int64)),
                  constant("scale", np.array(0.01, f)),
                  constant("zero", np.array(128, np.uint8)),
                  constant("weights", np.array([[1, -2], [3, 4]], np.int8)),
                  constant("m", real(2, 3)),
                  constant("rest", np.array([1, 2, 2], np.int64)),
                  constant("places", np.array([[[[0.5, -0.5],
                                                 [-1, 1]]]], f))], opset=20)


def dictionaries():
    """Maps as inputs: columns named by their keys."""
    words = h.make_map_type_proto(T.STRING, h.make_tensor_type_proto(
        T.FLOAT, []))
    numbers = h.make_map_type_proto(T.INT64, h.make_tensor_type_proto(
        T.FLOAT, []))
    nodes = [
        h.make_node("DictVectorizer", ["d"], ["a"], domain=ML,
                    string_vocabulary=["width", "height"]),
        h.make_node("CastMap", ["m"], ["b"], domain=ML, map_form="SPARSE",
                    max_map=3, cast_to="TO_FLOAT"),
        h.make_node("Concat", ["a", "b"], ["all"], axis=1),
        h.make_node("LinearRegressor", ["all"], ["y"], domain=ML, targets=1,
                    coefficients=[1.0, 10.0, 100.0, 1000.0, 10000.0],
                    intercepts=[0.5]),
    ]
    return model(nodes, [h.make_value_info("d", words),
                         h.make_value_info("m", numbers)],
                 [value("y", T.FLOAT, [None, 1])])


def refused():
    """Models that must be refused, each for one reason, by name."""
    x, y = value("x", T.FLOAT, [None, 2]), value("y", T.FLOAT, [None, 2])
    add = h.make_node("Add", ["x", "c"], ["y"], name="adder")
    c = constant("c", np.ones(2, np.float32))
    outside = model([add], [x], [y], [c])
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = T.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    old = model([add], [x], [y], [c])
    old.ir_version = 2
    return {
        "outside": outside,
        "old": old,
        "newer": model([add], [x], [y], [c], opset=99),
        "unknown": model([h.make_node("Frobnicate", ["x"], ["y"],
                                      name="odd")], [x], [y]),
        "attribute": model([h.make_node("Softmax", ["x"], ["y"], name="soft",
                                        sharpness=3)], [x], [y]),
        "rows": model([add], [value("x", T.FLOAT, [3, 2])], [y], [c]),
        "wide": model([h.make_node("Relu", ["x"], ["y"])],
                      [value("x", T.FLOAT, [None, None])], [y]),
        "shapes": model([h.make_node("MatMul", ["x", "c"], ["y"],
                                     name="product")], [x], [y],
                        [constant("c", np.ones((3, 2), np.float32))]),
        "image": model([h.make_node("LoadImage", ["x"], ["y"], domain="rx",
                                    name="load")],
                       [value("x", T.STRING, [None, 1])],
                       [value("y", T.STRING, [None, 1])]),
        "nowhere": model([h.make_node("Add", ["x", "gone"], ["y"],
                                      name="lost")], [x], [y]),
    }


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else \
        here / "corpus/fuzz_onnx"
    folder.mkdir(parents=True, exist_ok=True)
    for make in (trees, columns, texts, pictures, control, functions,
                 encoders, shapes, hashes, cleaning, images,
                 dictionaries, encoders_ml, classifiers, layers):
        (folder / f"{make.__name__}.onnx").write_bytes(
            make().SerializeToString(deterministic=True))
    for name, bad in refused().items():
        (folder / f"refused_{name}.onnx").write_bytes(
            bad.SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
