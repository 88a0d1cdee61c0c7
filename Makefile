# tailrace: build, test, run. `make help` lists the targets.
#
# One variant of the build lives in build/$(VARIANT): release (default), debug, asan, tsan, clang.

VARIANT ?= release
CC      := gcc
B       := build/$(VARIANT)
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
say     = @printf '  %-7s %s\n' $(1) $(2)

VERSION := $(shell cat VERSION)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wformat=2 -Wundef -Wpointer-arith -Wvla $(if $(CI),-Werror)
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
            -D_FORTIFY_SOURCE=2
CPPFLAGS := -D_GNU_SOURCE -Isrc -I$(B)/gen -isystem /usr/share/include -DTAILRACE_VERSION='"$(VERSION)"'
CFLAGS   := -std=gnu17 -g -pthread $(WARNINGS)
LDFLAGS  := -pthread -pie -Wl,-z,relro,-z,now
LDLIBS   := -llmdb -lxxhash -lcyaml -lyaml -lcurl -lpcre2-8

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
else
$(error VARIANT is $(VARIANT); it must be release, debug, asan, tsan or clang)
endif

SOURCES := $(wildcard src/*/*.c)
OBJECTS := $(SOURCES:%.c=$(B)/%.o) $(B)/llhttp/api.o $(B)/llhttp/http.o $(B)/llhttp/llhttp.o \
           $(B)/gen/assets.o
LIBRARY := $(filter-out $(B)/src/cli/%,$(OBJECTS))
UNITS   := $(wildcard test/unit/*/*.c)

.PHONY: all
all: $(B)/tailrace ## build build/release/tailrace (VARIANT=debug|asan|tsan|clang for others)

$(B)/tailrace: $(OBJECTS)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Debian's package node-llhttp ships the parser's C sources; they are compiled as they are. Strict mode: without it llhttp takes
# any byte for the LF of a line end and spaces in field names, which is how requests are smuggled.
$(B)/llhttp/%.o: /usr/share/llhttp/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -I/usr/share/include/llhttp -DLLHTTP_STRICT_MODE=1 $(filter-out $(WARNINGS),$(CFLAGS)) -c -o $@ $<

# The web assets go into the binary as they are. web itself stands for files that were removed.
WEB := $(sort $(wildcard web/*))

$(B)/gen/assets.S $(B)/gen/assets.inc &: scripts/embed.sh web $(WEB)
	$(call say,EMBED,web)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/embed.sh $(B)/gen/assets $(WEB)

$(B)/gen/assets.o: $(B)/gen/assets.S
	$(Q)$(CC) $(filter -f%,$(HARDEN)) -c -o $@ $<

$(B)/src/server/assets.o: $(B)/gen/assets.inc

# Unit tests: one program for each layer, with everything but src/cli.
UNIT_LAYERS   := $(sort $(notdir $(patsubst %/,%,$(dir $(UNITS)))))
UNIT_PROGRAMS := $(UNIT_LAYERS:%=$(B)/test/unit-%)

define unit_program
$(B)/test/unit-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard test/unit/$(1)/*.c)) $(LIBRARY)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS) -lcriterion
endef
$(foreach layer,$(UNIT_LAYERS),$(eval $(call unit_program,$(layer))))

# A disk that fails, to be preloaded into the program under test.
$(B)/test/iofault.so: test/fault/iofault.c
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)gcc $(CPPFLAGS) -std=gnu17 -O2 $(WARNINGS) -fPIC -shared -o $@ $<

$(B)/test/unit-journal: | $(B)/test/iofault.so

.PHONY: unit
unit: $(UNIT_PROGRAMS) ## build and run the unit tests of this variant
	$(Q)set -e; for program in $(UNIT_PROGRAMS); do echo "== $$program"; $$program --jobs 2; done

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

-include $(shell find $(B) -name '*.d' 2>/dev/null)
