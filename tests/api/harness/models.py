# SPDX-License-Identifier: Apache-2.0
"""Models that the tests publish: written here, so that each test can say what
the right answer is without the code under test."""
import random

from . import env

HEAD = ('<?xml version="1.0"?><PMML version="4.4" '
        'xmlns="http://www.dmg.org/PMML-4_4"><Header/>')


def iris():
    """The example of the README: bytes of examples/model.pmml."""
    return (env.ROOT / "examples" / "model.pmml").read_bytes()


def iris_answer(length, width):
    """What that model says of one flower."""
    if length < 2.45:
        return "setosa"
    return "versicolor" if width < 1.75 else "virginica"


def linear(slope, intercept=0.0, column="x", target="y"):
    """y = slope * x + intercept."""
    return (HEAD + """
<DataDictionary>
 <DataField name="{c}" optype="continuous" dataType="double"/>
 <DataField name="{t}" optype="continuous" dataType="double"/>
</DataDictionary>
<RegressionModel functionName="regression">
 <MiningSchema><MiningField name="{c}"/>
  <MiningField name="{t}" usageType="target"/></MiningSchema>
 <RegressionTable intercept="{i!r}">
  <NumericPredictor name="{c}" coefficient="{s!r}"/>
 </RegressionTable>
</RegressionModel></PMML>""".format(c=column, t=target, i=float(intercept),
                                   s=float(slope))).encode()


def regression(inputs):
    """y = 1 + the sum of (k + 1) times xk."""
    fields = "".join('<DataField name="x%d" optype="continuous" '
                     'dataType="double"/>' % k for k in range(inputs))
    mining = "".join('<MiningField name="x%d"/>' % k for k in range(inputs))
    terms = "".join('<NumericPredictor name="x%d" coefficient="%d"/>'
                    % (k, k + 1) for k in range(inputs))
    return (HEAD + """
<DataDictionary>{fields}
 <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
<RegressionModel functionName="regression">
 <MiningSchema>{mining}<MiningField name="y" usageType="target"/>
 </MiningSchema>
 <RegressionTable intercept="1">{terms}</RegressionTable>
</RegressionModel></PMML>""".format(fields=fields, mining=mining,
                                   terms=terms)).encode()


def constant(value):
    """A model that always answers `value` for y (x is needed, not used)."""
    return linear(0.0, value)


def typed():
    """One input of each wire type; y = a + b + (flag ? 10 : 0) + (red ? 100).
    'a' refuses values outside 0..1000 (returnInvalid)."""
    return (HEAD + """
<DataDictionary>
 <DataField name="a" optype="continuous" dataType="double">
  <Interval closure="closedClosed" leftMargin="0" rightMargin="1000"/>
 </DataField>
 <DataField name="b" optype="continuous" dataType="integer"/>
 <DataField name="flag" optype="categorical" dataType="boolean"/>
 <DataField name="colour" optype="categorical" dataType="string">
  <Value value="red"/><Value value="green"/></DataField>
 <DataField name="y" optype="continuous" dataType="double"/>
</DataDictionary>
<RegressionModel functionName="regression">
 <MiningSchema>
  <MiningField name="a" invalidValueTreatment="returnInvalid"/>
  <MiningField name="b"/>
  <MiningField name="flag"/>
  <MiningField name="colour" invalidValueTreatment="asIs"/>
  <MiningField name="y" usageType="target"/></MiningSchema>
 <RegressionTable intercept="0">
  <NumericPredictor name="a" coefficient="1"/>
  <NumericPredictor name="b" coefficient="1"/>
  <CategoricalPredictor name="flag" value="true" coefficient="10"/>
  <CategoricalPredictor name="colour" value="red" coefficient="100"/>
 </RegressionTable>
</RegressionModel></PMML>""").encode()


def forest(trees=500, inputs=30, depth=5, seed=1):
    """A regression forest of full trees over x0 ... (sum of the trees)."""
    rng = random.Random(seed)
    names = ["x%d" % i for i in range(inputs)]
    out = [HEAD, "<DataDictionary>"]
    out += ['<DataField name="%s" optype="continuous" dataType="double"/>' % n
            for n in names + ["y"]]
    fields = "".join('<MiningField name="%s"/>' % n for n in names)
    out.append('</DataDictionary><MiningModel functionName="regression">'
               '<MiningSchema>%s<MiningField name="y" usageType="target"/>'
               '</MiningSchema><Segmentation multipleModelMethod="sum">'
               % fields)

    def node(level, predicate):
        if level == depth:
            out.append('<Node score="%.6g">%s</Node>'
                       % (rng.uniform(-1, 1), predicate))
            return
        name, value = rng.choice(names), "%.6g" % rng.uniform(-2, 2)
        out.append("<Node>" + predicate)
        for operator in ("lessOrEqual", "greaterThan"):
            node(level + 1, '<SimplePredicate field="%s" operator="%s" '
                 'value="%s"/>' % (name, operator, value))
        out.append("</Node>")

    for i in range(trees):
        out.append('<Segment id="%d"><True/><TreeModel '
                   'functionName="regression" '
                   'splitCharacteristic="binarySplit"><MiningSchema>%s'
                   '</MiningSchema>' % (i + 1, fields))
        node(0, "<True/>")
        out.append("</TreeModel></Segment>")
    out.append("</Segmentation></MiningModel></PMML>")
    return "".join(out).encode()


def boosted(trees, inputs=30, depth=12, seed=1):
    """Full trees over x0 ... as LightGBM writes them: big models whose text
    is small enough to upload."""
    rng = random.Random(seed)
    inner, leaves = 2 ** depth - 1, 2 ** depth
    out = ["tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\n"
           "label_index=0\nmax_feature_idx=%d\nobjective=regression\n"
           "feature_names=%s\nfeature_infos=%s\n" % (
               inputs - 1, " ".join("x%d" % i for i in range(inputs)),
               " ".join(["[-10:10]"] * inputs))]

    def child(i):
        return i if i < inner else inner - i - 1

    def line(name, values):
        return "%s=%s\n" % (name, " ".join(map(str, values)))
    shape = (line("decision_type", [2] * inner)
             + line("left_child", [child(2 * i + 1) for i in range(inner)])
             + line("right_child", [child(2 * i + 2) for i in range(inner)]))
    for tree in range(trees):
        out.append("\nTree=%d\nnum_leaves=%d\nnum_cat=0\n" % (tree, leaves)
                   + line("split_feature", [rng.randrange(inputs)
                                            for _ in range(inner)])
                   + line("threshold", ["%.5f" % rng.uniform(-2, 2)
                                        for _ in range(inner)])
                   + shape
                   + line("leaf_value", ["%.5f" % rng.uniform(-1, 1)
                                         for _ in range(leaves)])
                   + "is_linear=0\nshrinkage=1\n\n")
    out.append("\nend of trees\n\npandas_categorical:null\n")
    return "".join(out).encode()
