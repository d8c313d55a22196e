# SPDX-License-Identifier: Apache-2.0
# Build, run, check, install and package mod_mlserver. One file, not recursive.
# `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := all

VERSION := $(shell sed -n 's/^\#define MLSCORE_VERSION "\(.*\)"/\1/p' lib/mlscore/include/mlscore/version.h)

# --- what the user may set ------------------------------------------------
PREFIX  ?= /usr/local
DESTDIR ?=
PORT    ?= 12800
STATE   ?= ./run
MPM     ?= prefork
SAN     ?=
FAST    ?=
WERROR  ?=

comma := ,
BUILD := build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

# --- tools and flags ------------------------------------------------------
CC      ?= cc
APXS    ?= $(firstword $(wildcard /usr/bin/apxs /usr/bin/apxs2 /usr/sbin/apxs))
PYTHON  ?= /usr/bin/python3
VENV    := build/venv
VPYTHON := $(abspath $(VENV))/bin/python

PKGS_MLSCORE := libxml-2.0 json-c libxxhash zlib libzip libpcre2-8 libutf8proc libjpeg libpng
PKGS_MLS     := apr-1 apr-util-1 json-c cjose openssl
pkg = $(shell pkg-config $(1) $(2) 2>/dev/null)

OPT      ?= -O2
WARN     := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wno-unused-parameter $(if $(WERROR),-Werror)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS   ?= $(OPT) -g
BASE_CFLAGS := -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -fstack-protector-strong \
               $(if $(SAN),,-D_FORTIFY_SOURCE=2) $(WARN) $(SANFLAGS) -MMD -MP
LDFLAGS  ?=
BASE_LDFLAGS := $(SANFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed

INC_MLSCORE := -Ilib/mlscore/include -Ilib/mlscore $(call pkg,--cflags,$(PKGS_MLSCORE))
INC_MLS     := -Ilib/mls -Ilib/mlscore/include $(call pkg,--cflags,$(PKGS_MLS))
INC_HTTPD   := -Imod_mlserver -Ilib/mls -Ilib/mlscore/include -I$(BUILD)/gen \
               $(shell $(APXS) -q CFLAGS EXTRA_CPPFLAGS 2>/dev/null | tr ' ' '\n' | grep '^-D' | grep -v FORTIFY | tr '\n' ' ') \
               -I$(shell $(APXS) -q INCLUDEDIR 2>/dev/null) $(call pkg,--cflags,$(PKGS_MLS))

LIBS_MLSCORE := $(call pkg,--libs,$(PKGS_MLSCORE)) -ldl -lm
LIBS_MLS     := $(call pkg,--libs,$(PKGS_MLS)) -lpthread

# --- sources: every .c file below a folder belongs to it -------------------
find_c = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))

MLSCORE_SRC := $(call find_c,lib/mlscore)
MLS_BDB_SRC := $(call find_c,lib/mls/registry/bdb) $(call find_c,lib/mls/daemon)
MLS_SRC     := $(filter-out $(MLS_BDB_SRC),$(call find_c,lib/mls))
MODULE_SRC  := $(call find_c,mod_mlserver)
MLSCORE_CLI_SRC := $(call find_c,tools/mlscore)
MLSERVERD_SRC   := $(call find_c,tools/mlserverd)
MLSERVERCTL_SRC := $(call find_c,tools/mlserverctl)
UNIT_SRC    := $(call find_c,tests/unit)
FUZZ_SRC    := $(filter-out tests/fuzz/standalone.c,$(call find_c,tests/fuzz))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

LIB_MLSCORE := $(BUILD)/lib/libmlscore.a
LIB_MLS     := $(BUILD)/lib/libmls.a
LIB_MLS_BDB := $(BUILD)/lib/libmlsbdb.a
MODULE      := $(BUILD)/modules/mod_mlserver.so
PROGRAMS    := $(if $(MLSCORE_CLI_SRC),$(BUILD)/bin/mlscore) \
               $(if $(MLSERVERD_SRC),$(BUILD)/bin/mlserverd) \
               $(if $(MLSERVERCTL_SRC),$(BUILD)/bin/mlserverctl)
UNIT_BIN    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
FUZZ_BIN    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SRC))

