# `make test` installs what the tests need and runs all of them.
.PHONY: test check clients model tools run fuzz api packages journeys

CARGO ?= cargo
BUILT = $(abspath $(or $(CARGO_TARGET_DIR),target))/debug/milepost

# Seconds for each fuzz target.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS = chunk credential detect form log pipe request socket

test: check clients model
	MILEPOST_TEST_MODEL="$$(scripts/minilm --where)" $(CARGO) test --workspace --locked
	$(MAKE) packages
	$(MAKE) journeys
	$(MAKE) api
	$(MAKE) fuzz FUZZ_SECONDS=10

# The TypeScript packages and the web app: format, types, sizes, tests; and that the app
# in the binary is what its sources make.
packages: node_modules/.package-lock.json
	$(CARGO) test --workspace --locked --no-run
	npm run check
	MILEPOST_BIN=$(BUILT) npm test
	scripts/check-web

# Chromium on a real server: what people do with the app.
journeys: node_modules/.package-lock.json
	$(CARGO) test --workspace --locked --no-run
	npm run build --workspace packages/client --workspace packages/react
	MILEPOST_BIN=$(BUILT) npm run journeys

node_modules/.package-lock.json: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

# Holds a running server to its own description.
api:
	$(CARGO) test --workspace --locked --no-run
	scripts/check-api $(BUILT)

# Looks for bytes that break a door of the server. Goes on from the last run.
fuzz: tools
	$(CARGO) fuzz build --sanitizer none --fuzz-dir fuzz
	@set -e; for target in $(FUZZ_TARGETS); do \
		mkdir -p fuzz/corpus/$$target; \
		echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
		$(CARGO) fuzz run --sanitizer none --fuzz-dir fuzz $$target \
			fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) \
			-timeout=10 -rss_limit_mb=1024 -max_len=65536 -verbosity=0 -print_final_stats=1; \
	done

# What needs no running: format, lints, dependencies and their licences.
check: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) deny --locked --log-level error check bans licenses sources

# Other systems' clients, which the tests run.
clients:
	@scripts/install-clients

# What the tests embed with.
model:
	@scripts/minilm

tools:
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	@$(CARGO) fuzz --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz

run:
	$(CARGO) run --release -- serve
