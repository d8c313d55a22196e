# SPDX-License-Identifier: Apache-2.0
"""Trains the models of the benches once and keeps them, in every format that
we or a peer read, below a folder. Run by the interpreter of `make venv-bench`.

Trees: 20,000 training rows of 30 features, 500 trees; gradient boosting with
31 leaves by LightGBM and by XGBoost, a random forest of depth 10 by
scikit-learn. What takes longest is compiling the forest with treelite.
"""
import json
import pathlib
import subprocess

import numpy

ROWS, FEATURES, TREES, LEAVES, DEPTH = 20000, 30, 500, 31, 10
BATCH = 10000


def training_data():
    """Features as floats, a score, and a class."""
    random = numpy.random.default_rng(7)
    x = random.standard_normal((ROWS, FEATURES)).astype(numpy.float32)
    score = (x[:, 0] * x[:, 1] + numpy.sin(2 * x[:, 2]) + x[:, 3] ** 2 / 2
             + 0.4 * x[:, 4:12].sum(axis=1)
             + random.standard_normal(ROWS) / 2)
    return x, score, (score > numpy.median(score)).astype(int)


def write_batch(folder):
    """The rows that are scored: as CSV for us, raw for the peers."""
    random = numpy.random.default_rng(8)
    x = random.standard_normal((BATCH, FEATURES)).astype(numpy.float32)
    x.tofile(folder / "rows.f32")
    for prefix in ("x", "f", "Column_"):
        head = ",".join("%s%d" % (prefix, i) for i in range(FEATURES))
        with open(folder / ("rows-%s.csv" % prefix.strip("_")), "w",
                  encoding="ascii") as file:
            file.write(head + "\n")
            for row in x:
                file.write(",".join("%.9g" % v for v in row) + "\n")


# --- PMML ---------------------------------------------------------------------