# --- build ----------------------------------------------------------------
.PHONY: all lib module programs there
all: there module programs
there:
	@pkg-config --print-errors --exists $(PKGS_MLSCORE) $(PKGS_MLS) && test -x "$(APXS)" || \
	    { echo "Something that building needs is missing; run 'make deps'." >&2; exit 1; }
lib: $(LIB_MLSCORE) $(LIB_MLS)
module: $(if $(MODULE_SRC),$(MODULE))
programs: $(PROGRAMS)

$(call obj,$(MLSCORE_SRC) $(MLSCORE_CLI_SRC)): PART_FLAGS = $(INC_MLSCORE) -ffp-contract=off
# Inner loops: the compiler's own vectors, too.
$(call obj,$(filter lib/mlscore/kernel/%,$(MLSCORE_SRC))): PART_FLAGS += $(if $(findstring -O2,$(CFLAGS)),-O3)
$(call obj,$(MLS_SRC) $(MLS_BDB_SRC) $(MLSERVERD_SRC) $(MLSERVERCTL_SRC)): PART_FLAGS = $(INC_MLS)
$(call obj,$(MODULE_SRC)): PART_FLAGS = $(INC_HTTPD)
$(call obj,$(UNIT_SRC) $(FUZZ_SRC) tests/fuzz/standalone.c): PART_FLAGS = $(INC_MLSCORE) $(INC_MLS) -Itests -ffp-contract=off

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(CFLAGS) $(PART_FLAGS) -c -o $@ $<

define archive
@mkdir -p $(@D)
@rm -f $@
@$(AR) rcs $@ $(filter %.o,$^)
endef

$(LIB_MLSCORE): $(call obj,$(MLSCORE_SRC)) ; $(archive)
$(LIB_MLS):     $(call obj,$(MLS_SRC))     ; $(archive)
$(LIB_MLS_BDB): $(call obj,$(MLS_BDB_SRC)) ; $(archive)

# The server's own API document is part of the module.
$(BUILD)/gen/openapi_json.h: docs/api/openapi.json
	@mkdir -p $(@D)
	{ echo 'static const unsigned char openapi_json[] = {'; \
	  od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '};'; } > $@
$(call obj,mod_mlserver/api/swagger.c): $(BUILD)/gen/openapi_json.h
# What was linked, for GET /admin/api/licences.
$(BUILD)/gen/library_versions.h: Makefile
	@mkdir -p $(@D)
	@for one in $(sort $(PKGS_MLSCORE) $(PKGS_MLS) libseccomp jansson); do \
	    printf '{ "%s", "%s" },\n' $$one "$$(pkg-config --modversion $$one)"; \
	done > $@.new && mv $@.new $@
$(call obj,mod_mlserver/api/licences.c): $(BUILD)/gen/library_versions.h

# The module exports its module record only: nothing of ours may clash with
# another module in the same process.
$(MODULE): $(call obj,$(MODULE_SRC)) $(LIB_MLS) $(LIB_MLSCORE)
	@mkdir -p $(@D)
	$(CC) -shared $(BASE_LDFLAGS) $(LDFLAGS) -Wl,--exclude-libs,ALL -o $@ $(call obj,$(MODULE_SRC)) \
	    $(LIB_MLS) $(LIB_MLSCORE) $(LIBS_MLS) $(LIBS_MLSCORE) -lldap -llber

define program
@mkdir -p $(@D)
$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
endef

$(BUILD)/bin/mlscore: $(call obj,$(MLSCORE_CLI_SRC)) $(LIB_MLSCORE)
	$(program) $(LIBS_MLSCORE)
$(BUILD)/bin/mlserverd: $(call obj,$(MLSERVERD_SRC)) $(LIB_MLS_BDB) $(LIB_MLS) $(LIB_MLSCORE)
	$(program) -ldb $(LIBS_MLS) $(LIBS_MLSCORE) -lseccomp
$(BUILD)/bin/mlserverctl: $(call obj,$(MLSERVERCTL_SRC)) $(LIB_MLS_BDB) $(LIB_MLS) $(LIB_MLSCORE)
	$(program) -ldb $(LIBS_MLS) $(LIBS_MLSCORE) -lseccomp

