# The tasks of this project. `make help` lists them.

VENV ?= .venv
PYTHON = $(VENV)/bin/python
# Each process has its own servers and database, and reads its own settings. They take the files in our own order.
PYTEST = $(PYTHON) -m pytest --quiet --dist loadfile --no-loadscope-reorder --tx '2*popen//env:DJANGO_SETTINGS_MODULE='
# Tests that a database can make a difference to. The others only use HTTP, bring their own, or repeat what these ask.
BOTH_DATABASES = $(addprefix tests/,accounts api artifacts core events hierarchies migrations notifications projects tracking \
	$(addprefix attacks/test_,brute_force.py busy_database.py long_lists.py) e2e/test_process_kills.py \
	$(addprefix records/test_,concurrent_processes.py hooks.py manager.py object_trust.py objects.py sessions.py stateful.py) \
	$(addprefix wandb_api/test_,filters.py manifests.py registries.py upload_trust.py uploads.py) \
	$(addprefix web/test_,pagination.py project_pages.py search_page.py version_page.py)) \
	$(addprefix --ignore=tests/,api/test_schema.py artifacts/content/test_archives.py) \
	$(addprefix --ignore=tests/artifacts/test_,admin.py doctor.py store_down.py) \
	$(addprefix --ignore=tests/core/test_,giving_way.py sqlite.py sqlite_backup.py sqlite_queue.py)
export PORT

.PHONY: help run stack test check bench screenshots

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run:  ## start everything, on port 8000 or the next free one (PORT=… requires one); all state is in var/
	@deploy/venv.sh $(VENV) requirements.txt
	@exec $(PYTHON) -m deploy.embedded

stack:  ## start it as a team runs it: PostgreSQL, Redis, TLS, port 8443 or the next free one; all state is in var/stack/
	@deploy/debian.sh postgresql redis-server
	@deploy/venv.sh $(VENV) requirements.txt
	@exec $(PYTHON) -m deploy.stack

test: tools clients  ## run the checks, then the tests on SQLite and PostgreSQL, with a real object store, Redis and workers
	@deploy/debian.sh postgresql redis-server curl jq sqlite3 chromium
	@deploy/azurite.sh >/dev/null
	@$(MAKE) --no-print-directory check
	TEST_DATABASE=sqlite $(PYTEST)
	TEST_DATABASE=postgres $(PYTEST) $(BOTH_DATABASES)

check: tools  ## check style, types, import layers and migrations; changes nothing
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy wanllmdb/sdk wanllmdb/records
	$(VENV)/bin/lint-imports --no-logo
	SECRET_KEY=check DATABASE_URL=sqlite://:memory: $(PYTHON) -W error manage.py makemigrations --check --dry-run
	SECRET_KEY=check $(PYTHON) manage.py check --fail-level WARNING

bench: tools  ## run the benchmarks on this machine, with real parts only
	@deploy/debian.sh postgresql redis-server curl
	$(PYTHON) -m benchmarks

screenshots: tools  ## take screenshots of all pages in two widths and two colour schemes, into var/screenshots
	@deploy/debian.sh chromium
	$(PYTHON) -m tests.browser.screenshots

.PHONY: tools
tools:
	@deploy/venv.sh $(VENV) requirements.txt requirements-otel.txt requirements-dev.txt

# The official wandb client, each version in an environment of its own.
.PHONY: clients
clients: tools
	@for client in oldest newest; do deploy/venv.sh $(VENV)-wandb-$$client requirements-wandb-$$client.txt || exit 1; done
