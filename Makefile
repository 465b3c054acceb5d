# make demo and make test are all a fresh machine with Go needs.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      ?= go
# The race detector needs a C compiler; without one the tests run all the same.
RACE    := $(if $(shell command -v cc || command -v gcc || command -v clang),-race)

.PHONY: build demo test test-chaos release bench bench-peers locust lint fuzz cross clean

build: ## the static, stripped binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o uni-api .

demo: build ## one streamed answer through a mock provider: no key, no network, no config
	./uni-api demo

test: ## everything
	$(GO) test $(RACE) ./...

test-chaos: ## behind haproxy, nginx and Caddy, and at 5,000 streams: apt-get install haproxy nginx caddy
	$(GO) test -tags chaos -count 1 -timeout 10m ./server

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

release: ## archives of the platforms that are served, with their checksums, in dist/
	rm -rf dist
	for platform in linux-amd64 linux-arm64 darwin-amd64 darwin-arm64; do \
		dir=dist/uni-api-$(VERSION)-$$platform; mkdir -p $$dir || exit 1; \
		GOOS=$${platform%-*} GOARCH=$${platform#*-} CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $$dir/uni-api . || exit 1; \
		cp -R LICENSE README.md api.example.yaml deploy docs $$dir && tar -C dist -czf $$dir.tar.gz $${dir#dist/} && rm -r $$dir || exit 1; \
	done
	cd dist && (sha256sum *.tar.gz || shasum -a 256 *.tar.gz) >SHA256SUMS

clean:
	rm -rf uni-api build dist
