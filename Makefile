# tailrace: build, test, run. `make help` lists the targets.
#
# One variant of the build lives in build/$(VARIANT): release (default), debug, asan, tsan, clang,
# fuzz. Warnings are errors in all of them but release, which users build with other compilers.

VARIANT ?= release
CC      := gcc
BUILD   := build
B       := $(BUILD)/$(VARIANT)
JOBS    := $(shell nproc)
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say     = @printf '  %-7s %s\n' $(1) $(2)

VERSION := $(shell cat VERSION)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wformat=2 -Wundef -Wpointer-arith -Wvla \
            $(if $(CI)$(filter-out release,$(VARIANT)),-Werror)
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
            -D_FORTIFY_SOURCE=2
CPPFLAGS := -D_GNU_SOURCE -Isrc -I$(B)/gen -isystem /usr/share/include -DTAILRACE_VERSION='"$(VERSION)"'
CFLAGS   := -std=gnu17 -g -pthread $(WARNINGS)
LDFLAGS  := -pthread -pie -Wl,-z,relro,-z,now
LDLIBS   := -llmdb -lxxhash -lyaml -lcurl -lpcre2-8 -lz

ifeq ($(VARIANT),release)
CFLAGS  += -O2 -flto=auto $(HARDEN)
LDFLAGS += -O2 -flto=auto
else ifeq ($(VARIANT),clang)
CC      := clang-14
CFLAGS  += -O2 $(HARDEN)
else ifeq ($(VARIANT),debug)
CFLAGS  += -O0 -fPIE
else ifeq ($(VARIANT),asan)
CFLAGS  += -O1 -fPIE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(VARIANT),tsan)
CFLAGS  += -O1 -fPIE -fsanitize=thread -fno-omit-frame-pointer
LDFLAGS += -fsanitize=thread
else ifeq ($(VARIANT),fuzz)
CC      := clang-14
CFLAGS  += -O1 -fPIE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
else
$(error VARIANT is $(VARIANT); it must be release, debug, asan, tsan, clang or fuzz)
endif

# This Makefile again, for another variant: $(call variant,asan) targets
again   = $(MAKE) --no-print-directory
variant = $(Q)$(again) $(if $(filter -j%,$(MAKEFLAGS)),,-j$(JOBS)) VARIANT=$(1) B=$(BUILD)/$(1)

SOURCES := $(wildcard src/*/*.c)
OBJECTS := $(SOURCES:%.c=$(B)/%.o) $(B)/llhttp/api.o $(B)/llhttp/http.o $(B)/llhttp/llhttp.o \
           $(B)/gen/assets.o $(B)/gen/demo.o
LIBRARY := $(filter-out $(B)/src/cli/%,$(OBJECTS))
UNITS   := $(wildcard test/unit/*/*.c)
HEADERS := $(wildcard src/*/*.h test/unit/*/*.h)

.PHONY: all
all: $(B)/tailrace ## build build/release/tailrace (VARIANT=debug|asan|tsan|clang|fuzz for others)

.PHONY: demo
demo: ## install what is missing, build, run a hub with something to see
	$(Q)scripts/install-packages.sh build
	$(call variant,release) all
	$(Q)$(BUILD)/release/tailrace demo $(ARGS)

.PHONY: test
test: ## install what is missing, build, run the unit tests and the end-to-end tests
	$(Q)scripts/install-packages.sh build test
	$(call variant,release) check

.PHONY: test-sanitized
test-sanitized: ## the same tests under ASan and UBSan, and those of the hub under TSan
	$(Q)scripts/install-packages.sh build test
	$(Q)exec scripts/run-parts.sh '$(again) asan' '$(again) tsan'

$(B)/tailrace: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Debian's package node-llhttp ships the parser's C sources; they are compiled as they are. Strict
# mode: without it llhttp takes any byte for the LF of a line end and spaces in field names, which
# is how requests are smuggled.
$(B)/llhttp/%.o: /usr/share/llhttp/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -I/usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1 $(filter-out $(WARNINGS),$(CFLAGS)) -c -o $@ $<

