# SPDX-License-Identifier: Apache-2.0
"""Between JSON and Python values: what code sees, what a caller gets."""
import json
import math

import numpy
import pandas
import pytest
import harness  # noqa: F401  (finds the worker's package)

from mlserver_worker.convert import (InputError, OutputError, convert_inputs,
                                     convert_outputs)
from mlserver_worker.proto import encode


def seen(kind, value):
    """What code gets for an input of this type."""
    return convert_inputs([{"name": "x", "type": kind}], {"x": value})["x"]


def answered(kind, value):
    """What a caller gets, after the way through JSON."""
    outputs = convert_outputs([{"name": "y", "type": kind}], {"y": value})
    return json.loads(encode(outputs))["y"]


@pytest.mark.parametrize("kind, value, result", [
    ("numeric", 3, 3.0),
    ("integer", 1.0, 1),
    ("logical", 0, False),
    ("character", "", ""),
    ("vector", [1, 2], numpy.array([1, 2])),
    ("vector", [None, 1], numpy.array([math.nan, 1.0])),
    ("vector", ["a", None], numpy.array(["a", None], dtype=object)),
    ("vector", [], numpy.array([], dtype=float)),
    ("matrix", [[1, 2], [3, 4]], numpy.matrix([[1, 2], [3, 4]])),
    ("matrix", [[1, None]], numpy.matrix([[1.0, math.nan]])),
])
def test_inputs(kind, value, result):
    got = seen(kind, value)
    assert type(got) is type(result)
    if isinstance(result, numpy.ndarray):
        assert got.shape == result.shape and got.dtype == result.dtype
        numpy.testing.assert_array_equal(got, result)
    else:
        assert got == result


@pytest.mark.parametrize("kind", ["numeric", "integer", "logical",
                                  "character", "vector", "matrix",
                                  "data.frame"])
def test_null_is_none_for_every_type(kind):
    assert seen(kind, None) is None
    assert answered(kind, None) is None


@pytest.mark.parametrize("kind, value, words", [
    ("numeric", "x", "a number"), ("numeric", True, "a number"),
    ("numeric", [1.5], "a number"), ("integer", 1.5, "whole number"),
    ("integer", "1", "whole number"), ("logical", "true", "true or false"),
    ("character", 1, "text"), ("vector", 5, "an array"),
    ("vector", [[1]], "plain values"), ("matrix", [1, 2], "row arrays"),
    ("matrix", [[1], [2, 3]], "different lengths"),
    ("data.frame", {"a": [1, 2], "b": [1]}, "a 2, b 1"),
    ("data.frame", [[1]], "object of columns"),
])
def test_inputs_of_the_wrong_type(kind, value, words):
    with pytest.raises(InputError, match=words) as caught:
        seen(kind, value)
    assert "input 'x' (%s)" % kind in str(caught.value)


def test_a_missing_input_is_named():
    with pytest.raises(InputError, match=r"input 'x' \(numeric\) is missing"):
        convert_inputs([{"name": "x", "type": "numeric"}], {"z": 1})


@pytest.mark.parametrize("value, result", [
    ({"b": [1, 2], "a": ["x", None]}, {"b": [1, 2], "a": ["x", None]}),
    ({"a": 1}, {"a": [1]}),
    ([{"a": 1}, {"a": 2}], {"a": [1, 2]}),
    ({"a": []}, {"a": []}),
])
def test_frames(value, result):
    frame = seen("data.frame", value)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == list(result)
    assert frame.to_dict("list") == result


@pytest.mark.parametrize("kind, value, result", [
    ("numeric", numpy.float32(1.5), 1.5),
    ("numeric", numpy.array([[1.5]]), 1.5),
    ("numeric", pandas.Series([1.5]), 1.5),
    ("numeric", math.nan, None),
    ("numeric", math.inf, None),
    ("integer", numpy.int64(3), 3),
    ("integer", 2 ** 60, 2 ** 60),
    ("logical", numpy.bool_(True), True),
    ("character", 5, "5"),
    ("character", pandas.Timestamp("2020-01-02"), "2020-01-02T00:00:00"),
    ("character", "half a pair: \ud800.", "half a pair: \ufffd."),
    ("character", "\U0001F600\0", "\U0001F600\0"),
    ("vector", range(3), [0, 1, 2]),
    ("vector", numpy.array([1, math.nan]), [1, None]),
    ("vector", 5, [5]),
    ("matrix", numpy.array([1, 2]), [[1, 2]]),
    ("matrix", numpy.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ("matrix", pandas.DataFrame({"a": [1, 2]}), [[1], [2]]),
    ("data.frame", pandas.Series([1], name="z"), {"z": [1]}),
    ("data.frame", numpy.array([[1, 2]]), {"0": [1], "1": [2]}),
])
def test_outputs(kind, value, result):
    assert answered(kind, value) == result


@pytest.mark.parametrize("column, result", [
    (pandas.Series([1, 2]), [1, 2]),
    (pandas.Series([1.5, math.nan, math.inf]), [1.5, None, None]),
    (pandas.Series([1, None], dtype="Int64"), [1, None]),
    (pandas.Series([True, None], dtype="boolean"), [True, None]),
    (pandas.Series([True, False]), [True, False]),
    (pandas.Series(["u", "v"], dtype="category"), ["u", "v"]),
    (pandas.Series([0.1], dtype="float32"), [float(numpy.float32(0.1))]),
    (pandas.Series(pandas.to_datetime(["2020-01-01", None])),
     ["2020-01-01T00:00:00", None]),
    (pandas.Series(["x", None, numpy.int64(3)]), ["x", None, 3]),
])
def test_columns_of_frames(column, result):
    frame = pandas.DataFrame({"a": column}, index=range(len(column)))
    assert answered("data.frame", frame) == {"a": result}


@pytest.mark.parametrize("kind, value, words", [
    ("numeric", "5", "a str, not a number"),
    ("integer", 1.5, "not a whole number"),
    ("data.frame", pandas.DataFrame({"a": [1 + 2j]}), "no JSON form"),
    ("data.frame", pandas.DataFrame([[1, 2]], columns=["a", "a"]),
     "two columns named 'a'"),
])
def test_outputs_that_cannot_be_told(kind, value, words):
    with pytest.raises(OutputError, match=words) as caught:
        answered(kind, value)
    assert "output 'y' (%s)" % kind in str(caught.value)
