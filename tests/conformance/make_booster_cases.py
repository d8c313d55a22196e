#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/boosters: small models of XGBoost and LightGBM, one
for each objective, booster and kind of split, with rows and the trainer's own
answers. Needs xgboost, lightgbm and pandas; the files are kept in the tree, so
this runs only when a case is added.

usage: make_booster_cases.py [FOLDER]
"""
import csv
import pathlib
import sys

import lightgbm
import numpy as np
import pandas
import xgboost

ROWS, SCORED, COLUMNS = 120, 24, 3


def data(seed):
    """Features with missing values, and a sum that the labels follow."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(ROWS, COLUMNS)), 2)
    x[rng.random(x.shape) < 0.1] = np.nan
    return rng, x, np.nansum(x, 1)


def cell(value):
    if value is None or value != value:
        return ""
    return value if isinstance(value, str) else repr(float(value))


def write(path, columns, rows):
    with open(path, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        out.writerows([cell(value) for value in row] for row in rows)


def names(name, values):
    """Columns of an answer: name, or name[k]."""
    values = np.asarray(values)
    values = values.reshape(len(values), -1)
    width = values.shape[1]
    return [name] if width == 1 else [f"{name}[{k}]" for k in range(width)], \
        values


def save_answers(folder, case, frame, answers):
    columns, parts = [], []
    for name, values in answers:
        heads, matrix = names(name, values)
        columns += heads
        parts.append(matrix[:SCORED])
    write(folder / f"{case}.rows.csv", list(frame.columns),
          frame.head(SCORED).itertuples(index=False))
    write(folder / f"{case}.answers.csv", columns, np.hstack(parts))


def labels(objective, z, rng, classes):
    if objective.startswith(("multi", "rank_", "lambdarank")):
        edges = np.linspace(-1, 1, classes - 1)
        return np.digitize(z, edges)
    if objective in ("binary", "binary:logistic", "binary:logitraw",
                     "binary:hinge", "rank:map"):
        return (z > 0).astype(int)
    if objective.startswith("rank"):
        return np.digitize(z, [-0.5, 0.5])
    if objective in ("reg:logistic", "cross_entropy", "cross_entropy_lambda"):
        return 1 / (1 + np.exp(-z))
    if objective in ("count:poisson", "poisson"):
        return rng.poisson(np.exp(z / 3))
    if objective in ("reg:gamma", "reg:tweedie", "survival:cox",
                     "reg:squaredlogerror", "gamma", "tweedie", "mape"):
        return np.exp(z / 3) + 0.1
    return z + rng.normal(size=ROWS) * 0.1


XGBOOST = {
    **{o.replace(":", "-"): {"objective": o} for o in (
        "reg:squarederror", "reg:squaredlogerror", "reg:logistic",
        "reg:pseudohubererror", "reg:absoluteerror", "binary:logistic",
        "binary:logitraw", "binary:hinge", "count:poisson", "survival:cox",
        "survival:aft", "rank:ndcg", "rank:map", "rank:pairwise",
        "reg:gamma", "reg:tweedie")},
    "reg-quantileerror": {"objective": "reg:quantileerror",
                          "quantile_alpha": [0.1, 0.5, 0.9]},
    "multi-softmax": {"objective": "multi:softmax", "num_class": 3},
    "multi-softprob": {"objective": "multi:softprob", "num_class": 3},
    "dart": {"objective": "binary:logistic", "booster": "dart",
             "rate_drop": 0.5},
    "gblinear": {"objective": "reg:squarederror", "booster": "gblinear"},
    "gblinear-softprob": {"objective": "multi:softprob", "num_class": 3,
                          "booster": "gblinear"},
    "parallel-trees": {"objective": "reg:squarederror",
                       "num_parallel_tree": 2, "subsample": 0.7},
    "base-score": {"objective": "binary:logistic", "base_score": 0.2},
    "categories": {"objective": "reg:squarederror", "max_cat_to_onehot": 1},
    "categories-one-hot": {"objective": "reg:squarederror",
                           "max_cat_to_onehot": 100},
    "targets": {"objective": "reg:squarederror"},
    "vector-leaves": {"objective": "reg:squarederror",
                      "multi_strategy": "multi_output_tree",
                      "tree_method": "hist"},
}


def make_xgboost(folder, case, options, seed):
    rng, x, z = data(seed)
    frame = pandas.DataFrame(x.astype(np.float32),
                             columns=[f"x{k}" for k in range(COLUMNS)])
    y = labels(options["objective"], z, rng, 3)
    if case.startswith("categories"):
        codes = rng.integers(0, 6, ROWS)
        frame["c"] = pandas.Categorical.from_codes(codes, range(6))
        y = y + codes % 3
    if case in ("targets", "vector-leaves"):
        y = np.stack([y, -2 * y], 1)
    matrix = xgboost.DMatrix(frame, enable_categorical=True)
    if options["objective"] == "survival:aft":
        time = np.exp(z / 3)
        matrix.set_float_info("label_lower_bound", time)
        matrix.set_float_info("label_upper_bound", time * 1.5)
    else:
        matrix.set_label(y)
    if options["objective"].startswith("rank"):
        matrix.set_group([ROWS // 4] * 4)
    model = xgboost.train({"max_depth": 2, "eta": 0.5, "nthread": 1,
                           "seed": seed, **options}, matrix, 3)
    suffix = "ubj" if seed % 2 else "json"
    path = folder / f"xgboost-{case}.{suffix}"
    model.save_model(path)
    again = xgboost.Booster(model_file=path)
    save_answers(folder, f"xgboost-{case}", frame, [
        ("prediction", again.predict(matrix)),
        ("margin", again.predict(matrix, output_margin=True))])


LIGHTGBM = {
    **{o: {"objective": o} for o in (
        "regression", "regression_l1", "huber", "fair", "poisson", "quantile",
        "mape", "gamma", "tweedie", "cross_entropy", "cross_entropy_lambda",
        "lambdarank", "rank_xendcg")},
    "sqrt": {"objective": "regression", "reg_sqrt": True},
    "binary": {"objective": "binary", "sigmoid": 0.7},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "multiclassova": {"objective": "multiclassova", "num_class": 3,
                      "sigmoid": 2.0},
    "linear-trees": {"objective": "regression", "linear_tree": True},
    "categories": {"objective": "regression", "max_cat_to_onehot": 1,
                   "min_data_per_group": 1, "cat_smooth": 1},
    "zero-as-missing": {"objective": "regression", "zero_as_missing": True},
    "no-missing": {"objective": "regression", "use_missing": False},
    "forest": {"objective": "binary", "boosting": "rf",
               "bagging_fraction": 0.6, "bagging_freq": 1},
    "dart": {"objective": "regression", "boosting": "dart"},
}


def make_lightgbm(folder, case, options, seed):
    rng, x, z = data(seed)
    if case in ("zero-as-missing", "no-missing"):
        x[rng.random(x.shape) < 0.2] = 0
    frame = pandas.DataFrame(x, columns=[f"x{k}" for k in range(COLUMNS)])
    y = labels(options["objective"], z, rng, 3)
    if case == "categories":
        codes = rng.integers(0, 6, ROWS)
        frame["c"] = pandas.Categorical([f"level {k}" for k in codes])
        y = y + codes % 3
    train = lightgbm.Dataset(frame, label=y)
    if "rank" in options["objective"]:
        train.set_group([ROWS // 4] * 4)
    model = lightgbm.train({"num_leaves": 4, "min_data_in_leaf": 5,
                            "num_threads": 1, "verbose": -1, "seed": seed,
                            "learning_rate": 0.3, **options}, train, 3)
    path = folder / f"lightgbm-{case}.txt"
    model.save_model(path)
    again = lightgbm.Booster(model_file=path)
    save_answers(folder, f"lightgbm-{case}", frame, [
        ("prediction", again.predict(frame)),
        ("raw_score", again.predict(frame, raw_score=True))])


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else \
        pathlib.Path(__file__).resolve().parents[1] / "data/boosters"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (case, options) in enumerate(XGBOOST.items()):
        make_xgboost(folder, case, options, seed)
    for seed, (case, options) in enumerate(LIGHTGBM.items()):
        make_lightgbm(folder, case, options, seed)


if __name__ == "__main__":
    main()
