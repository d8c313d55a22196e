# SPDX-License-Identifier: Apache-2.0
"""Between the contract's JSON and Python values.

The declared types are logical, integer, numeric, character, vector, matrix and
data.frame. Libraries are imported when first needed, so that a service without
frames never loads pandas.
"""

import datetime
import decimal
import math
import sys


class InputError(Exception):
    """An input is missing or of the wrong type; the caller's mistake."""


# --- inputs ---------------------------------------------------------------

def _numpy():
    import numpy
    return numpy


def _pandas():
    import pandas
    return pandas


def _logical(value):
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    raise InputError("must be true or false")


def _integer(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError("must be a whole number")
    if isinstance(value, float) and not value.is_integer():
        raise InputError("must be a whole number, %r is not" % value)
    return int(value)


def _numeric(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if value == "NaN":
            return math.nan
        raise InputError("must be a number")
    try:
        return float(value)
    except OverflowError:
        raise InputError("is too large for a number")


def _character(value):
    if not isinstance(value, str):
        raise InputError("must be text")
    return value


def _vector(value):
    if not isinstance(value, list):
        raise InputError("must be an array")
    if any(isinstance(item, (list, dict)) for item in value):
        raise InputError("must be an array of plain values")
    return _array(value, value)


def _array(value, items):
    """An array; a null among numbers is not-a-number, as in a frame."""
    if any(item is None for item in items) and all(
            item is None or type(item) in (int, float) for item in items):
        return _numpy().array(value, dtype=float)
    return _numpy().array(value)


def _matrix(value):
    if not isinstance(value, list) or not all(
            isinstance(row, list) for row in value):
        raise InputError("must be an array of row arrays")
    if len({len(row) for row in value}) > 1:
        raise InputError("has rows of different lengths")
    items = [item for row in value for item in row]
    return _numpy().matrix(_array(value, items))


def _check_columns(value):
    lengths = {}
    for name, column in value.items():
        if isinstance(column, dict):
            raise InputError("column %r must be an array" % name)
        if isinstance(column, list):
            lengths[name] = len(column)
    if len(set(lengths.values())) > 1:
        raise InputError("has columns of different lengths: %s" % ", ".join(
            "%s %d" % pair for pair in lengths.items()))
    if lengths:
        return value
    return {name: [column] for name, column in value.items()}


def _data_frame(value):
    if isinstance(value, dict):
        return _pandas().DataFrame(_check_columns(value))
    if isinstance(value, list) and all(isinstance(r, dict) for r in value):
        return _pandas().DataFrame(value)
    raise InputError("must be an object of columns or an array of row objects")


INPUT = {
    "logical": _logical,
    "integer": _integer,
    "numeric": _numeric,
    "character": _character,
    "vector": _vector,
    "matrix": _matrix,
    "data.frame": _data_frame,
}


def convert_inputs(definitions, values):
    """The declared inputs as Python values, in declared order.

    A null is None for any type. Keys that are not declared are ignored.
    """
    if not isinstance(values, dict):
        raise InputError("the request must be a JSON object with a key for "
                         "each input")
    result = {}
    for definition in definitions:
        name = definition["name"]
        kind = definition.get("type", "character")
        if name not in values:
            raise InputError("input '%s' (%s) is missing" % (name, kind))
        value = values[name]
        if value is None:
            result[name] = None
            continue
        try:
            result[name] = INPUT[kind](value)
        except InputError as error:
            raise InputError("input '%s' (%s) %s" % (name, kind, error))
        except (ValueError, TypeError) as error:
            raise InputError("input '%s' cannot be made a %s: %s"
                             % (name, kind, error))
    return result


# --- outputs --------------------------------------------------------------

class OutputError(Exception):
    """A declared output is not of its declared type; the code's mistake."""


def _loaded(module):
    """The module when the code has loaded it; otherwise no value is of it."""
    return sys.modules.get(module)


def plain(value, depth=0):
    """Any value as JSON: not-a-number and infinities as null, times as ISO
    8601, arrays and frames as arrays and objects."""
    if depth > 26:  # the server reads results at most 32 deep
        raise OutputError("is nested too deeply")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    numpy, pandas = _loaded("numpy"), _loaded("pandas")
    if pandas is not None:
        if value is pandas.NA or value is pandas.NaT:
            return None
        if isinstance(value, pandas.DataFrame):
            return _frame_columns(value, depth)
        if isinstance(value, (pandas.Series, pandas.Index)):
            return [plain(item, depth + 1) for item in value.tolist()]
        if isinstance(value, (pandas.api.extensions.ExtensionArray,)):
            return [plain(item, depth + 1) for item in value.tolist()]
    if numpy is not None:
        if isinstance(value, numpy.datetime64):
            return None if numpy.isnat(value) else str(value)
        if isinstance(value, numpy.ndarray):
            return [plain(item, depth + 1) for item in value.tolist()]
        if isinstance(value, numpy.generic):
            return plain(value.item(), depth + 1)
    if isinstance(value, dict):
        return {str(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return plain(float(value), depth + 1)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    raise OutputError("is a %s, which has no JSON form" % type(value).__name__)


def _frame_columns(frame, depth):
    columns = {}
    for position, name in enumerate(frame.columns):
        if str(name) in columns:
            raise OutputError("has two columns named %r" % str(name))
        columns[str(name)] = _column(frame.iloc[:, position], depth)
    return columns


def _column(column, depth):
    dtype = column.dtype
    kind = dtype.kind if isinstance(dtype, _numpy().dtype) else "O"
    items = column.tolist()
    if kind in "bi":
        return items
    if kind == "f":
        return [item if math.isfinite(item) else None for item in items]
    return [plain(item, depth + 1) for item in items]


def _single(value):
    """The one element of a one-element array, series or list."""
    for _ in range(4):
        if isinstance(value, (list, tuple)) and len(value) == 1:
            value = value[0]
        elif not isinstance(value, (str, bytes, dict)) and \
                getattr(value, "size", 0) == 1 and hasattr(value, "item"):
            value = value.item()
        else:
            break
    return value


def _output_scalar(accept, make, name):
    def convert(value):
        value = plain(_single(value))
        if value is None:
            return None
        if not isinstance(value, accept):
            raise OutputError("is a %s, not %s" % (type(value).__name__, name))
        return make(value)
    return convert


def _whole(value):
    if isinstance(value, float) and not value.is_integer():
        raise OutputError("is %r, not a whole number" % value)
    return int(value)


def _output_vector(value):
    value = plain(value)
    if isinstance(value, dict):
        return value
    return value if isinstance(value, list) else [value]


def _output_matrix(value):
    numpy = _loaded("numpy")
    if isinstance(value, getattr(numpy, "ndarray", ())) and value.ndim < 3:
        value = numpy.matrix(value)  # one dimension is one row
    value = plain(value)
    if isinstance(value, dict):
        columns = list(value.values())
        return [list(row) for row in zip(*columns)]
    if not isinstance(value, list):
        return [[value]]
    return [row if isinstance(row, list) else [row] for row in value]


def _output_frame(value):
    pandas = _loaded("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        value = value.to_frame(name=value.name if value.name is not None
                               else "0")
    value = plain(value)
    if isinstance(value, dict):
        return {k: v if isinstance(v, list) else [v]
                for k, v in value.items()}
    if isinstance(value, list) and all(isinstance(r, dict) for r in value):
        return value
    if isinstance(value, list) and value and all(
            isinstance(r, list) for r in value):
        return {str(k): list(c) for k, c in enumerate(zip(*value))}
    return {"0": value if isinstance(value, list) else [value]}


OUTPUT = {
    "logical": _output_scalar((bool, int), bool, "logical"),
    "integer": _output_scalar((int, float), _whole, "a whole number"),
    "numeric": _output_scalar((int, float), float, "a number"),
    "character": _output_scalar((str, int, float, bool), str, "text"),
    "vector": _output_vector,
    "matrix": _output_matrix,
    "data.frame": _output_frame,
}


def convert_outputs(definitions, namespace):
    """The declared outputs found in `namespace`; absent ones are null."""
    result = {}
    for definition in definitions:
        name = definition["name"]
        kind = definition.get("type", "character")
        value = namespace.get(name)
        if value is None:
            result[name] = None
            continue
        try:
            result[name] = OUTPUT.get(kind, plain)(value)
        except OutputError as error:
            raise OutputError("output '%s' (%s) %s" % (name, kind, error))
    return result
