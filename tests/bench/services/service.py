# SPDX-License-Identifier: Apache-2.0
"""The function that is measured, as a program of its own and as the code of a
service: a scikit-learn model, a data frame in and out."""
import base64
import pickle

COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
ROWS = 10


def train():
    """A fitted pipeline, pickled."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    import pandas
    data, target = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(pandas.DataFrame(data, columns=COLUMNS), target)
    return pickle.dumps(model)


def request():
    """The request's columns."""
    from sklearn.datasets import load_iris
    data = load_iris().data[::15][:ROWS]
    return {name: [float(row[i]) for row in data]
            for i, name in enumerate(COLUMNS)}


# What both servers run for a call: `frame` to `answer`.
FUNCTION = '''
def score(model, frame):
    probability = model.predict_proba(frame)
    answer = frame.copy()
    answer["species"] = model.classes_[probability.argmax(axis=1)]
    answer["probability"] = probability.max(axis=1)
    return answer
'''


def init_code(model):
    """Init code that loads the model and, as docs/howto/pools.md advises, calls
    the function with made-up values, so that no caller is the first."""
    return ("import base64, pickle, pandas\n"
            "model = pickle.loads(base64.b64decode(%r))\n"
            % base64.b64encode(model).decode() + FUNCTION
            + "for _ in range(10):\n"
              "    score(model, pandas.DataFrame({n: [1.0, 2.0] for n in %r}))"
              "\n" % COLUMNS)
