# make demo and make test are all a fresh machine with Go needs.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      ?= go
# The race detector needs a C compiler; without one the tests run all the same.
RACE    := $(if $(shell command -v cc || command -v gcc || command -v clang),-race)

.PHONY: build demo test bench bench-peers locust lint fuzz cross clean

build: ## the static, stripped binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o uni-api .

demo: build ## one streamed answer through a mock provider: no key, no network, no config
	./uni-api demo

test: ## everything
	$(GO) test $(RACE) ./...

bench: ## the hot path, with allocations
	$(GO) test -run '^$$' -bench . -benchmem ./bench ./codec/... ./pool

bench-peers: build ## CPU per request beside nginx and haproxy, one run
	$(GO) run ./bench/peers --bin ./uni-api $(ARGS)

locust: build ## uni-api's own load test: 100 users, 120 s
	./loadtest/run.sh ./uni-api

lint:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

FUZZTIME ?= 10m
fuzz: ## every fuzz target for FUZZTIME each
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
		for name in $$($(GO) test -list '^Fuzz' $$target | grep ^Fuzz); do \
			echo "$$target $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) $$target || exit 1; \
		done; done

cross: ## the other platforms that must build
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null .
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) build -o /dev/null .

clean:
	rm -rf uni-api build
