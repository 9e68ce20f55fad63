# Everything a newcomer or a build machine runs. `make` alone lists it.
# PYTHON=/path/to/python3 chooses the interpreter; without it, the first one of 3.11 or later on PATH is taken.

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench accuracy mutation golden docs clean
SHELL := /bin/bash

BIN := .venv/bin
RUNTIME := .venv/.runtime-ready
READY := .venv/.ready
COMPILED := ingest/json_columns.pyx ingest/json_values.pxd
OUT ?= demo_out
PROCESSES ?= 2
BENCHES ?= registry_load read_fixes store run

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## makes the environment in .venv, with the tools for development

demo: $(RUNTIME) ## the whole job on the sample tracks: report, maps, scores (OUT=demo_out)
	@$(BIN)/muckwatch demo --out "$(OUT)"

test: $(READY) ## every test; installs Chromium, Chinese fonts, Java, Maven and a Kafka broker where they are missing
	@tools/setup-system
	@[ -n "$$MUCKWATCH_KAFKA" ] || tools/kafka fetch
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY) ## what needs no run: lint, format, types, the arrows between the folders, current docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/generate_rules.py --check
	$(BIN)/python tools/generate_openapi.py --check

bench: $(READY) ## speed and memory of each part (BENCHES="registry_load accuracy": only these)
	@for each in $(BENCHES); do echo "== $$each"; $(BIN)/python -m bench.$$each $(ARGS) || exit 1; done

accuracy: $(READY) ## docs/accuracy.md, measured on 38 invented cities; ten minutes (ARGS=--quick: a minute, prints only)
	@$(BIN)/python -m bench.accuracy $(ARGS)

mutation: $(READY) ## puts faults into copies of the rules and counts what the tests notice; half an hour (ARGS="--mutants 40")
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev,mutation]'
	@$(BIN)/python -m bench.mutation $(ARGS)

golden: $(READY) ## rewrites the golden weeks in tests/golden, on purpose, when findings were meant to change
	@$(BIN)/python -m bench.golden

docs: $(READY) ## docs/rules.md, docs/policy.md and docs/openapi.json, from the rules, the policy and the API themselves
	$(BIN)/python tools/generate_rules.py
	$(BIN)/python tools/generate_openapi.py

clean: ## removes the environment, caches and the demo's output
	rm -rf .venv build *.egg-info ingest/json_columns.c ingest/json_columns.*.so demo_out .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -exec rm -rf {} +

$(RUNTIME): pyproject.toml $(COMPILED)
	@python=$$(tools/find-python) && echo "Making the environment in .venv with $$python (once; a minute or two)" && "$$python" -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(READY): $(RUNTIME)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@
