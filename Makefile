# make demo and make test are all a fresh machine with Go needs.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      ?= go
comma   := ,
# The race detector needs a C compiler; without one the tests run all the same.
RACE    := $(if $(shell command -v cc || command -v gcc || command -v clang),-race)
# With it each of eighty test programs sleeps for a second at its end, in case a goroutine that no test waited for still
# meets another: a twentieth will do.
export GORACE ?= atexit_sleep_ms=50

.PHONY: help build demo test test-agents test-chaos test-cluster test-collector test-contract test-dashboard test-example test-install test-newcomer test-sdk test-reproducible contract-newer release licenses bench bench-peers bench-guard bench-baseline bench-compare trail locust lint lint-more fuzz prices cross clean

##@ Build and try
build: ## the static, stripped binary
	CGO_ENABLED=0 $(GO) build $(VERBOSE) -trimpath -ldflags '$(LDFLAGS)' -o uni-api .

demo: ## a failover and a translation before mock providers: no key, no network, no config
	@echo "building; the first time each package is compiled, and named here"
	@$(MAKE) --no-print-directory build VERBOSE=-v
	./uni-api demo

# The race detector multiplies what such tests count, and takes minutes over it: they are built without it. So are those
# in which one goroutine computes for long, where it has nothing to find.
MEASURED = $(shell grep -rl --include='*_test.go' '^//go:build .*!race' .)
tests-in = ^($$(sed -n 's/^func \(Test[A-Za-z]*\)(.*/\1/p' $(1) | paste -sd'|' -))$$

##@ Test
# In codec nothing starts a goroutine, so the detector has nothing to find there either, but where a test does.
STARTS = ^[[:space:]]*go [a-z]|[.]Go\>|[.]Parallel\>
ALONE = $(if $(RACE),$(filter-out $(addprefix uniapi/,$(shell grep -rlE --include='*.go' '$(STARTS)' codec | xargs -r dirname)),$(shell $(GO) list ./codec/...)))
# server waits more than it computes, and takes longest: it is tested beside all others, one program more than there are
# processors. What is built without the detector comes at last, and is compiled while server is waited for. What is
# measured is the time of a thread and the bytes of a program, so two programs run at once. make lint vets.
OTHERS = $(filter-out uniapi/server $(ALONE),$(shell $(GO) list $(RACE) ./...))
LAST = $(filter-out ./server/ $(ALONE:uniapi/%=./%/),$(sort $(dir $(MEASURED))))
test: ## everything
	@echo "compiling; then server, which takes minutes, and all others beside it; at last what counts time and bytes"
	@$(GO) build $(RACE) -v ./...
	@$(GO) test $(RACE) -vet=off -timeout 20m ./server & server=$$!; failed=; \
	$(GO) test $(RACE) -vet=off -timeout 20m ./e2e $(OTHERS) || failed=yes; \
	$(if $(ALONE),CGO_ENABLED=0 $(GO) test -trimpath -vet=off -timeout 10m $(ALONE) || failed=yes;) \
	$(if $(RACE),CGO_ENABLED=0 $(GO) list -trimpath -export -test ./server $(LAST) >/dev/null || failed=yes;) \
	wait $$server || failed=yes; test -z "$$failed"
	$(if $(RACE),CGO_ENABLED=0 $(GO) test -trimpath -vet=off -timeout 10m -run "$(call tests-in,$(MEASURED))" ./server $(LAST))

