# What a newcomer types; `make` alone lists it. Only Python 3.11 or newer and make are needed: the rest is fetched into
# .venv, exactly as requirements/*.txt lock it. requirements/setup.sh and system.sh say how.

BIN := .venv/bin
# Two tests at a time suit a small machine; `make test WORKERS=8` suits a large one.
WORKERS ?= 2
# `make test ARGS="tests/domain -x"` runs a part.
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test lint soak bench docs clean

help: ## List what make can do
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.main ## Make .venv and install walletd as locked

demo: setup ## Start walletd with a demo shop, a fake Apple and phones to watch (ARGS="--port …")
	$(BIN)/walletd demo $(ARGS)

serve: setup ## Start walletd
	$(BIN)/walletd serve $(ARGS)

test: .venv/.dev ## Run every test (ARGS="…" for pytest, WORKERS=n)
	@requirements/system.sh
	$(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

lint: .venv/.dev ## Check style, types and who imports whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

soak: .venv/.dev ## Run walletd under load and faults for a long time
	$(BIN)/python -m bench.soak $(ARGS)
	$(BIN)/python -m bench.customers.soak_merges
	$(BIN)/python -m bench.soak_requests

bench: .venv/.dev ## Measure speed against peers and against the machine's limits
	$(BIN)/python -m bench $(ARGS)

docs: .venv/.dev ## Build the documentation into docs/site/
	$(BIN)/zensical build --config-file docs/zensical.toml

clean: ## Remove .venv and everything else that can be made again
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist docs/site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.main: requirements/main.txt requirements/build.txt requirements/setup.sh
	@requirements/setup.sh main build
	@touch $@

.venv/.dev: .venv/.main requirements/dev.txt
	@requirements/setup.sh dev
	@touch $@
