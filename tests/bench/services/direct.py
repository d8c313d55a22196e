# SPDX-License-Identifier: Apache-2.0
"""Time the function called directly, as an interpreter of its own does it;
prints milliseconds at the 50th percentile. Argument: the model's file."""
import pickle
import sys
import time

import pandas

import service

exec(service.FUNCTION)  # pylint: disable=exec-used
if len(sys.argv) > 2 and sys.argv[2] == "make":
    with open(sys.argv[1], "wb") as out:
        out.write(service.train())
    sys.exit()
with open(sys.argv[1], "rb") as source:
    model = pickle.load(source)
frame = pandas.DataFrame(service.request())
times = []
for _ in range(500):
    began = time.perf_counter()
    score(model, frame)  # noqa: F821
    times.append(time.perf_counter() - began)
print("%.3f" % (sorted(times)[len(times) // 2] * 1000))