# --- unit tests and fuzz targets -------------------------------------------
.PHONY: unit fuzz-bins
unit: $(UNIT_BIN)
fuzz-bins: $(FUZZ_BIN)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIB_MLS_BDB) $(LIB_MLS) $(LIB_MLSCORE)
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $< $(LIB_MLS_BDB) $(LIB_MLS) $(LIB_MLSCORE) -ldb $(LIBS_MLS) $(LIBS_MLSCORE) -lseccomp -lcmocka

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/standalone.o $(LIB_MLS) $(LIB_MLSCORE)
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB_MLS) $(LIB_MLSCORE) $(LIBS_MLS) $(LIBS_MLSCORE)

# Targets that run make again build with all processors, unless -j was said.
JOBS = $(if $(findstring -j,$(MAKEFLAGS))$(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
AGAIN = $(MAKE) --no-print-directory $(JOBS)

# --- install what is missing -------------------------------------------------
# Variables above are computed while this file is read, so a target that may
# install a compiler runs make again for what comes after.
.PHONY: deps test-deps venv
deps:
	@tools/serve/deps.sh build
test-deps:
	@tools/serve/deps.sh build test
venv: $(VENV)/.made
$(VENV)/.made: tests/requirements.txt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What the benches compare us with: big, and installed for them only.
VENV_BENCH := build/venv-bench
.PHONY: venv-bench
venv-bench: $(VENV_BENCH)/.made
$(VENV_BENCH)/.made: tests/bench/requirements.txt
	rm -rf $(VENV_BENCH)
	$(PYTHON) -m venv $(VENV_BENCH)
	$(VENV_BENCH)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What the bench of standard services runs: workers' libraries and the peer.
VENV_SERVICES := build/venv-services
.PHONY: venv-services
venv-services: $(VENV_SERVICES)/.made
$(VENV_SERVICES)/.made: tests/bench/services/requirements.txt
	rm -rf $(VENV_SERVICES)
	$(PYTHON) -m venv $(VENV_SERVICES)
	$(VENV_SERVICES)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# Swagger UI and uPlot, which the console uses; CONSOLE_PARTS=FOLDER has them.
.PHONY: parts
parts:
	@tools/console/parts.sh $(BUILD)/console/vendor

# --- serve -------------------------------------------------------------------
.PHONY: serve stop
export PORT STATE MPM
serve: deps
	@$(AGAIN) all parts
	@BUILD=$(BUILD) tools/serve/serve.sh
stop:
	@tools/serve/stop.sh

# --- check -------------------------------------------------------------------
.PHONY: check check-all check-run bench fuzz test-programs
check: test-deps
	@$(AGAIN) venv
	@$(AGAIN) -k all parts unit fuzz-bins test-modules
	@$(VPYTHON) tests/run.py --build $(BUILD) $(if $(FAST),--fast) $(SUITES)

# The suites under the sanitizers with httpd, the long runs, the benches.
check-all: test-deps
	@$(AGAIN) venv
	@$(AGAIN) all unit fuzz-bins test-modules
	@$(AGAIN) SAN=address,undefined all unit fuzz-bins test-modules
	@$(AGAIN) SAN=thread unit
	@$(VPYTHON) tests/run.py --build $(BUILD) --sanitized build-address-undefined \
	    --threads build-thread --valgrind $(SUITES)
	@$(AGAIN) bench

bench: test-deps
	@$(AGAIN) venv venv-services
	@$(AGAIN) venv-bench || \
	    echo 'bench: the peers cannot be installed; what needs them is left out' >&2
	@$(AGAIN) all test-modules bench-bins
	@tests/bench/run.sh $(BUILD) $(VPYTHON) $(VENV_BENCH)/bin/python

.PHONY: bench-bins
BENCH_SRC := $(wildcard tests/bench/bench_*.c)
BENCH_BIN := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(BENCH_SRC))
$(call obj,$(BENCH_SRC)): PART_FLAGS = $(INC_MLSCORE) $(INC_MLS)
bench-bins: $(BENCH_BIN)
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIB_MLS) $(LIB_MLSCORE)
	@mkdir -p $(@D)
	$(CC) $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $< $(LIB_MLS) $(LIB_MLSCORE) $(LIBS_MLS) $(LIBS_MLSCORE)