# Only what the tag changes: the rest is in make test. Among it are the tests that cost
# grows no faster than the input, which are named after that, with inputs of 1 MiB.
CHAOS := server/*_chaos_test.go server/relay/*_chaos_test.go server/faults_linux_test.go server/strays_test.go
test-chaos: ## behind haproxy, nginx and Caddy, the alert rules, at 5,000 streams, in two minutes of faults, and with large inputs: apt-get install haproxy nginx caddy prometheus
	$(GO) test -tags chaos -count 1 -timeout 20m -run "Costs?LinearTime" ./codec/... ./config ./pool/... ./server/...
	$(GO) test -tags chaos -count 1 -timeout 5m -run TestRunMeasures ./bench/peers
	$(GO) test -tags chaos -count 1 -timeout 5m -run TestDoctorNamesNginx ./e2e
	$(GO) test -tags chaos -count 1 -timeout 15m -run "$(call tests-in,$(CHAOS))" ./server ./server/relay

test-cluster: ## what instances share, at real servers: apt-get install redis-server postgresql haproxy; REDIS_SERVER=valkey-server for a Valkey
	$(GO) test $(RACE) -tags cluster -count 1 -timeout 10m ./cluster
	$(GO) test $(RACE) -tags cluster -count 1 -timeout 10m -run "$(call tests-in,usage/*_cluster_test.go)" ./usage
	$(GO) test -tags cluster -count 1 -timeout 10m -run TestFleet ./e2e

test-example: ## compiles and runs the format, the schedule and the endpoint that show how one is added
	$(GO) vet -tags example ./codec ./codec/formats/... ./config ./balancer/schedule ./server
	$(GO) test -tags example -run Pretended ./server

test-newcomer: ## README.md from a clone to the first streamed answer, in a root of its own; ARGS=--cold builds with an empty cache
	python3 loadtest/newcomer/run.py $(ARGS)

test-collector: ## OpenTelemetry's own collector, built from its modules (a minute, once), reads what the gateway tells it
	cd loadtest/collector && $(GO) build -o ../../build/collector .
	COLLECTOR=$(CURDIR)/build/collector $(GO) test -tags collector -count 1 -run OwnCollector ./e2e

test-install: release ## docs/operations.md's installation on an empty machine: root, and apt-get install systemd-container
	$(GO) test -tags install -count 1 -timeout 5m -run GuidesInstallation ./server

SDK := build/sdk
test-sdk: build $(SDK)/installed ## the SDKs that people use, through the gateway to each upstream format
	@echo "== the SDKs and the mock, without the gateway"
	$(SDK)/venv/bin/python loadtest/sdk/run.py ./uni-api --node $(SDK)/node --direct
	@echo "== the SDKs through the gateway"
	$(SDK)/venv/bin/python loadtest/sdk/run.py ./uni-api --node $(SDK)/node $(ARGS)

$(SDK)/installed: loadtest/sdk/requirements.txt loadtest/sdk/node/package.json
	@for tool in python3 node npm; do command -v $$tool >/dev/null || { echo "test-sdk needs $$tool: apt-get install python3-venv nodejs npm"; exit 1; }; done
	mkdir -p $(SDK)/node
	python3 -m venv $(SDK)/venv
	$(SDK)/venv/bin/pip install --quiet -r loadtest/sdk/requirements.txt
	cp loadtest/sdk/node/package.json $(SDK)/node
	cd $(SDK)/node && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

CONTRACT := build/contract
test-contract: build $(CONTRACT)/installed ## generated requests to providers as strict as the real ones; ARGS=--long for 10,000 instead of 500
	$(CONTRACT)/venv/bin/python loadtest/contract/run.py ./uni-api $(ARGS)

$(CONTRACT)/installed: loadtest/contract/requirements.txt
	@command -v python3 >/dev/null || { echo "test-contract needs python3: apt-get install python3-venv"; exit 1; }
	python3 -m venv $(CONTRACT)/venv
	$(CONTRACT)/venv/bin/pip install --quiet -r loadtest/contract/requirements.txt
	touch $@

test-agents: build $(CONTRACT)/installed $(CONTRACT)/node/installed ## Claude Code, Codex and Gemini CLI run a loop with their shell on every kind of provider
	$(CONTRACT)/venv/bin/python loadtest/contract/agents.py ./uni-api $(CONTRACT)/node $(ARGS)

$(CONTRACT)/node/installed: loadtest/contract/node/package.json
	@for tool in node npm; do command -v $$tool >/dev/null || { echo "test-agents needs $$tool: apt-get install nodejs npm"; exit 1; }; done
	mkdir -p $(CONTRACT)/node
	cp loadtest/contract/node/package.json $(CONTRACT)/node
	cd $(CONTRACT)/node && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

contract-newer: $(CONTRACT)/installed ## what the vendors' newest packages say otherwise than the pinned ones
	python3 -m venv $(CONTRACT)/newer
	$(CONTRACT)/newer/bin/pip install --quiet --upgrade $$(sed 's/==.*//' loadtest/contract/requirements.txt)
	$(CONTRACT)/newer/bin/pip freeze | grep -iE "^($$(sed 's/==.*//' loadtest/contract/requirements.txt | paste -sd'|' -))=="
	$(CONTRACT)/venv/bin/python loadtest/contract/listing.py >$(CONTRACT)/pinned.txt
	$(CONTRACT)/newer/bin/python loadtest/contract/listing.py >$(CONTRACT)/newer.txt
	@diff $(CONTRACT)/pinned.txt $(CONTRACT)/newer.txt && echo "nothing that the gateway is judged by" || true

DASHBOARD := build/dashboard
test-dashboard: build $(DASHBOARD)/installed ## the dashboard in Chromium; ARGS="--minutes 45 --update docs" renews its pictures
	node loadtest/dashboard/run.js ./uni-api $(DASHBOARD) $(DASHBOARD) $(ARGS)

