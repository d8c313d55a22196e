# SPDX-License-Identifier: Apache-2.0
"""Which packages this interpreter has: asked once by the supervisor."""

import json
import os
from importlib import metadata


def installed():
    """[{"name", "version"}], sorted by name, each name once: the first found
    is the one that is imported."""
    found = {}
    for one in metadata.distributions():
        name = one.metadata["Name"] if one.metadata else None
        if name and name.lower() not in found:
            found[name.lower()] = {"name": name, "version": one.version or ""}
    return [found[name] for name in sorted(found)]


def serve(control, message, descriptors, programs):
    fd = os.memfd_create("packages", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "w", encoding="utf-8") as out:
        json.dump(installed(), out)
    control.send({"op": "packages"}, [fd])
    os.close(fd)
