# `make help` lists what there is. GNU make 3.81 (macOS) is enough.

VENV   := .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
NPM := tests/npm/node_modules/.installed
N      ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install programs system demo check format test schema chaos bench lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## everything Python into .venv, pinned and hash-checked (PYTHON=python3.12 for a new .venv)

# The stamp is what makes the second `make demo` start at once. Installing anew over what is there is fine.
$(STAMP): pyproject.toml requirements/dev.txt scripts/venv.sh
	@PYTHON="$(PYTHON)" scripts/venv.sh $(VENV)
	@echo "install: Python packages (pinned in requirements/dev.txt; a minute or two the first time)"
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

system: $(NPM) ## what the tests drive: sshd, Prometheus, Alertmanager, Chromium, yaml-language-server

programs:
	@scripts/system-packages.sh

$(NPM): tests/npm/package.json tests/npm/package-lock.json | programs
	@echo "system: npm packages (pinned in tests/npm/package-lock.json)"
	@cd tests/npm && npm ci --loglevel=error --no-audit --no-fund >/dev/null || \
	    { echo "system: \`npm ci\` in tests/npm failed; it takes its packages from npm's registry" >&2; exit 1; }
	@touch $@

demo: install ## an alert becomes an approved, verified rollback (APPROVE=1: nobody needs to answer)
	@exec $(BIN)/stanch up --demo $(if $(filter 1 yes true,$(APPROVE)),--approve)

check: install ## lint, format, types, import rules, the paths that the docs name
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/project/test_docs_paths.py

format: install ## put the code into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: install system ## the whole test suite (ARGS="-k name -x", N=4 processes)
	$(BIN)/python -m pytest -n $(N) --dist loadgroup --max-worker-restart 0 $(ARGS)

schema: install ## write what editors know of each action into schemas/runbook.v1.json
	$(BIN)/python -m scripts.schema

chaos: install system ## ten minutes in which everything breaks and every account must be true (SEED=n: again)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: install ## every benchmark, a table each (ARGS=--json for objects)
	@set -e; for file in bench/*.py; do \
	    case $$file in */_*) continue ;; esac; \
	    echo "== $$file" >&2; $(BIN)/python "$$file" $(ARGS); \
	done

lock: ## resolve requirements/*.txt anew (UPGRADE=all or UPGRADE=<package> moves the pins)
	@PYTHON="$(PYTHON)" scripts/lock.sh

clean: ## take away what was built here, the virtual environment too
	rm -rf $(VENV) tests/npm/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