$(DASHBOARD)/installed: loadtest/dashboard/package.json
	@for tool in node npm chromium; do command -v $$tool >/dev/null || { echo "test-dashboard needs $$tool: apt-get install nodejs npm chromium"; exit 1; }; done
	mkdir -p $(DASHBOARD)
	cp loadtest/dashboard/package.json $(DASHBOARD)
	cd $(DASHBOARD) && npm install --no-package-lock --no-audit --no-fund --loglevel=error
	touch $@

##@ Measure
bench: ## the hot path, with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./bench ./codec/... ./pool/...

bench-peers: build ## cost, latency and memory beside nginx and haproxy, in one run; ARGS=--quick for a look
	$(GO) run ./bench/peers --bin ./uni-api $(ARGS)

trail: ## prints which functions of server and server/relay, file by file, a plain request goes through; fails if the page lists others
	@mkdir -p build/cover
	@$(GO) build -cover -covermode=atomic -coverpkg=uniapi/... -o build/trail ./bench/trail
	@GOCOVERDIR=build/cover ./build/trail --page docs/architecture.md --functions 45 --files 12 $(ARGS)

# What is guarded: benchmarks that allocate the same each time. A fixed number of
# rounds, so that what warms up weighs the same on every machine.
GUARDED := -run '^$$' -bench . -benchmem -benchtime 500x \
	-skip 'Year|Build|ListingModels|Parallel|KeptAlive|Loopback|FiftyKeys|/parallel|/tls|/sdk' ./bench ./codec/... ./pool/... ./balancer ./balancer/limit/... ./config ./usage ./server ./server/conn ./server/queue ./server/telemetry ./server/telemetry/metrics ./server/telemetry/tracing
CALLS := $(GO) run ./bench/peers --bin ./uni-api --scenarios count-plain,count-stream --rounds 3 --seconds 500ms --warm 200ms --guard bench/calls.txt
bench-guard: trail build ## fails if a guarded benchmark allocates more than bench/baseline.txt says, a request reads and writes oftener than bench/calls.txt says, or goes through more than docs/architecture.md lists
	@mkdir -p build
	$(GO) test -count 3 $(GUARDED) >build/bench.txt || { cat build/bench.txt; exit 1; }
	$(GO) run ./bench/guard allocs bench/baseline.txt build/bench.txt
	$(CALLS)

bench-baseline: build ## takes what the guarded benchmarks give now as the baseline: on purpose, on a quiet machine
	@mkdir -p build
	$(GO) test -count 6 $(GUARDED) >build/bench.txt || { cat build/bench.txt; exit 1; }
	grep -E '^(goos|goarch|pkg|cpu|Benchmark)' build/bench.txt >bench/baseline.txt
	$(CALLS) --keep

bench-compare: build ## time as well, and the cost beside nginx: for a quiet machine like the baseline's
	@mkdir -p build
	$(GO) test -count 6 $(GUARDED) >build/bench.txt || { cat build/bench.txt; exit 1; }
	$(GO) tool benchstat bench/baseline.txt build/bench.txt
	$(GO) run ./bench/guard allocs bench/baseline.txt build/bench.txt
	$(GO) run ./bench/peers --bin ./uni-api --out build/peers.md $(ARGS) >build/peers.log
	$(GO) run ./bench/guard ratios bench/results/peers.json build/peers.json

locust: build ## uni-api's own load test: 100 users, 120 s
	./loadtest/run.sh ./uni-api

##@ Keep
prices: ## renews the list prices that the program has with it, from the newest litellm that pip finds; look at the difference before you keep it
	rm -rf build/prices && mkdir -p build/prices
	python3 -m pip download --quiet --no-deps --dest build/prices litellm
	cd build/prices && python3 -m zipfile -e litellm-*.whl .
	cp build/prices/litellm-*.dist-info/licenses/LICENSE config/price/list.LICENSE
	$(GO) run ./config/price/renew build/prices/litellm/model_prices_and_context_window_backup.json "$$(basename build/prices/litellm-*.whl | cut -d- -f1-2 | tr - ' ')" config/price/list.txt

# All that staticcheck knows, but for how the comment of a function or type begins (ST1020 to ST1022: one comment may
# stand for two, or say what they implement) and hints for editors (QF).
CHECKS := all,-ST1020,-ST1021,-ST1022,-QF*
lint: ## formatting, vet, staticcheck, and known vulnerabilities where the database of them can be reached
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck -checks '$(CHECKS)' ./...
	./.ci/govulncheck

# It is built of two hundred modules, which takes longer than all of lint: on a bare machine more than a quarter of an hour.
GOLANGCI := build/golangci-lint-v2.15.0
lint-more: $(GOLANGCI) ## golangci-lint with the linters that have found something here; built once
	$(GOLANGCI) run -c .ci/golangci.yml ./...

