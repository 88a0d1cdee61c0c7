# The benchmark (doc/PERFORMANCE.md): `make bench`, `make bench CASES=fanout-w8 RUNS=1`, `make
# bench-million N=100000`, `make bench-deps`. BENCHFLAGS go to the runner: BENCHFLAGS='--peer
# NAME,publish-url,subscribe-url,pid', BENCHFLAGS=--document.

BENCH        := $(B)/bench
BENCH_LOAD   := load options ledger subscribers publishers report usage histogram
BENCH_RAW    := raw
BENCH_APPEND := append usage histogram
BENCH_FOLLOW := follow
BENCH_DOMAIN := domain usage
BENCH_TOOLS  := $(patsubst %,$(BENCH)/%,load raw append follow domain)

# Never for debugging: these are as fast as the compiler makes them, whatever the variant of the
# hub.
BENCH_CFLAGS := -D_GNU_SOURCE -std=gnu17 -O2 -g -fPIE $(WARNINGS)

$(BENCH)/%.o: test/bench/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $(if $(filter domain,$*),-Isrc -isystem /usr/share/include) -MMD -MP -c -o $@ $<

define bench_tool
$(BENCH)/$(1): $(2:%=$(BENCH)/%.o) $(3)
	$$(call say,LINK,$$@)
	$$(Q)$$(CC) $(if $(3),$$(LDFLAGS),-pie) -o $$@ $$^ $(4)
endef
$(eval $(call bench_tool,load,$(BENCH_LOAD)))
$(eval $(call bench_tool,raw,$(BENCH_RAW)))
$(eval $(call bench_tool,append,$(BENCH_APPEND),,-llmdb))
$(eval $(call bench_tool,follow,$(BENCH_FOLLOW)))
$(eval $(call bench_tool,domain,$(BENCH_DOMAIN),$(LIBRARY),$(LDLIBS)))

CASES ?=
RUNS  ?=
BENCH_RUN = node test/bench/run.mjs --tools $(BENCH) --hub $(B)/tailrace

.PHONY: bench-tools bench bench-million bench-deps
bench-tools: $(BENCH_TOOLS) $(B)/tailrace

bench: bench-tools ## measure the hub beside raw limits and other hubs (CASES=a,b RUNS=3 PEERS=a,b)
	$(Q)$(BENCH_RUN) $(if $(CASES),--cases $(CASES)) $(if $(RUNS),--runs $(RUNS)) $(if $(PEERS),--peers $(PEERS)) $(BENCHFLAGS)

bench-million: bench-tools ## a million subscribers: over sockets, and in the domain code
	$(Q)node test/bench/million.mjs --tools $(BENCH) --hub $(B)/tailrace $(if $(N),--subscribers $(N)) $(BENCHFLAGS)

bench-deps: ## install the hubs to compare with
	$(Q)test/bench/install-peers.sh
