# SPDX-License-Identifier: Apache-2.0
"""The same function behind FastAPI; MODEL is the pickled model's file."""
import os
import pickle

import pandas
from fastapi import Body, FastAPI

from service import FUNCTION

with open(os.environ["MODEL"], "rb") as source:
    model = pickle.load(source)
exec(FUNCTION)  # pylint: disable=exec-used
app = FastAPI()


@app.post("/score")
async def call(frame: dict = Body()):
    answer = score(model, pandas.DataFrame(frame["frame"]))  # noqa: F821
    return {"answer": answer.to_dict("list")}