$(GOLANGCI):
	GOBIN=$(CURDIR)/build $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(patsubst build/golangci-lint-%,%,$@)
	mv build/golangci-lint $@

FUZZTIME ?= 10m
JOBS     ?= 1
fuzz: ## every fuzz target for FUZZTIME each, JOBS of them at once; PACKAGES="./codec/sse ./usage" for some
	GO=$(GO) ./.ci/fuzz $(FUZZTIME) $(JOBS) $(PACKAGES)

# A platform is the system and the processor: goos and goarch are what Go calls them.
PLATFORMS ?= linux-amd64 linux-arm64 linux-386 linux-armv7 linux-riscv64 darwin-amd64 darwin-arm64 freebsd-amd64 windows-amd64
goos       = $(firstword $(subst -, ,$(1)))
goarch     = $(patsubst armv7,arm,$(lastword $(subst -, ,$(1))))
for        = GOOS=$(call goos,$(1)) GOARCH=$(call goarch,$(1)) GOARM=7 CGO_ENABLED=0 $(GO)

# Two packages at once are compiled and not linked; the flags are those of the
# release, which then finds them compiled.
cross: ## compiles the program for every platform that is released, and one that is not
	$(foreach p,$(PLATFORMS) linux-loong64,$(call for,$(p)) build -trimpath . ./server/command && ):

# What a release is made of depends on the commit and on Go's version alone: not on the folder, the day, the
# user, or what git tells the compiler beyond the version.
RELEASED   := -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
SBOM       := $(GO) run -trimpath github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0 bin -json -noserial -notimestamp -std -version $(VERSION)
COMMITTED  := $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
SAME_TAR   := $(if $(findstring GNU,$(shell tar --version)),--sort=name --owner=0 --group=0 --numeric-owner --mode=u+rwX$(comma)go+rX$(comma)go-w --mtime=@$(COMMITTED))
LICENSES   := $(GO) run ./e2e/licenses "litellm's list prices=config/price/list.LICENSE"
binary      = dist/uni-api-$(VERSION)-$(1)/uni-api$(if $(findstring windows,$(1)),.exe)

release: $(PLATFORMS:%=dist/%) ## archives of the platforms that are served, with licences, lists of parts (SBOM), checksums and what CHANGELOG.md says of the version, in dist/
	$(LICENSES) $(foreach p,$(PLATFORMS),$(call binary,$(p))) >dist/THIRD-PARTY-LICENSES
	$(foreach p,$(PLATFORMS),$(SBOM) -output dist/uni-api-$(VERSION)-$(p).cdx.json $(call binary,$(p)) &&) true
	$(foreach p,$(PLATFORMS),cp dist/THIRD-PARTY-LICENSES dist/uni-api-$(VERSION)-$(p) && tar -C dist $(SAME_TAR) -cf dist/uni-api-$(VERSION)-$(p).tar uni-api-$(VERSION)-$(p) && gzip -n dist/uni-api-$(VERSION)-$(p).tar && rm -r dist/uni-api-$(VERSION)-$(p) &&) true
	rm dist/uni-api.1 dist/THIRD-PARTY-LICENSES
	awk -v version='$(VERSION:v%=%)' '/^## /{of=$$2==version; unreleased=$$2=="Unreleased"} of{found=1; notes=notes $$0 "\n"} unreleased{next_notes=next_notes $$0 "\n"} END{printf "%s", found?notes:next_notes}' CHANGELOG.md >dist/NOTES.md
	cd dist && (sha256sum *.tar.gz *.cdx.json || shasum -a 256 *.tar.gz *.cdx.json) >SHA256SUMS

.PHONY: dist $(PLATFORMS:%=dist/%)
dist:
	rm -rf dist && mkdir dist
	CGO_ENABLED=0 $(GO) run $(RELEASED) . man >dist/uni-api.1

$(PLATFORMS:%=dist/%): dist/%: dist
	mkdir -p dist/uni-api-$(VERSION)-$*
	$(call for,$*) build $(RELEASED) -o $(call binary,$*) .
	cp -R dist/uni-api.1 LICENSE README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md api.example.yaml deploy docs dist/uni-api-$(VERSION)-$*

licenses: build ## what is linked into the program, by whom and under which licence; fails for one that it may not be given away with
	@mkdir -p build
	$(LICENSES) ./uni-api >build/THIRD-PARTY-LICENSES
	@sed -n '3,/^$$/p' build/THIRD-PARTY-LICENSES

test-reproducible: ## a release of this platform, made twice: in two folders, each with an empty cache, gives the same bytes
	GO=$(GO) ./.ci/reproducible

help: ## this list
	@awk 'BEGIN{FS=":.*## "} /^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' Makefile

clean: ## removes what was built
	rm -rf uni-api build dist
