# souk: see `make help`. Everything is built below build/, nothing beside the sources.

CC ?= cc
CLANG ?= clang
B := build

STD := -std=c11 -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wundef -Wwrite-strings -Wpointer-arith -Wcast-qual
WERROR ?=
OPT ?= -O2 -g
HARDEN := -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2
CURL_CFLAGS := $(shell pkg-config --cflags libcurl 2>/dev/null)
CURL_LIBS := $(shell pkg-config --libs libcurl 2>/dev/null || echo -lcurl)

# The core: every room but bind. It compiles with no Lua on the include path.
CORE_ROOMS := base json schema cap market mcp pool io runtime
CORE_SRC := $(sort $(foreach r,$(CORE_ROOMS),$(wildcard src/$(r)/*.c)))
BIND_SRC := $(sort $(wildcard src/bind/*.c))

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_core := $(STD) $(WARN) $(WERROR) $(OPT) -fPIC $(HARDEN) -Isrc $(CURL_CFLAGS) $(CFLAGS)
CFLAGS_asan := $(STD) $(WARN) $(WERROR) -O1 -g -fPIC -Isrc $(SAN) $(CURL_CFLAGS) $(CFLAGS)

.PHONY: all lib ctest fuzz-build clean help
all: lib

# --- the static core, plain and with sanitizers ---------------------------------------------------------
CORE_OBJ := $(CORE_SRC:src/%.c=$(B)/core/%.o)
ASAN_OBJ := $(CORE_SRC:src/%.c=$(B)/asan/%.o)

$(B)/core/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_core) -MMD -MP -c $< -o $@

$(B)/asan/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_asan) -MMD -MP -c $< -o $@

$(B)/core/libsouk.a: $(CORE_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/asan/libsouk.a: $(ASAN_OBJ)
	@rm -f $@
	ar rcs $@ $^

lib: $(B)/core/libsouk.a

# --- C unit tests: one program per spec/c/test_*.c, with sanitizers, TAP on stdout ----------------------
CTEST_SRC := $(sort $(wildcard spec/c/test_*.c))
CTEST_BIN := $(CTEST_SRC:spec/c/%.c=$(B)/asan/spec/%)

$(B)/asan/spec/%: spec/c/%.c $(B)/asan/libsouk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_asan) -Ispec/c -MMD -MP $< -o $@ $(B)/asan/libsouk.a $(CURL_LIBS) -ljansson -lm -lpthread

ctest: $(CTEST_BIN)
	prove $(CTEST_BIN)

# --- fuzz targets: spec/fuzz/fuzz_*.c under libFuzzer ----------------------------------------------------
FUZZ_SRC := $(sort $(wildcard spec/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:spec/fuzz/%.c=$(B)/fuzz/%)
FUZZ_CORE := $(filter-out src/io/% src/runtime/%,$(CORE_SRC))
FUZZ_OBJ := $(FUZZ_CORE:src/%.c=$(B)/fuzz/obj/%.o)
FUZZ_FLAGS := $(STD) -O1 -g -Isrc -Ispec/c -fsanitize=address,undefined -fno-sanitize-recover=all

$(B)/fuzz/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(B)/fuzz/fuzz_%: spec/fuzz/fuzz_%.c $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -MMD -MP $^ -o $@ -ljansson -lm

fuzz-build: $(FUZZ_BIN)

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