# libFuzzer over every target, SECONDS_EACH long (default 60).
SECONDS_EACH ?= 60
fuzz: test-deps
	@tools/serve/deps.sh fuzz
	@$(AGAIN) CC=clang SAN=address,undefined,fuzzer-no-link \
	    BUILD=build-fuzz libfuzzer-bins
	@tests/fuzz/run_fuzzers.sh build-fuzz/libfuzzer $(SECONDS_EACH)

.PHONY: libfuzzer-bins test-modules
LIBFUZZER_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/libfuzzer/%,$(FUZZ_SRC))
libfuzzer-bins: $(LIBFUZZER_BIN)
$(BUILD)/libfuzzer/%: $(BUILD)/obj/tests/fuzz/%.o $(LIB_MLS) $(LIB_MLSCORE)
	@mkdir -p $(@D)
	$(CC) -fsanitize=address,undefined,fuzzer $(LDFLAGS) -o $@ $< $(LIB_MLS) $(LIB_MLSCORE) $(LIBS_MLS) $(LIBS_MLSCORE)

# Modules that only the tests load into httpd: an empty handler to compare
# with, and one that misbehaves on demand.
TEST_MODULE_SRC := $(wildcard tests/api/harness/mod_*.c tests/bench/mod_*.c)
TEST_MODULES    := $(patsubst %.c,$(BUILD)/modules/%.so,$(notdir $(TEST_MODULE_SRC)))
$(call obj,$(TEST_MODULE_SRC)): PART_FLAGS = $(INC_HTTPD)
test-modules: $(TEST_MODULES)
$(BUILD)/modules/mod_%.so: $(BUILD)/obj/tests/api/harness/mod_%.o
	@mkdir -p $(@D)
	$(CC) -shared $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $<
$(BUILD)/modules/mod_%.so: $(BUILD)/obj/tests/bench/mod_%.o
	@mkdir -p $(@D)
	$(CC) -shared $(BASE_LDFLAGS) $(LDFLAGS) -o $@ $<

# --- install and package -----------------------------------------------------
# Distribution packages set LIBEXECDIR and the rest; PREFIX alone gives a tree
# of its own below PREFIX.
BINDIR      ?= $(PREFIX)/bin
SBINDIR     ?= $(PREFIX)/sbin
MODULEDIR   ?= $(shell $(APXS) -q LIBEXECDIR 2>/dev/null)
HTTPDCONFDIR ?= $(PREFIX)/share/mlserver/conf
UNITDIR     ?= $(PREFIX)/lib/systemd/system
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
DATADIR     ?= $(PREFIX)/share/mlserver
DOCDIR      ?= $(PREFIX)/share/doc/mod_mlserver

.PHONY: install deb rpm
install: all
	tools/serve/install.sh '$(BUILD)' '$(DESTDIR)' '$(PREFIX)' '$(BINDIR)' '$(SBINDIR)' \
	    '$(MODULEDIR)' '$(HTTPDCONFDIR)' '$(UNITDIR)' '$(TMPFILESDIR)' \
	    '$(SYSUSERSDIR)' '$(DATADIR)' '$(DOCDIR)'

deb:
	@tools/serve/deps.sh build deb
	@tools/serve/deb.sh build/deb

rpm:
	@tools/serve/deps.sh build rpm
	@tools/serve/rpm.sh build/rpm

.PHONY: clean help
clean:
	rm -rf build build-*

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: make serve      install what is missing, build, serve with an example model
#:                 PORT=12800 STATE=./run MPM=prefork|event|worker
#:                 ADMIN_PASSWORD=... (else a random one, in STATE/admin-password)
#: make stop       stop it                                     STATE=./run
#: make check      all tests; FAST=1 for the short ones; SUITES='unit api ...'
#: make check-all  all tests again under sanitizers, long runs, benchmarks
#: make bench      measure; every figure is a 'name: value' line
#: make fuzz       run each fuzz target for SECONDS_EACH=60
#: make            module, libraries, programs, below build/
#:                 SAN=address,undefined or SAN=thread builds below build-.../
#: make deps       only install what building and serving need
#: make install    DESTDIR= PREFIX=/usr/local
#: make deb        Debian package, below build/deb; make rpm: the other kind
#: make clean      remove what was built (not what was served: that is STATE)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
.SECONDARY:
