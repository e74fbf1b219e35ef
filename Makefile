# Needs python3 (3.11 or newer) and make. The first target that needs an environment creates .venv.
# Another interpreter: make PYTHON=python3.13 test. Options of a command: make serve ARGS="--port 9000".

PYTHON ?= python3
IMAGE  ?= dossiers-mock-server
ARGS   ?=
BIN    := .venv/bin
# Bytecode is kept even if the environment says otherwise: pytest rewrites 500 files, and the tests start servers.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest
RUNTIME := .venv/.runtime
READY   := .venv/.ready
SITE    := .venv/.site
RELEASE := .venv/.release
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' mock_server/__init__.py)
# The tests need these and the runtime dependencies; other tools need newer versions of some of those.
TEST_TOOLS := pytest pytest-xdist hypothesis pypdf pytest-flask openapi-spec-validator syrupy

.DEFAULT_GOAL := help
.PHONY: axe identity fuzz-wire help serve test test-lowest test-newest soak scenarios clients examples coverage check lint types audit format docs site picture states
.PHONY: contract bench bench-peers bench-replicas bench-scale load image build release clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(RUNTIME) ## Start the server (ARGS="--port 9000")
	$(BIN)/mock-server serve $(ARGS)

test: $(READY) ## Run the tests: about 4 minutes on two cores (ARGS="-k dossiers")
	@echo 'All tests on all cores; two idle cores need about 4 minutes. Fewer: make test ARGS="tests/test_rules.py"'
	$(PYTEST) -n auto -q $(ARGS)

axe: .axe/.ready ## Install axe-core, with which the tests check the accessibility of the pages (needs npm)

test-lowest: .venv-lowest/.ready ## Run the tests with the lowest supported version of each dependency (ARGS="-k protocol")
	.venv-lowest/bin/python -m pytest -n auto -q $(ARGS)

test-newest: .venv-newest/.ready ## Run the tests with pre-releases of Flask and Werkzeug, if they exist
	.venv-newest/bin/python -m pytest -n auto -q $(ARGS)

soak: $(READY) ## Run the property tests for longer: about half an hour
	$(PYTEST) -n auto -q -m hypothesis --hypothesis-profile=soak $(ARGS)

scenarios: $(READY) ## Play every bundled scenario in both dialects (ARGS="--tag import")
	$(BIN)/mock-server scenarios run --dialect rest $(ARGS)
	$(BIN)/mock-server scenarios run --dialect edge $(ARGS)

clients: .clients/.ready ## Generate clients in three languages, compile and use them (ARGS="--tool java --document rest")
	$(BIN)/python tools/clients.py $(ARGS)

identity: .identity/.ready ## Run six OAuth and OpenID libraries against the sandbox (node for three)
	$(BIN)/python tools/identity.py

examples: $(READY) .examples/.ready ## Run the tests of the examples, in Python, Java and Node.js, and check the other files
	$(BIN)/pytest -q tests/test_examples.py $(ARGS)

coverage: $(READY) ## Run the tests and check the minimum of branch coverage
	$(PYTEST) -n auto -q --cov $(ARGS)

check: lint types audit ## All checks that CI runs before the tests

lint: $(READY) ## Format, lint, direction of imports, spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports --no-logo
	$(BIN)/codespell

types: $(READY) ## mypy, strict
	$(BIN)/mypy
	cd examples/client && ../../$(BIN)/mypy

fuzz-wire: $(READY) ## Send 100,000 random and mutated raw requests (ARGS="--requests 100000 --seed 1")
	$(BIN)/python tools/fuzz_wire.py --requests 100000 $(ARGS)

audit: $(READY) ## Known vulnerabilities of the dependencies, if their database can be reached
	$(BIN)/python tools/audit.py

format: $(READY) ## Format, and fix what ruff can fix
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(READY) ## Write the generated pages of docs/, openapi/ and the examples of the contract, build the site
	$(BIN)/python tools/examples.py
	$(BIN)/python tools/reference.py
	$(MAKE) --no-print-directory site

site: $(SITE) ## Build docs/ into site/: no warning, no dead link, nothing from another host
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict # with --quiet, it would not count the warnings

picture: $(READY) ## Take the screenshot of the dashboard again (needs Chromium)
	$(BIN)/python tools/dashboard.py $(ARGS)

states: $(READY) ## Generate the bundled state files
	for name in default empty pages; do \
	  $(BIN)/mock-server fixtures generate $$name --day 2026-01-15 --out fixtures/states/$$name.json || exit 1; done

contract: $(READY) ## Check the server against both OpenAPI documents with schemathesis
	$(BIN)/python tools/contract.py $(ARGS)

