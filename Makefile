# The command surface. CI runs `make lint` and `make test`; `make help` lists all.

PYTHON := .venv/bin/python
STAMP := .venv/.requirements-installed
# Parallel test processes.
WORKERS ?= 2

.PHONY: help setup run test lint bench lock

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with the locked dependencies; the others do it by themselves

$(STAMP): requirements.lock
	@sh portal/local/setup.sh $@

run: setup ## start everything; PORT=8000, EMULATOR=0 leaves out the emulator, Ctrl-C ends it
	@exec $(PYTHON) -m portal.local.run

test: setup ## run all tests; ARGS="tests/mirror -k sync" some, REQUIRE_BROWSER=1 none without a browser
	@$(PYTHON) -m pytest -n $(WORKERS) $(ARGS)

lint: setup ## check format, code, types, import contracts, migrations and the lock file
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
	$(PYTHON) -c 'from importlinter.cli import lint_imports_command as run; run()' --no-cache
	@# Compares models with migration files; no database is needed, and none is asked.
	DATABASE_URL=postgresql://portal@127.0.0.1:1/portal $(PYTHON) -W ignore manage.py makemigrations --check --dry-run
	$(PYTHON) -m portal.local.check_lock
	$(PYTHON) -m pip check

bench: setup ## measure what the speed promises are about; PART=name one of them
	@$(PYTHON) -m bench $(PART)

lock: setup ## renew requirements.lock from pyproject.toml
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check uv
	@$(PYTHON) -m uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --all-extras pyproject.toml -o requirements.lock
