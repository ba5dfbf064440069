# `make run` and `make test` set up everything they need; see README.md.
PYTHON ?= python3
ARGS ?=
# Most tests wait for something, so there may be more of them at once than there are cores.
JOBS ?= 3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check
LOCKED := $(INSTALL) --require-hashes --only-binary :all:

.PHONY: run test lint format bench faults soak package clean

run: $(VENV)/.run
	@$(BIN)/depthdesk $(or $(ARGS),--paper)

test: $(VENV)/.dev
	@packaging/system-check
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -q -n $(JOBS) --dist worksteal $(ARGS)

faults: $(VENV)/.dev
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.faults $(ARGS)

soak: $(VENV)/.dev
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.lab.soak $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev build/bench-venv
	@QT_QPA_PLATFORM=offscreen $(BIN)/python -m tests.bench $(ARGS)

# A peer to compare with; it is built from source, so its absence must not stop the benchmark.
build/bench-venv: requirements-bench.lock
	@$(PYTHON) -m venv $@ && $@/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $< \
	  || echo "depthdesk: the cryptofeed comparison is left out: it could not be installed" >&2

package: build/package-venv/installed.json
	@packaging/system-check
	@PYTHONPATH=packaging build/package-venv/bin/python -m bundle

build/package-venv/installed.json: requirements-package.lock
	@packaging/tools-check $(PYTHON)
	@echo "depthdesk: installing what packages are made with (once)" >&2
	@rm -rf build/package-venv && $(PYTHON) -m venv build/package-venv
	@build/package-venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: \
	  -r $< --report $@.new
	@mv $@.new $@

clean:
	rm -rf $(VENV) build

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "depthdesk: needs Python 3.11 or newer; try: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "depthdesk: cannot make a virtual environment; try: apt-get install python3-venv" >&2; exit 2; }
	@touch $@

$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/.base
	@echo "depthdesk: installing (once)" >&2
	@test -e $(VENV)/.dev || $(LOCKED) -r requirements.lock
	@$(INSTALL) --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	@$(LOCKED) -r requirements-dev.lock
	@touch $@
