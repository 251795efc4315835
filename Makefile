# Two commands: `make up` deploys examples/chatqna here and asks it a question; `make test` runs the tests.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
BIN := $(VENV)/bin
EXAMPLE := examples/chatqna
STACK := chatqna-local
# the first Python that is new enough
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)

.PHONY: help up down test check bench clean
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 8

up: $(VENV)/.installed ## deploy the ChatQnA example on this machine, ingest its documents, ask its question
	@$(BIN)/opea-pulumi up $(EXAMPLE) --target local --stack $(STACK) --yes
	@$(BIN)/opea-pulumi ingest --stack $(STACK) $(EXAMPLE)/documents
	@$(BIN)/opea-pulumi ask --stack $(STACK) "$$(cat $(EXAMPLE)/question.txt)"

down: $(VENV)/.installed ## destroy the example's stack: its processes, ports and data
	@$(BIN)/opea-pulumi destroy --stack $(STACK) --yes

test: $(VENV)/.installed-tests ## all tests, on the real engine and real processes
	@$(BIN)/python -m pytest --numprocesses 3 --dist loadscope $(PYTEST)

check: $(VENV)/.installed-tests ## the static checks alone: ruff, mypy, import-linter
	@$(BIN)/python -m pytest tests/static

bench: $(VENV)/.installed-tests ## the benchmarks, as tables
	@$(BIN)/python -m benchmarks

clean: ## remove the virtual environment and what builds left
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "opea-pulumi needs Python 3.11 or newer: apt-get install python3 (or: brew install python)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "this Python has no venv module: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml
	@echo "installing opea-pulumi into $(VENV) ..."
	@# setuptools' advice on editable installs is for packagers
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[local]'
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed pyproject.toml
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[local,docker]' --group test
	@touch $@
