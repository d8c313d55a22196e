#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each header compiles alone in C; libmlscore's public ones in C++, too.

A header without a guard is a template, included once per variant after the
includer has defined what it names; it is called _kernel.h or _target.h.
"""
import concurrent.futures
import re
import subprocess

from tap import ROOT, Tap, files, text

tap = Tap()


def flags(*packages):
    return subprocess.run(["pkg-config", "--cflags"] + list(packages),
                          capture_output=True, text=True,
                          check=True).stdout.split()


def apxs(*names):
    for program in ("/usr/bin/apxs", "/usr/bin/apxs2", "/usr/sbin/apxs"):
        try:
            return subprocess.run([program, "-q"] + list(names), text=True,
                                  capture_output=True, check=True
                                  ).stdout.split()
        except FileNotFoundError:
            pass
    raise SystemExit("no apxs; run 'make deps'")


MLSCORE = ["-Ilib/mlscore/include", "-Ilib/mlscore"] + flags("libxml-2.0",
                                                             "json-c")
MLS = ["-Ilib/mls", "-Ilib/mlscore/include"] + flags("apr-1", "apr-util-1",
                                                     "json-c", "cjose")
HTTPD = ["-Imod_mlserver"] + MLS + [
    "-I" + path for path in apxs("INCLUDEDIR")] + [
    word for word in apxs("EXTRA_CPPFLAGS") if word.startswith("-D")]
C = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-x", "c"]
CXX = ["g++", "-std=c++17", "-x", "c++"]


def compile_one(job):
    name, compiler, options = job
    done = subprocess.run(
        compiler + ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                    "-fsyntax-only", "-include", name, "/dev/null"] + options,
        cwd=ROOT, capture_output=True, text=True)
    return name, compiler[0], done.returncode, done.stderr



def is_template(name):
    return not re.search(r"^\s*#\s*(ifndef\s+\w+_H|pragma once)",
                         text(name), re.M)


tap.say("headers without a guard say by their name that they are templates", [
    name for name in files("lib/*.h", "mod_mlserver/*.h") if is_template(name)
    and not re.search(r"_(kernel|target|target_end)\.h$", name)])
jobs = []
for header in files("lib/mlscore/*.h"):
    if is_template(header):
        continue
    jobs.append((header, C, MLSCORE))
    if header.startswith("lib/mlscore/include/"):
        jobs.append((header, CXX, ["-Ilib/mlscore/include"]))
jobs += [(header, C, MLS) for header in files("lib/mls/*.h")]
jobs += [(header, C, HTTPD) for header in files("mod_mlserver/*.h")]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    for header, compiler, status, said in pool.map(compile_one, jobs):
        tap.say("%s compiles alone (%s)" % (header, compiler),
                said.splitlines()[:5] if status else [])
tap.finish()
