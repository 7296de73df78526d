# The command surface. CI runs `make lint` and `make test`; `make help` lists all.

PYTHON := .venv/bin/python
WORKERS ?= 2
STAMP := .venv/.requirements-installed

.PHONY: help setup run test lint bench lock

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP) ## make .venv with the locked dependencies

$(STAMP): requirements.lock
	@found=; for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "Python 3.11, 3.12 or 3.13 is needed and was not found." >&2; exit 1; fi; \
	[ -x $(PYTHON) ] || $$found -m venv .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(STAMP)

run: setup ## start everything on PORT (default 8000)
	@exec $(PYTHON) -m portal.local.run

test: setup ## run all tests; more pytest arguments in ARGS
	@$(PYTHON) -m pytest -n $(WORKERS) $(ARGS)

lint: setup ## format, lint, types, import contracts, migrations, lock file
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-cache
	$(PYTHON) -W ignore manage.py makemigrations --check --dry-run
	$(PYTHON) -m portal.local.check_lock

bench: setup ## measure what the speed promises are about
	@$(PYTHON) -m bench $(PART)

lock: setup ## renew requirements.lock from pyproject.toml
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	@.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --all-extras pyproject.toml -o requirements.lock
