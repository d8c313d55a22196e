# SPDX-License-Identifier: Apache-2.0
"""The published client package, unmodified, on a current Python.

The package was written for Python 3.5 to 3.7. Two things of those days are
supplied from outside; no file of the package is changed:

- the module `imp`, which it imports but needs only for `use="name"`; current
  versions no longer have it;
- the 13-argument form of the code constructor, by which it builds a service's
  consume function: its `types` gets a CodeType that takes the old form.
"""
import sys
import types


def _provide_imp():
    try:
        import imp  # noqa: F401
    except ImportError:
        sys.modules["imp"] = types.ModuleType("imp")


def _code(argcount, kwonly, nlocals, stacksize, flags, code, consts, names,
          varnames, filename, name, firstlineno, _lnotab):
    """The old constructor's arguments, passed to the present one. Since 3.11
    the number of locals must be that of their names."""
    nlocals = max(nlocals, len(varnames))
    names_ = tuple(varnames) + tuple(
        "_local%d" % i for i in range(nlocals - len(varnames)))
    if sys.version_info < (3, 11):
        return types.CodeType(argcount, 0, kwonly, nlocals, stacksize, flags,
                              code, consts, names, names_, filename, name,
                              firstlineno, _lnotab)
    return types.CodeType(argcount, 0, kwonly, nlocals, stacksize, flags, code,
                          consts, names, names_, filename, name, name,
                          firstlineno, b"", b"")


def load():
    """(DeployClient, MLServer, HttpException) of the package."""
    _provide_imp()
    import azureml.common.utils as utils
    utils.types = types.SimpleNamespace(CodeType=_code,
                                        FunctionType=types.FunctionType)
    from azureml.deploy import DeployClient
    from azureml.deploy.server import MLServer
    from azureml.common.http_client import HttpException
    return DeployClient, MLServer, HttpException
