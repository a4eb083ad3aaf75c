# make run       set up .venv and go round the whole loop on the ml workflow
# make test      set up .venv and check everything: lint, types, layers, documentation, tests
# make coverage  run the tests and count what they reach, in half as much time again
# make docs      set up .venv and build the documentation into build/site
# make clean     remove .venv and what tools leave behind; profiles, models and runs stay
#
# VENV=folder keeps the environment elsewhere, PYTHON=python3.12 takes another interpreter,
# ARGS="--reps 3" is handed to the command.

VENV ?= .venv
BIN := $(VENV)/bin
RUN_EXTRAS := server,ml,reports
TEST_EXTRAS := all,dev,docs
NEWEST = python3 python3.14 python3.13 python3.12 python3.11
FITS = import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in $(NEWEST); do $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

# the notice that is switched off is of Material, which ends in 2027, and not of this build
BUILD_DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

export PYTHONUNBUFFERED = 1

.PHONY: run test coverage docs clean
.DELETE_ON_ERROR:

run: $(VENV)/.ready-to-run
	@$(BIN)/flexecutor-energy loop --dag ml $(ARGS)

test: $(VENV)/.ready-to-test
	@failed=""; \
	step() { name=$$1; echo "== $$name"; shift; "$$@" || failed="$$failed, $$name"; }; \
	step "ruff check" $(BIN)/ruff check .; \
	step "ruff format" $(BIN)/ruff format --check .; \
	step "mypy" $(BIN)/mypy; \
	step "import-linter" $(BIN)/lint-imports --no-cache; \
	step "mkdocs" env $(BUILD_DOCS); \
	step "pytest" $(BIN)/python -m pytest $(ARGS); \
	if [ -n "$$failed" ]; then echo "failed: $${failed#, }" >&2; exit 1; fi

coverage: $(VENV)/.ready-to-test
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered $(ARGS)

docs: $(VENV)/.ready-to-test
	@$(BUILD_DOCS)
	@echo "documentation: build/site/index.html"

clean:
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache \
	  .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Whoever has all that tests need can run.
$(VENV)/.ready-to-run: pyproject.toml | $(VENV)/bin/python
	@if [ ! -e $(VENV)/.ready-to-test ] || [ pyproject.toml -nt $(VENV)/.ready-to-test ]; then \
	  echo "installing flexecutor-energy[$(RUN_EXTRAS)] in $(VENV)"; \
	  $(PIP_INSTALL) '.[$(RUN_EXTRAS)]'; \
	fi
	@touch $@

$(VENV)/.ready-to-test: pyproject.toml | $(VENV)/bin/python
	@echo "installing flexecutor-energy[$(TEST_EXTRAS)] in $(VENV)"
	@$(PIP_INSTALL) '.[$(TEST_EXTRAS)]'
	@touch $@

$(VENV)/bin/python:
	@if ! $(or $(PYTHON),false) -c '$(FITS)' 2>/dev/null; then \
	  echo "flexecutor-energy needs Python 3.11 or newer, found: $$($(or $(PYTHON),python3) --version 2>&1)." >&2; \
	  echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; \
	  exit 1; \
	fi
	@$(PYTHON) -m venv $(VENV) || { \
	  rm -rf $(VENV); \
	  echo "could not make $(VENV); on Debian and Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; \
	}
