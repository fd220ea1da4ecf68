# `make run` needs Python 3.11 or newer, make, and nothing else; `make help` lists the rest.

VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
GPU := .venv-gpu
ARGUMENTS = $(if $(CONFIG),--config "$(CONFIG)") $(if $(STORE),--store "$(STORE)")
SOURCES := qfin flows tests benchmarks

# The first Python that is new enough and can make virtual environments; `make PYTHON=...` overrides.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)

.PHONY: help run test test-gpu lint lock bench race deploy undeploy clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: $(VENV)/run.stamp ## prices to report: [CONFIG=path.toml] [STORE=folder]
	@$(BIN)/qfin run $(ARGUMENTS)

test: lint ## lint, types, import contracts and the whole test suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-gpu: $(GPU)/gpu.stamp ## the GPU backend's tests and timings, where there is an NVIDIA GPU
	$(GPU)/bin/python -m pytest -m gpu tests/quantum/backends
	$(GPU)/bin/python benchmarks/backends.py

lint: $(VENV)/test.stamp ## ruff and mypy
	$(BIN)/ruff check $(wildcard $(SOURCES))
	$(BIN)/ruff format --check $(wildcard $(SOURCES))
	$(BIN)/mypy

bench: $(VENV)/run.stamp $(PEERS)/bench.stamp ## the figures of the documentation, measured again
	@set -e; for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script; done

race: $(VENV)/run.stamp ## the shipped sets raced, tables of docs/race.md: [SETS="fx ust"] [FULL=1] [STORE=folder]
	@$(BIN)/python benchmarks/race.py $(SETS) $(if $(FULL),--full) $(if $(STORE),--store "$(STORE)")

deploy: $(VENV)/run.stamp ## server, worker and schedules on the loopback: [STORE=folder] [PORT=number]
	@$(BIN)/python -m flows.deploy up $(if $(PORT),--port $(PORT)) $(if $(STORE),--store "$(STORE)")

undeploy: $(VENV)/run.stamp ## stop exactly what `make deploy` started
	@$(BIN)/python -m flows.deploy down

lock: $(VENV)/run.stamp ## pin the newest versions that pyproject.toml allows
	$(BIN)/uv pip compile pyproject.toml $(PINNING) $(EXTRAS) --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(PINNING) $(EXTRAS) --extra test --constraint requirements.lock \
		--upgrade --output-file requirements-test.lock
	$(BIN)/uv pip compile benchmarks/peers.in $(PINNING) --constraint requirements.lock \
		--upgrade --output-file benchmarks/peers.lock
	echo 'qiskit-aer-gpu>=0.15' | $(BIN)/uv pip compile - $(PINNING) --constraint requirements-test.lock \
		--upgrade --output-file requirements-gpu.lock
EXTRAS := --extra build --extra aer --extra ibm
PINNING := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

clean: ## remove the environments and caches, never the store
	rm -rf $(VENV) $(PEERS) $(GPU) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find qfin flows tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "qfin needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv);" \
		"if there is one, name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(BIN)/python
	@$(call install,requirements.lock)
	@touch $@

$(VENV)/test.stamp: requirements-test.lock pyproject.toml | $(BIN)/python
	@$(call install,requirements-test.lock)
	@touch $@ $(VENV)/run.stamp

# The engines that benchmarks/gradient.py measures qfin against, in an environment of their own.
$(PEERS)/bench.stamp: benchmarks/peers.lock | $(VENV)/run.stamp
	@$(PYTHON) -m venv --clear $(PEERS)
	@echo "Installing $< (a minute at most)"
	@$(call packages,$<,$(PEERS))
	@touch $@

# qiskit-aer-gpu installs the same module as qiskit-aer, so it stands in its place in an environment of its own.
$(GPU)/gpu.stamp: requirements-test.lock requirements-gpu.lock pyproject.toml | $(VENV)/run.stamp
	@$(PYTHON) -m venv --clear $(GPU)
	@echo "Installing $< and requirements-gpu.lock (some 3 GB, minutes)"
	@awk '/^[^ ]/ { aer = /^qiskit-aer==/ } !aer' requirements-test.lock > $(GPU)/test.lock
	@$(call packages,$(GPU)/test.lock,$(GPU))
	@$(call packages,requirements-gpu.lock,$(GPU))
	@$(GPU)/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

define install
set -e; echo "Installing $(1) (a minute at most)"; \
awk '/^uv==/,!/\\$$/' $(1) > $(VENV)/uv.lock; \
$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock || true; \
$(call packages,$(1),$(VENV)); \
$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

# uv (pinned and hashed like everything else) installs eight times faster than pip, but does not read pip's
# configuration: where it cannot get at the packages, pip does it. Byte code is left to the first import.
define packages
index=$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || true)}; \
$${index:+env UV_DEFAULT_INDEX=$$index} $(BIN)/uv pip install --quiet --python $(2)/bin/python --link-mode copy \
	--no-deps --require-hashes -r $(1) || \
$(2)/bin/pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r $(1)
endef
