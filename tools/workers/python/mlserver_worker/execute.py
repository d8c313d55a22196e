# SPDX-License-Identifier: Apache-2.0
"""Run code on inputs, and make the result of what it left behind."""

import base64
import os
import sys
import traceback

from . import convert, workspace


def snapshot_files(folder):
    """State of each file, to tell later which changed."""
    states = {}
    for name in workspace.list_files(folder):
        try:
            info = os.stat(os.path.join(folder, name))
        except OSError:
            continue
        states[name] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return states


def changed_files(folder, before):
    after = snapshot_files(folder)
    return sorted(n for n, state in after.items() if before.get(n) != state)


def error_text(error):
    text = "".join(traceback.format_exception_only(type(error), error))
    return text.strip()


def user_traceback(error, marker):
    """The traceback from the user's code on, without the runtime's frames."""
    frames = error.__traceback__
    while frames is not None and \
            frames.tb_frame.f_code.co_filename != marker:
        frames = frames.tb_next
    return "".join(traceback.format_exception(
        type(error), error, frames or error.__traceback__))


def run_code(code, namespace, name):
    """Compile and run; linecache knows the text, so tracebacks show lines."""
    import linecache
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    exec(compile(code, name, "exec", dont_inherit=True), namespace)


def result(success=True, error="", outputs=None, files=None, console="",
           changed=None, trace="", kind="ok"):
    return {"success": success, "errorMessage": error,
            "outputParameters": outputs or {}, "outputFiles": files or {},
            "consoleOutput": console, "changedFiles": changed or [],
            "traceback": trace, "kind": kind}


def collect_files(folder, declared, limit):
    """Declared output files as base64, null for those not made."""
    files, total = {}, 0
    for name in declared:
        path = os.path.join(folder, workspace.safe_path(name))
        if os.path.islink(path) or not os.path.isfile(path):
            files[name] = None
            continue
        total += os.path.getsize(path)
        if total > limit:
            raise convert.OutputError(
                "output files are larger than the limit of %d bytes" % limit)
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as source:
            files[name] = base64.b64encode(source.read()).decode()
    return files


def null_outputs(definition):
    return {o["name"]: None for o in definition.get("outputs", ())}


def null_files(definition):
    return {name: None for name in definition.get("outputFileNames", ())}


def run_request(definition, namespace, values, console, folder):
    """One consume call: inputs in, code run, outputs out. Never raises for
    what the caller or the code did wrong."""
    name = "<code>"
    before = snapshot_files(folder)

    def failed(kind, error, trace=""):
        return result(False, error, null_outputs(definition),
                      null_files(definition), console.text(),
                      changed_files(folder, before), trace, kind)

    try:
        inputs = convert.convert_inputs(definition.get("inputs", ()), values)
    except convert.InputError as error:
        return failed("input", str(error))
    namespace.update(inputs)
    try:
        run_code(definition.get("code", ""), namespace, name)
    except SystemExit as error:
        if error.code not in (None, 0):
            return failed("code", "the code called exit(%r)" % (error.code,))
    except BaseException as error:
        text = error_text(error)
        if isinstance(error, OSError) and console.is_full():
            text = "the code printed more than %d bytes" % console.size()
        return failed("code", text, user_traceback(error, name))
    try:
        outputs = convert.convert_outputs(
            definition.get("outputs", ()), namespace)
        limit = definition.get("limits", {}).get("files", 64 << 20)
        files = collect_files(folder, definition.get("outputFileNames", ()),
                              limit)
    except (convert.OutputError, ValueError, OSError) as error:
        return failed("code", str(error))
    except BaseException as error:
        return failed("code", error_text(error))
    return result(True, "", outputs, files, console.text(),
                  changed_files(folder, before))


def reseed():
    """New random numbers for this process; a fork copies the generators."""
    seed = os.urandom(32)
    if "random" in sys.modules:
        sys.modules["random"].seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed(
            [int.from_bytes(seed[i:i + 4], "little") for i in
             range(0, 32, 4)])