bench: $(READY) ## Compare with bare Flask, into docs/performance.md (needs wrk)
	$(BIN)/python bench/bench.py $(ARGS)

bench-peers: .peers/.ready ## Compare with similar servers (needs wrk, and node and java for most)
	.peers/bin/python bench/peers.py $(ARGS)

load: $(READY) ## Load a server for ten minutes, into docs/performance.md (needs wrk)
	$(BIN)/python bench/load.py $(ARGS)

bench-replicas: $(READY) ## Measure servers that share sandboxes through an engine (needs wrk and redis-server)
	$(BIN)/python bench/replicas.py $(ARGS)

bench-scale: $(READY) ## Measure a million dossiers, into docs/performance.md (needs wrk, and 8 GB of memory)
	$(BIN)/python bench/scale.py $(ARGS)

image: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) --tag $(IMAGE) .

build: $(RELEASE) ## Build wheel and sdist into dist/, and check them
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

release: build ## Also: try the wheel in an empty environment, SBOM, checksums; the image if there is docker
	$(BIN)/python tools/release.py
	@if docker info >/dev/null 2>&1; then $(MAKE) --no-print-directory image \
	  && docker inspect --format '{{json .Config.Labels}}' $(IMAGE); \
	else echo 'There is no docker that can be used: the image was not built. Where there is one: make image'; fi

clean: ## Remove the environment and all build results
	rm -rf .venv .venv-lowest .venv-newest .peers .identity .clients .examples .axe build dist site htmlcov .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -rf examples/client/.mypy_cache examples/client/.pytest_cache
	find mock_server tests examples -type d -name __pycache__ -prune -exec rm -rf {} +

.venv-lowest/.ready: pyproject.toml tools/lowest.py
	$(PYTHON) -m venv --clear .venv-lowest
	$(PYTHON) tools/lowest.py >.venv-lowest/constraints.txt
	.venv-lowest/bin/pip install --quiet --disable-pip-version-check --editable . $(TEST_TOOLS) --constraint .venv-lowest/constraints.txt
	@touch $@

.venv-newest/.ready: pyproject.toml
	$(PYTHON) -m venv --clear .venv-newest
	.venv-newest/bin/pip install --quiet --disable-pip-version-check --editable . $(TEST_TOOLS)
	.venv-newest/bin/pip install --quiet --disable-pip-version-check --pre --upgrade flask werkzeug
	@touch $@

.clients/.ready: $(READY) tools/clients/package.json tools/clients/requirements.txt
	$(PYTHON) -m venv .clients
	.clients/bin/pip install --quiet --disable-pip-version-check --requirement tools/clients/requirements.txt
	cp tools/clients/package.json .clients/
	! command -v npm >/dev/null || npm install --prefix .clients --silent --no-audit --no-fund
	@touch $@

.identity/.ready: $(READY) tools/identity/package.json tools/identity/requirements.txt
	$(PYTHON) -m venv .identity
	.identity/bin/pip install --quiet --disable-pip-version-check --requirement tools/identity/requirements.txt
	cp tools/identity/package.json .identity/
	! command -v npm >/dev/null || npm install --prefix .identity --silent --no-audit --no-fund
	@touch $@

.examples/.ready: Makefile
	mkdir -p .examples
	! command -v npm >/dev/null || npm install --prefix .examples --silent --no-save --no-audit --no-fund testcontainers@12 typescript@5 @types/node@20
	@touch $@

.axe/.ready: Makefile
	mkdir -p .axe
	! command -v npm >/dev/null || npm install --prefix .axe --silent --no-save --no-audit --no-fund axe-core@4.14.1
	@touch $@

.peers/.ready: $(READY) bench/peers/package.json bench/peers/requirements.txt
	$(PYTHON) -m venv .peers
	.peers/bin/pip install --quiet --disable-pip-version-check --requirement bench/peers/requirements.txt
	cp bench/peers/package.json .peers/
	! command -v npm >/dev/null || npm install --prefix .peers --silent --no-audit --no-fund
	@touch $@

$(RUNTIME): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'This project needs Python 3.11 or newer; "$(PYTHON)" is not. Name another one: make PYTHON=python3.13 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo '"$(PYTHON)" has no venv module. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@echo 'Installing the server and its dependencies into .venv; the next start takes less than a second.'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --disable-pip-version-check --editable .
	@touch $@

$(READY): $(RUNTIME)
	@echo 'Installing the tools for tests and checks into .venv: about 100 packages, half a minute or more.'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(RELEASE): $(RUNTIME)
	@echo 'Installing the tools for a release into .venv.'
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[release]'
	@touch $@

$(SITE): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