HEAD = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4"><Header/>
<DataDictionary>%s<DataField name="y" optype="continuous" dataType="double"/>
</DataDictionary>
<MiningModel functionName="regression"><MiningSchema>%s
<MiningField name="y" usageType="target"/></MiningSchema>
<Segmentation multipleModelMethod="%s">
"""


def write_pmml(path, trees, method):
    """Trees are (feature, threshold, left, right, value) of nested tuples or
    ("leaf", value); left is `lessOrEqual`."""
    names = ["x%d" % i for i in range(FEATURES)]
    fields = "".join('<MiningField name="%s"/>' % n for n in names)
    out = [HEAD % ("".join('<DataField name="%s" optype="continuous" '
                           'dataType="float"/>' % n for n in names), fields,
                   method)]

    def node(tree, predicate):
        if tree[0] == "leaf":
            out.append('<Node score="%.17g">%s</Node>\n'
                       % (tree[1], predicate))
            return
        out.append("<Node>%s\n" % predicate)
        for operator, child in (("lessOrEqual", tree[2]),
                                ("greaterThan", tree[3])):
            node(child, '<SimplePredicate field="%s" operator="%s" '
                 'value="%.17g"/>' % (names[tree[0]], operator, tree[1]))
        out.append("</Node>\n")

    for i, tree in enumerate(trees):
        out.append('<Segment id="%d"><True/><TreeModel functionName='
                   '"regression" splitCharacteristic="binarySplit" '
                   'missingValueStrategy="defaultChild"><MiningSchema>%s'
                   '</MiningSchema>\n' % (i + 1, fields))
        node(tree, "<True/>")
        out.append("</TreeModel></Segment>\n")
    out.append("</Segmentation></MiningModel></PMML>\n")
    path.write_text("".join(out), encoding="ascii")


def sklearn_tree(tree, at=0):
    if tree.children_left[at] < 0:
        return ("leaf", tree.value[at].ravel()[0])
    # What a float is compared with, as the ONNX file has it.
    return (tree.feature[at], tree.threshold[at],
            sklearn_tree(tree, tree.children_left[at]),
            sklearn_tree(tree, tree.children_right[at]))


def lightgbm_tree(node):
    if "leaf_value" in node:
        return ("leaf", node["leaf_value"])
    return (node["split_feature"], node["threshold"],
            lightgbm_tree(node["left_child"]),
            lightgbm_tree(node["right_child"]))


# --- models -------------------------------------------------------------------

def to_file(path, model):
    path.write_bytes(model.SerializeToString())


def float_input(kind):
    return [("x", kind([None, FEATURES]))]


def lightgbm_boosting(folder):
    import lightgbm
    import onnxmltools
    import treelite
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, _, label = training_data()
    booster = lightgbm.train(
        {"objective": "binary", "num_leaves": LEAVES, "verbose": -1,
         "num_threads": 1, "seed": 1, "deterministic": True},
        lightgbm.Dataset(x, label), TREES)
    booster.save_model(folder / "boosting-lightgbm.txt")
    to_file(folder / "boosting-lightgbm.onnx", onnxmltools.convert_lightgbm(
        booster, initial_types=float_input(FloatTensorType), zipmap=False))
    write_pmml(folder / "boosting-lightgbm.pmml",
               [lightgbm_tree(t["tree_structure"])
                for t in booster.dump_model()["tree_info"]], "sum")
    compile_treelite(treelite.frontend.from_lightgbm(booster),
                     folder / "boosting-lightgbm.so")


def xgboost_boosting(folder):
    import onnxmltools
    import treelite
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    x, _, label = training_data()
    booster = xgboost.train(
        {"objective": "binary:logistic", "max_leaves": LEAVES, "max_depth": 0,
         "grow_policy": "lossguide", "nthread": 1, "seed": 1,
         "base_score": 0.5}, xgboost.DMatrix(x, label), TREES)
    booster.save_model(folder / "boosting-xgboost.json")
    to_file(folder / "boosting-xgboost.onnx", onnxmltools.convert_xgboost(
        booster, initial_types=float_input(FloatTensorType)))
    compile_treelite(treelite.frontend.from_xgboost(booster),
                     folder / "boosting-xgboost.so")


def random_forest(folder):
    import treelite
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestRegressor

    x, score, _ = training_data()
    forest = RandomForestRegressor(TREES, max_depth=DEPTH, max_features=1 / 3,
                                   n_jobs=1, random_state=1).fit(x, score)
    to_file(folder / "forest.onnx", to_onnx(forest, x[:1]))
    write_pmml(folder / "forest.pmml",
               [sklearn_tree(e.tree_) for e in forest.estimators_], "average")
    compile_treelite(treelite.sklearn.import_model(forest),
                     folder / "forest.so")


def compile_treelite(model, path):
    import tl2cgen

    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(path),
                       params={"parallel_comp": 50}, nthread=1)


def linear_models(folder):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, score, label = training_data()
    for name, model, target in (
            ("linear", LinearRegression(), score),
            ("logistic", make_pipeline(StandardScaler(),
                                       LogisticRegression()), label),
            ("mlp", MLPRegressor(hidden_layer_sizes=(64, 32),
                                  max_iter=20, random_state=1),
             score)):
        to_file(folder / (name + ".onnx"), to_onnx(
            model.fit(x, target), x[:1], options=(
                {id(model): {"zipmap": False}} if name == "logistic"
                else None)))


def resnet(folder):
    """ResNet-18's layers (He et al. 2015) with random weights."""
    import onnx
    from onnx import helper, numpy_helper

    random = numpy.random.default_rng(9)
    nodes, weights = [], []

    def constant(name, shape, scale, shift=0.0):
        value = random.standard_normal(shape) * scale + shift
        weights.append(numpy_helper.from_array(
            numpy.abs(value).astype(numpy.float32) if shift
            else value.astype(numpy.float32), name))
        return name

    def add(operator, inputs, **attributes):
        out = "v%d" % len(nodes)
        nodes.append(helper.make_node(operator, inputs, [out], **attributes))
        return out

    def conv(x, channels, filters, size, stride):
        name = "c%d" % len(nodes)
        scale = (2 / (channels * size * size)) ** 0.5
        x = add("Conv", [x, constant(name + "w",
                                     (filters, channels, size, size), scale)],
                kernel_shape=[size] * 2, strides=[stride] * 2,
                pads=[size // 2] * 4)
        return add("BatchNormalization",
                   [x, constant(name + "s", filters, 0.1, 1.0),
                    constant(name + "b", filters, 0.1),
                    constant(name + "m", filters, 0.1),
                    constant(name + "v", filters, 0.1, 1.0)])

    x = add("Relu", [conv("x", 3, 64, 7, 2)])
    x = add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2],
            pads=[1] * 4)
    channels = 64
    for filters, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2),
                            (256, 1), (512, 2), (512, 1)):
        y = add("Relu", [conv(x, channels, filters, 3, stride)])
        y = conv(y, filters, filters, 3, 1)
        if stride != 1:
            x = conv(x, channels, filters, 1, stride)
        x = add("Relu", [add("Add", [y, x])])
        channels = filters
    x = add("Flatten", [add("GlobalAveragePool", [x])])
    nodes.append(helper.make_node(
        "Gemm", [x, constant("fw", (1000, 512), 0.04),
                 constant("fb", 1000, 0.01)], ["y"], transB=1))
    graph = helper.make_graph(
        nodes, "resnet18",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT,
                                       ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT,
                                       ["n", 1000])], weights)
    to_file(folder / "resnet18.onnx", helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]))


STEPS = {"rows": write_batch, "boosting-lightgbm": lightgbm_boosting,
         "boosting-xgboost": xgboost_boosting, "forest": random_forest,
         "linear": linear_models, "resnet18": resnet}


def make(folder, steps=None):
    """Make what is not there yet, or was made by another version of this."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in steps or STEPS:
        done = folder / (name + ".made")
        if not done.exists():
            print("making %s ..." % name, flush=True)
            STEPS[name](folder)
            done.touch()
    return folder
