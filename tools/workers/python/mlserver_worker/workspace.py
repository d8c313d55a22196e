# SPDX-License-Identifier: Apache-2.0
"""The namespace that code runs in, and its objects as bytes.

Everything runs in one module called __main__: functions sent by clients look
up models as its globals, and dill restores classes into it.
"""

import builtins
import io
import os
import sys
import types
import zipfile

OBJECT_PREFIX = "workspace/"
FILE_PREFIX = "files/"


class LoadError(Exception):
    """Stored objects could not be loaded; the message names them."""


def new_main():
    """A fresh __main__ module; returns its namespace."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module.__dict__


def load_object(namespace, name, data):
    import dill
    try:
        namespace[name] = dill.loads(data)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LoadError("object '%s' could not be loaded: %s: %s"
                        % (name, type(error).__name__, error))


def dump_object(value):
    import dill
    return dill.dumps(value)


def is_object(name, value):
    """Whether a global is a user's object rather than machinery."""
    return not name.startswith("__") and not isinstance(
        value, types.ModuleType)


def names(namespace):
    return sorted(n for n, v in namespace.items() if is_object(n, v))


def safe_path(name):
    """A relative path without tricks, or ValueError."""
    if not name or len(name) > 512 or "\0" in name or "\\" in name:
        raise ValueError("'%s' is not a usable file name" % name)
    parts = name.split("/")
    if name.startswith("/") or any(p in ("", ".", "..") for p in parts):
        raise ValueError("'%s' is not a usable file name" % name)
    return name


def read_snapshot(fd):
    """(objects, files): two dicts of bytes by name, from a zip."""
    objects, files = {}, {}
    with zipfile.ZipFile(io.FileIO(os.dup(fd), closefd=True)) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            if entry.filename.startswith(OBJECT_PREFIX):
                objects[entry.filename[len(OBJECT_PREFIX):]] = \
                    archive.read(entry)
            elif entry.filename.startswith(FILE_PREFIX):
                name = safe_path(entry.filename[len(FILE_PREFIX):])
                files[name] = archive.read(entry)
    return objects, files


def write_files(folder, files):
    for name, data in files.items():
        path = os.path.join(folder, safe_path(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(data)


def list_files(folder):
    """Relative paths of the plain files below a folder, sorted."""
    found = []
    for top, folders, entries in os.walk(folder):
        folders.sort()
        for entry in entries:
            path = os.path.join(top, entry)
            if os.path.isfile(path) and not os.path.islink(path):
                found.append(os.path.relpath(path, folder))
    return sorted(found)


def write_snapshot(fd, namespace, folder):
    """Write workspace and folder as a zip to `fd`; returns what went in and
    what could not be serialised, with the reasons."""
    import dill  # noqa: F401  (fails early, before anything is written)
    unpicklable, kept = [], []
    paths = list_files(folder)
    with zipfile.ZipFile(io.FileIO(os.dup(fd), "wb"), "w",
                         zipfile.ZIP_DEFLATED) as archive:
        for name in names(namespace):
            try:
                data = dump_object(namespace[name])
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                unpicklable.append({"name": name, "reason": "%s: %s" % (
                    type(error).__name__, error)})
                continue
            archive.writestr(OBJECT_PREFIX + name, data)
            kept.append(name)
        for name in paths:
            archive.write(os.path.join(folder, name), FILE_PREFIX + name)
    return {"objects": kept, "files": paths, "unpicklable": unpicklable,
            "size": os.fstat(fd).st_size}
