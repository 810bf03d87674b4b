# The tools of one virtual environment, so that a shell, pre-commit and CI run the same versions.
PYTHON ?= python3
# Versions of the packages: tested (constraints.txt) or lowest (constraints-lowest.txt). Where CONSTRAINTS is given, the
# environment is one of its own for each interpreter and set of versions.
CONSTRAINTS ?=
VENV := .venv$(if $(CONSTRAINTS),-$(notdir $(PYTHON))-$(CONSTRAINTS))
VERSIONS := constraints$(if $(filter-out tested,$(CONSTRAINTS)),-$(CONSTRAINTS)).txt
BIN := $(VENV)/bin
STAMP := $(VENV)/installed.stamp
# A file's tests share their fixtures, so they stay in one process.
AT_ONCE := --numprocesses auto --dist loadfile
# Checks the type and shape of every array at each call of gan_core, which doubles the time of a test.
SHAPES := --jaxtyping-packages=gan_core,beartype.beartype
# Files with tests of a mark: reading the others takes as long as many tests.
files = $(shell grep -l 'mark\.$(1)\b' tests/test_*.py)
# The lowest versions of packages use what the packages that they need have deprecated since.
DEPRECATED := $(if $(filter lowest,$(CONSTRAINTS)),-W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning)
# As many processes as processors leave each of them a single thread.
ALONE := OMP_NUM_THREADS=1

.DEFAULT_GOAL := help
.PHONY: help install demo secrets test test-quick lint docs site notebook bench gpu soak dist clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## put the tested versions into .venv (PYTHON=python3.12 names another interpreter)

demo: install ## run the first study
	$(BIN)/gan-study run first-study

secrets: ## write .env with the passwords of docker-compose.yml, unless there is one
	@services/docker/write_secrets

test: install lint test-quick ## lint, then every test but the soak tests
	$(ALONE) $(BIN)/python -m pytest $(AT_ONCE) -m "slow and not soak" $(call files,slow)

test-quick: install ## the tests that start no Ray, server or browser (CONSTRAINTS=lowest: with the lowest versions)
	$(ALONE) $(BIN)/python -m pytest $(AT_ONCE) $(DEPRECATED) -m "not slow and not soak and not shapes"
	$(ALONE) $(BIN)/python -m pytest $(AT_ONCE) $(DEPRECATED) $(SHAPES) -m shapes $(call files,shapes)

lint: install ## formatting, ruff, import-linter and mypy
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/mypy

site: install ## build the pages of docs/ as a website in build/site
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/site

notebook: install ## execute docs/notebook.md and write docs/notebook.ipynb
	$(BIN)/python docs/execute_notebook.py

docs: install ## write the generated pages of docs/ and the schema of study files
	$(BIN)/python docs/generate.py

bench: install ## run every benchmark in turn
	@set -e; for file in $(filter-out benchmarks/gpu.py,$(wildcard benchmarks/*.py)); do \
		echo "== $$file"; $(BIN)/python "$$file"; \
	done

gpu: install ## a study on images, and the benchmarks of the trainer and of packs, on this machine's GPUs
	$(BIN)/python benchmarks/gpu.py
	$(BIN)/python benchmarks/packs.py --device cuda

soak: install ## the tests that run for many minutes
	$(BIN)/python -m pytest -m soak

dist: install ## build the wheel and the source archive in dist/
	$(BIN)/python -m build

clean: ## remove caches and build products, but neither environments nor the ledger
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*/*' -prune -exec rm -rf {} +

$(STAMP): pyproject.toml $(VERSIONS) | $(BIN)/python
	$(BIN)/python -m pip install --constraint $(VERSIONS) --editable '.[dev]'
	@touch $@

# ensurepip is asked for too: Debian ships venv without it, and then leaves a half-made folder behind.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "gan-studies needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())' 2>/dev/null || echo missing); try make $(or $(MAKECMDGOALS),install) PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module; install it (on Debian and Ubuntu the package python3-venv), or name another interpreter with PYTHON=." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
