# `make demo` and `make test` set everything up by themselves: Python 3.11+ and make are all they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MANAGE := $(BIN)/python manage.py
ON_POSTGRES := $(BIN)/python .ci/with_postgres.py
TESTS_ON_POSTGRES := $(ON_POSTGRES) --fast
PORT ?= 8000

# Development: debug pages, plain HTTP on localhost, a throw-away secret key. Production sets its own environment.
export CONFIDENCE_DEV ?= 1

.PHONY: help setup demo run test check format bench simulate e2e interop figures pictures clean

help: ## Say what there is
	@grep -E '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.ready ## Virtual environment with the pinned requirements

$(VENV)/.ready: requirements.txt requirements-dev.txt requirements-engines.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	@echo "Installing the pinned requirements into $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: setup ## Run the whole loop on real decisions and show what came of it
	@$(MANAGE) migrate --verbosity 0
	@$(BIN)/python -m confidence_project.demo

# Both in the background: a shell that waits for a foreground process would answer a signal only after it.
run: setup ## Serve the control plane on http://localhost:8000, with the worker that does its tasks
	@$(BIN)/python -c 'import socket, sys; taken = not socket.socket().connect_ex(("127.0.0.1", $(PORT))); \
		sys.exit("Port $(PORT) is taken. Stop what listens there, or take another: make run PORT=8001" if taken else 0)'
	@$(MANAGE) migrate --verbosity 0
	@trap 'trap - INT TERM; kill $$pids; wait' EXIT; trap 'exit 0' INT TERM; \
		$(MANAGE) db_worker --no-reload & pids=$$!; \
		$(MANAGE) runserver $(PORT) & pids="$$pids $$!"; wait $$!

test: setup ## Run the tests on SQLite, and those that use the database on PostgreSQL, too
	@echo "== SQLite =="
	@DATABASE_URL= $(BIN)/python -m pytest -q
	@echo "== PostgreSQL =="
	@$(TESTS_ON_POSTGRES) $(BIN)/python -m pytest -q -m database

check: setup ## Lint, types, import order, migrations, deployment settings
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy confidence_project governance telemetry ledger calibration
	@$(MANAGE) makemigrations --check --dry-run
	@$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null
	@CONFIDENCE_DEV=0 SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
		ALLOWED_HOSTS=confidence.example.org $(MANAGE) check --deploy --fail-level WARNING

format: setup ## Format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

simulate: setup ## Simulate the promises of the statistics, each figure beside its goal (about ten minutes)
	@missed=0; for each in guarantee alarm audits bands labels label_error looking sides joint; do \
		$(BIN)/python -m benchmarks.simulate_$$each || missed=1; done; exit $$missed

PEERS := .venv-bench

# The peers' requirements and ours do not go together.
$(PEERS)/.ready: requirements-bench.txt
	@echo "Installing the pinned requirements of the peers into $(PEERS) …"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

bench: setup $(PEERS)/.ready ## Measure the gate beside peers; BENCH="--quick --against FOLDER --write" (see docs/performance.md)
	@$(ON_POSTGRES) $(BIN)/python -m benchmarks.gate $(BENCH)

benches: setup ## Measure calibration, statistics and pages over ten million decisions (an hour, 20 GB)
	@$(ON_POSTGRES) $(BIN)/python -m benchmarks
	@folder=$$(mktemp -d); trap 'rm -r "$$folder"' EXIT; \
		CONFIDENCE_BENCH_ROWS=1000000 DATABASE_URL="sqlite:///$$folder/bench.sqlite3" \
		$(BIN)/python -m benchmarks calibration_speed counts_speed

$(VENV)/.ready-e2e: $(VENV)/.ready requirements-e2e.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-e2e.txt
	@touch $@

e2e: $(VENV)/.ready-e2e ## Click through the admin in a real browser (needs Debian's chromium)
	@$(BIN)/python -m pytest -q confidence_project/desk/e2e
	@$(TESTS_ON_POSTGRES) $(BIN)/python -m pytest -q confidence_project/desk/e2e/test_story.py \
		confidence_project/desk/e2e/test_operations.py -k "story or run__ or rollout"

INTEROP := .venv-interop
CLIENTS := .ci/interop

$(INTEROP)/.ready: $(wildcard requirements*.txt)
	@echo "Installing the pinned requirements into $(INTEROP) …"
	@$(PYTHON) -m venv $(INTEROP)
	@$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-interop.txt
	@touch $@

# Emulators of warehouses, each in an environment of its own: their requirements go with nobody else's.
$(INTEROP)/emulators/%/.ready: $(CLIENTS)/emulators/%.txt $(INTEROP)/.ready
	@echo "Installing the emulator of $* …"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

EMULATORS := $(patsubst %,$(INTEROP)/emulators/%/.ready,bigquery snowflake)

# npm is a script that looks for its node on the path.
$(CLIENTS)/node_modules/.ready: $(INTEROP)/.ready $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@PATH="$(CURDIR)/$(INTEROP)/bin:$$PATH" npm ci --prefix $(CLIENTS) --no-audit --no-fund --loglevel error
	@touch $@

interop: $(CLIENTS)/node_modules/.ready $(EMULATORS) ## Let clients from elsewhere call a real server: OpenTelemetry JS, AI SDK, OFREP, schemathesis; engines
	@DATABASE_URL= $(INTEROP)/bin/python -m pytest -q $(CLIENTS)

figures: setup ## Draw the figures of docs/statistics.md anew
	@$(BIN)/python -m docs.figures

pictures: $(VENV)/.ready-e2e ## Make the pictures of the admin in docs/images anew
	@$(BIN)/python -m pytest -q -n 0 confidence_project/desk/e2e/pictures_of_docs.py

clean: ## Remove what the targets made; the database in var/ stays
	rm -rf $(VENV) $(INTEROP) $(PEERS) $(CLIENTS)/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
