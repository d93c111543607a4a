# The project's words. `make help` lists them. Everything runs from .venv, made from requirements.lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help demo up test dev check format docs bench lock clean

help: ## list these words
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo "  ARGS=… hands words on, e.g. make demo ARGS=--exit, make test ARGS='tests/ratelimit -x'"

# One environment for everything, from the hash-locked file; setuptools comes from it too, so that
# building the package reaches for nothing else.
$(STAMP): requirements.lock pyproject.toml client/pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . -e client
	@touch $(STAMP)

demo: $(STAMP) ## a results morning twice: bare, then behind Sadd (ARGS=--exit ends by itself)
	@exec $(BIN)/sadd demo $(ARGS)

up: $(STAMP) ## the platform alone, on embedded stores
	@exec $(BIN)/sadd up $(ARGS)

test: $(STAMP) ## everything, on real stores (ARGS=tests/queueing for a part)
	@./tests/system-packages.sh
	$(BIN)/python -m pytest $(ARGS)

dev: $(STAMP) ## environment and commit hooks for a developer
	$(BIN)/pre-commit install

check: $(STAMP) ## format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## build docs/ into docs/_build/html
	$(BIN)/sphinx-build -W -q -b html docs docs/_build/html

bench: $(STAMP) ## the benchmarks (ARGS='store --json')
	@exec $(BIN)/sadd bench $(ARGS)

lock: $(STAMP) ## resolve pyproject.toml anew into requirements.lock (hashes, no addresses)
	$(BIN)/uv pip compile --universal --generate-hashes --all-extras --python-version 3.11 \
	  --no-emit-index-url --no-annotate --no-header --upgrade pyproject.toml -o requirements.lock

clean: ## remove what was built; the data folder .sadd stays
	rm -rf $(VENV) build dist *.egg-info docs/_build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
