#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls go down only: httpd glue -> lib/mls -> lib/mlscore.

Looks at what each layer includes and at the symbols of what was built.
"""
import re
import subprocess

from tap import BUILD, Tap, files, text

HTTPD = re.compile(r"^(httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|mpm_common|"
                   r"scoreboard)\.h$")
APR = re.compile(r"^(apr|apu)\w*\.h$")
tap = Tap()


def includes(name):
    return re.findall(r'^\s*#\s*include\s+[<"]([^">]+)[">]', text(name), re.M)


def check(what, patterns, bad):
    """Say which files include a header for which bad(header, file) holds."""
    problems = []
    for name in files(*patterns):
        problems += ["%s includes %s" % (name, header)
                     for header in includes(name) if bad(header, name)]
    tap.say(what, problems)


MLS_FOLDERS = tuple({name.split("/")[2] + "/" for name in files("lib/mls/*")
                     if name.count("/") > 2})
MLSCORE_FOLDERS = tuple({name.split("/")[2] + "/"
                         for name in files("lib/mlscore/*")
                         if name.count("/") > 2} - {"include/"})
MLS_ONLY = tuple(set(MLS_FOLDERS) - set(MLSCORE_FOLDERS))
MLSCORE_ONLY = tuple(set(MLSCORE_FOLDERS) - set(MLS_FOLDERS))

check("libmlscore knows neither APR nor httpd nor libmls",
      ["lib/mlscore/*.[ch]", "tools/mlscore/*.[ch]"],
      lambda header, _: APR.match(header) or HTTPD.match(header)
      or header.startswith(MLS_ONLY))
check("libmls knows nothing of httpd", ["lib/mls/*.[ch]", "tools/*.[ch]"],
      lambda header, _: HTTPD.match(header))
check("libmls uses libmlscore's public headers only", ["lib/mls/*.[ch]"],
      lambda header, _: header.startswith(MLSCORE_ONLY))
check("the module uses public headers of libmlscore and no database",
      ["mod_mlserver/*.[ch]"],
      lambda header, _: header == "db.h" or header.startswith(MLSCORE_ONLY)
      or header.startswith(("registry/bdb", "daemon/")))
check("only the registry owner opens Berkeley DB", ["*.[ch]"],
      lambda header, name: header == "db.h"
      and not name.startswith(("lib/mls/registry/bdb/", "lib/mls/daemon/",
                               "tests/unit/mls/registry/")))
check("only the importers read XML",
      ["lib/*.[ch]", "mod_mlserver/*.[ch]"],
      lambda header, name: header.startswith("libxml/")
      and not name.startswith("lib/mlscore/import/"))


def symbols(archive, *options):
    done = subprocess.run(["nm", "-A"] + list(options) + [str(archive)],
                          capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines() if line.strip()]


def table(archive):
    """The symbol table, a line each; visibility included."""
    done = subprocess.run(["objdump", "-t", str(archive)],
                          capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def check_archive(name, prefix, forbidden):
    archive = BUILD / "lib" / name
    if not archive.exists():
        tap.say(name + " is built", ["%s is missing" % archive])
        return
    # Names between a library's own files are hidden, and may be of a family
    # (forest_, pmml_); whoever links the library sees the prefix only.
    tap.say("%s shows %s names only" % (name, prefix), [
        line for line in table(archive)
        if re.search(r"^\S+ g ", line) and ".hidden" not in line
        and not line.split()[-1].startswith(prefix)
        and not line.split()[-1].startswith(("__asan", "__odr_asan"))])
    tap.say("%s calls nothing above it" % name, [
        " ".join(row) for row in symbols(archive, "-u")
        if re.match(forbidden, row[-1])])
    if "build-" in str(BUILD):
        return
    variables = [line for line in table(archive)
                 if re.search(r"\s\.(data|bss|tbss|tdata)(\.(?!rel\.ro)\S*)?\t",
                              line)
                 and re.search(r" O ", line)]
    tap.say("%s has no variables at file scope" % name, variables)


check_archive("libmlscore.a", "mlscore_", r"(apr_|ap_|mls_|mlh_)")
check_archive("libmls.a", "mls_", r"(ap_|mlh_)")

module = BUILD / "modules" / "mod_mlserver.so"
if module.exists():
    done = subprocess.run(["nm", "-D", "--defined-only", str(module)],
                          capture_output=True, text=True, check=True)
    names = [line.split()[-1] for line in done.stdout.splitlines()]
    tap.say("the module exports its module record only", [
        name for name in names if name != "mlserver_module"
        and not name.startswith(("__asan", "_init", "_fini", "__odr"))])
    done = subprocess.run(["ldd", str(module)], capture_output=True, text=True,
                          check=True)
    tap.say("the module links neither BLAS nor Berkeley DB", [
        line.strip() for line in done.stdout.splitlines()
        if re.search(r"blas|libdb-|libgomp", line)])
else:
    tap.say("the module is built", ["%s is missing" % module])
tap.finish()
