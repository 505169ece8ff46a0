# `make test` installs what the tests need and runs all of them.
.PHONY: test check tools run

CARGO ?= cargo

test: check
	$(CARGO) test --workspace --locked

# What needs no running: format, lints, dependencies and their licences.
check: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) deny --offline --log-level error check bans licenses sources

tools:
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny

run:
	$(CARGO) run --release -- serve
