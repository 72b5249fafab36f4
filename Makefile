.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

install: $(STAMP) ## Create .venv from the hashed lock files.

lock: install ## Renew the lock files from pyproject.toml.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header --extra dev -c requirements/runtime.txt \
	  pyproject.toml -o requirements/dev.txt

demo: install ## Three orders through the whole system, then everything stops (ARGS=--live uses the real OpenRouter).
	@$(BIN)/python -m sandbox.demo $(ARGS)

up: install ## The whole system in the foreground until Ctrl-C.
	@$(BIN)/python -m sandbox.up $(ARGS)

test: install ## All rings of tests: unit, judgement (the acceptance filter), integration, acceptance.
	@$(BIN)/python -m pytest tests/unit $(ARGS)
	@$(BIN)/python -m pytest tests/judgement $(ARGS)
	@$(BIN)/python -m pytest tests/integration $(ARGS)
	@$(BIN)/python -m pytest tests/acceptance $(ARGS)

bench: install ## Measure in at most ten minutes (ARGS="--quick", "--only jobs"; see docs/performance.md).
	@$(BIN)/python -m bench $(ARGS)

chaos: install ## Break everything under 10,000 orders, judge from outside (ARGS="--short --seed 7"; --help).
	@$(BIN)/python -m sandbox.chaos $(ARGS)

env: install ## Write .env.example and the generated pages from the code.
	@$(BIN)/python -m config.env_example > .env.example
	@$(BIN)/python -m config.manual > docs/configuration.md
	@$(BIN)/python -m ops.manual > docs/commands.md
	@$(BIN)/python -m ops.typescript > docs/site-types.d.ts

lint: install ## Style, types and the dependency rule.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: install ## Format and fix what can be fixed.
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: help install lock env demo up test bench chaos lint fmt
