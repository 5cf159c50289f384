# Everything one does with this project. `make help` lists it.

VENV ?= .venv
PYTHON = $(VENV)/bin/python
# Two processes, each with servers and a database of its own, and with settings that it reads by itself.
PYTEST = $(PYTHON) -m pytest --quiet --dist loadfile --tx '2*popen//env:DJANGO_SETTINGS_MODULE='
# What reaches the server over HTTP alone, or brings its own database or broker, does not tell one from the other.
SEEN_ON_SQLITE = $(addprefix --ignore=tests/,browser docs sdk e2e/test_broker.py e2e/test_make_run.py e2e/test_readme.py)
export PORT

.PHONY: help run test check bench screenshots

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run:  ## serve on port 8000, or the next free one (PORT=… insists on one); all state is in var/
	@deploy/venv.sh $(VENV) requirements.txt
	@exec $(PYTHON) -m deploy.embedded

test: tools  ## check, then the tests on SQLite and on PostgreSQL, with a real store, Redis and workers
	@deploy/debian.sh postgresql redis-server curl chromium
	@$(MAKE) --no-print-directory check
	TEST_DATABASE=sqlite $(PYTEST)
	TEST_DATABASE=postgres $(PYTEST) $(SEEN_ON_SQLITE)

check: tools  ## style, types, layers, and that no migration is missing; touches nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy wanllmdb/sdk
	$(VENV)/bin/lint-imports --no-logo
	SECRET_KEY=check DATABASE_URL=sqlite://:memory: $(PYTHON) -W error manage.py makemigrations --check --dry-run
	SECRET_KEY=check $(PYTHON) manage.py check --fail-level WARNING

bench: tools  ## measure this server on this machine, with everything real
	@deploy/debian.sh postgresql redis-server curl
	$(PYTHON) -m benchmarks

screenshots: tools  ## every page of the web UI in two widths and two colour schemes, into var/screenshots
	@deploy/debian.sh chromium
	$(PYTHON) -m tests.browser.screenshots

.PHONY: tools
tools:
	@deploy/venv.sh $(VENV) requirements.txt requirements-dev.txt