# The web assets go into the binary, but for what only npm reads. The folders stand for files that
# were removed.
WEB := $(sort $(filter-out %/package.json %/README.md,$(wildcard web/*.* web/kit/*.*)))

$(B)/gen/assets.S $(B)/gen/assets.inc &: scripts/embed.sh web $(wildcard web/kit) $(WEB)
	$(call say,EMBED,web)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/embed.sh $(B)/gen/assets $(WEB)

# So does the configuration of `tailrace demo`.
$(B)/gen/demo.S $(B)/gen/demo.inc &: scripts/embed.sh src/cli/demo.yml
	$(call say,EMBED,src/cli/demo.yml)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/embed.sh $(B)/gen/demo src/cli/demo.yml

$(B)/gen/%.o: $(B)/gen/%.S
	$(Q)$(CC) $(filter -f%,$(HARDEN)) -c -o $@ $<

$(B)/src/api/assets.o: $(B)/gen/assets.inc
$(B)/src/cli/demo.o: $(B)/gen/demo.inc

# run-parts.sh takes the place of the recipe's shell: make passes its signals to that process only.

# Unit tests: one program for each layer, with everything but src/cli.
LAYERS        ?= $(sort $(notdir $(patsubst %/,%,$(dir $(UNITS)))))
UNIT_PROGRAMS := $(LAYERS:%=$(B)/test/unit-%)

define unit_program
$(B)/test/unit-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard test/unit/$(1)/*.c)) $(LIBRARY)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcriterion
endef
$(foreach layer,$(LAYERS),$(eval $(call unit_program,$(layer))))

# A disk that fails, to be preloaded into the program under test.
$(B)/test/iofault.so: test/fault/iofault.c
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(CPPFLAGS) -std=gnu17 -O2 $(WARNINGS) -fPIC -shared -o $@ $<

$(B)/test/unit-journal: | $(B)/test/iofault.so

.PHONY: unit unit-programs
unit-programs: $(UNIT_PROGRAMS)
unit: $(UNIT_PROGRAMS) ## build and run the unit tests of this variant (LAYERS=... for some)
	$(Q)exec scripts/run-parts.sh $(UNIT_PROGRAMS:%='% --jobs $(JOBS)')

# Three journals over one simulated log, for so many seeds (SEED=n: for that one).
SEEDS ?= 20000
.PHONY: simulate
simulate: ## simulate several hubs over one log for SEEDS seeds (20000)
	$(call variant,debug) $(BUILD)/debug/test/unit-journal
	$(Q)TAILRACE_SEEDS=$(SEEDS) TAILRACE_SEED=$(SEED) $(BUILD)/debug/test/unit-journal \
	    --jobs $(JOBS) --filter 'simulate/*' --timeout 3600

# End-to-end tests: Node's own test runner and real clients against the real binary.
E2E       := $(wildcard test/e2e/*.test.mjs)
E2E_HUB   := $(foreach name,publish subscribe resume lines reload history,test/e2e/$(name).test.mjs)
E2E_ENV   := $(if $(filter asan tsan,$(VARIANT)),TAILRACE_TIME_SCALE=4 UBSAN_OPTIONS=print_stacktrace=1 \
             ASAN_OPTIONS=detect_stack_use_after_return=1 TSAN_OPTIONS=halt_on_error=1)
# A test that hangs has its own limit; this one is for a runner that does.
E2E_LIMIT := 30m
# One more than there are cores: half of what a test does is waiting.
E2E_RUN    = timeout --foreground $(E2E_LIMIT) \
             node --test --test-reporter=spec --test-concurrency=$(shell expr $(JOBS) + 1) $(E2E)

node_modules/.package-lock.json: package-lock.json package.json
	$(call say,NPM,$<)
	$(Q)npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: e2e
e2e: $(B)/tailrace node_modules/.package-lock.json ## run the end-to-end tests (E2E=FILES: some)
	$(Q)exec env $(E2E_ENV) TAILRACE_BIN=$(B)/tailrace scripts/run-parts.sh '$(E2E_RUN)'

.PHONY: soak
soak: $(B)/tailrace node_modules/.package-lock.json ## a large log in a browser, 200 kills
	$(Q)SOAK=1 TAILRACE_BIN=$(B)/tailrace node --test --test-reporter=spec --test-concurrency=1 \
	    test/e2e/live-log-load.test.mjs test/e2e/crash.test.mjs

.PHONY: check
check: $(B)/tailrace $(UNIT_PROGRAMS) ## unit and end-to-end tests of this variant
	$(Q)exec scripts/run-parts.sh '$(again) unit' '$(again) e2e'

.PHONY: asan
asan: ## all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call variant,asan) check

# Criterion cannot start under TSan: the hub is tested from outside.
.PHONY: tsan
tsan: ## the end-to-end tests of the hub under ThreadSanitizer
	$(call variant,tsan) e2e E2E='$(E2E_HUB)'

# Power cuts: a recorder of what reaches the disk, to be preloaded, and the long form of the tests
# that use it (test/unit/journal/power_loss.c).
$(B)/test/powerloss.so: test/fault/powerloss.c test/fault/powerloss.h
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(CPPFLAGS) -std=gnu17 -O2 $(WARNINGS) -fPIC -shared -o $@ $<

$(B)/test/unit-journal: | $(B)/test/powerloss.so

.PHONY: power-loss
power-loss: SEEDS ?= 20
power-loss: IMAGES ?= 200
power-loss: $(B)/test/unit-journal ## SEEDS (20) times IMAGES (200) power cuts of each kind
	$(Q)set -e; for seed in $$(seq $(SEEDS)); do echo "== seed $$seed"; \
	    TAILRACE_POWER_LOSS_SEED=$$seed TAILRACE_POWER_LOSS_IMAGES=$(IMAGES) \
	        $(B)/test/unit-journal --filter 'power_loss/*' --jobs $(JOBS); done

soak: power-loss

# Fuzz targets: for each decoder of outside bytes. What is found is written to build/fuzz and
# belongs into the corpus with its fix.
FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst test/fuzz/%.c,%,$(wildcard test/fuzz/*.c))

$(B)/fuzz-%: $(B)/test/fuzz/%.o $(LIBRARY)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

.PHONY: fuzz run-fuzzers
fuzz: ## run each fuzz target for FUZZ_SECONDS (60)
	$(Q)scripts/install-packages.sh build fuzz
	$(call variant,fuzz) run-fuzzers

# Objects of a pattern rule's program would be deleted.
.SECONDARY: $(FUZZERS:%=$(B)/test/fuzz/%.o)

run-fuzzers: $(FUZZERS:%=$(B)/fuzz-%)
	$(Q)set -e; for name in $(FUZZERS); do \
	    echo "== $$name"; mkdir -p $(B)/corpus/$$name; \
	    $(B)/fuzz-$$name -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -artifact_prefix=$(B)/found-$$name- \
	        -verbosity=0 -print_final_stats=1 $(B)/corpus/$$name test/fuzz/corpus/$$name; done

# Static checks. What passed is not checked again until it, a header or the rules change.
SCRIPTS := $(wildcard scripts/*.sh) .ci/run
C_FILES := $(shell git ls-files '*.[ch]' 2>/dev/null)
# The page and the kit are type-checked; what runs once, in a test or as an example, is only parsed.
JS      := $(wildcard examples/*/*.js test/e2e/*.mjs test/e2e/support/*.mjs)
PRETTY  := 'web/**/*.{js,ts,css}' 'examples/**/*.{js,css}' 'test/**/*.mjs'
TIDIED  := $(SOURCES:%.c=$(B)/lint/%.tidy)
ALONE   := $(HEADERS:%.h=$(B)/lint/%.alone)

$(TIDIED): $(B)/lint/%.tidy: %.c $(HEADERS) .clang-tidy $(B)/gen/assets.inc $(B)/gen/demo.inc
	$(call say,TIDY,$<)
	@mkdir -p $(@D)
	$(Q)clang-tidy-14 --quiet $< -- $(CPPFLAGS) -std=gnu17 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

$(ALONE): $(B)/lint/%.alone: %.h $(HEADERS)
	@mkdir -p $(@D)
	$(Q)echo '#include "$(abspath $<)"' | gcc $(CPPFLAGS) -std=gnu17 $(WARNINGS) -Werror -fsyntax-only -x c -
	@touch $@

.PHONY: lint run-lint
lint: ## static checks: format, clang-tidy, types, headers, scripts, manual, the tree
	$(Q)scripts/install-packages.sh build test lint
	$(call variant,debug) all unit-programs
	$(call variant,clang) all
	$(call variant,debug) run-lint

run-lint: $(TIDIED) $(ALONE) node_modules/.package-lock.json
	$(call say,LINT,'format scripts types manual tree')
	$(Q)clang-format-14 --dry-run -Werror $(C_FILES)
	$(Q)shellcheck $(SCRIPTS)
	$(Q)for file in $(JS); do node --check $$file || exit 1; done
	$(Q)node_modules/.bin/tsc --noEmit -p .
	$(Q)node_modules/.bin/prettier --log-level warn --check $(PRETTY)
	$(Q)mandoc -Tlint -W warning packaging/man/*.1
	$(Q)scripts/check-tree.sh

.PHONY: format
format: node_modules/.package-lock.json ## format the sources: C, JavaScript, CSS
	$(Q)clang-format-14 -i $(C_FILES)
	$(Q)node_modules/.bin/prettier --log-level warn --write $(PRETTY)

include test/bench/bench.mk

# Installation: DESTDIR, PREFIX (/usr/local), SYSCONFDIR (/etc).
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
DEST       := $(DESTDIR)$(PREFIX)

.PHONY: install
install: $(B)/tailrace ## install program, manual, configuration, systemd unit (DESTDIR, PREFIX)
	install -D -m 755 $(B)/tailrace $(DEST)/bin/tailrace
	install -D -m 644 -t $(DEST)/share/man/man1 packaging/man/tailrace.1
	install -D -m 644 packaging/tailrace.sysusers $(DEST)/lib/sysusers.d/tailrace.conf
	install -d $(DEST)/lib/systemd/system $(DESTDIR)$(SYSCONFDIR)/tailrace
	sed 's|@PREFIX@|$(PREFIX)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|' packaging/tailrace.service \
	    >$(DEST)/lib/systemd/system/tailrace.service
	[ -e $(DESTDIR)$(SYSCONFDIR)/tailrace/tailrace.yml ] || \
	    install -m 644 packaging/tailrace.yml $(DESTDIR)$(SYSCONFDIR)/tailrace/tailrace.yml
	@[ -n "$(DESTDIR)" ] || echo "To run it as a service: systemd-sysusers && systemctl daemon-reload" \
	    "&& systemctl enable --now tailrace (more in doc/OPERATION.md)"

.PHONY: clean
clean: ## remove everything that was built
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

-include $(shell find $(B) -name '*.d' 2>/dev/null)
