# Each target is a thin line over a command one could type. `make help` lists them.
PORT ?= 8080
DATA ?= detection-model/workspace/data
DATA_NAME ?=
DATA_LICENCE ?= unknown
SOAK ?= --minutes 10 --clients 32 --cold-starts 100

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
NPM := cd webapp-frontend && PATH="$(CURDIR)/$(BIN):$$PATH" npm --loglevel=error
PACKAGES := detection-model/pyproject.toml webapp-backend/pyproject.toml
PAGE_SOURCES := $(shell find webapp-frontend/src webapp-frontend/public -type f 2>/dev/null) \
	$(wildcard webapp-frontend/*.json webapp-frontend/*.ts webapp-frontend/*.html)
PYTEST := CHROMIUM="$$(scripts/find-chromium.sh)" $(BIN)/python -m pytest

.PHONY: help run check test lint train evaluate bench-training bench-serving fuzz soak defences audit docker-test types readme lock clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 18

run: .venv/run.stamp webapp-frontend/dist/index.html ## Set up and serve the page at http://127.0.0.1:8080 (PORT=9000 for another)
	DEEPFAKE_PORT=$(PORT) exec $(BIN)/deepfake-webapp serve

check: lint ## The fast half of the tests: 4 minutes at most
	$(NPM) run check
	$(BIN)/python -m pytest -m "not slow"

test: .venv/test.stamp webapp-frontend/dist/index.html ## Every test, in a real Chromium too
	@scripts/find-chromium.sh >/dev/null
	$(MAKE) check
	$(PYTEST) -m slow

lint: .venv/test.stamp webapp-frontend/node_modules/.stamp ## Linters and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive detection-model/src webapp-backend/src scripts
	$(BIN)/hadolint webapp-backend/Dockerfile

train: .venv/run.stamp ## Train, measure and publish v1, v2 and v3 on DATA
	for network in v1 v2 v3; do \
		$(BIN)/deepfake train $$network --data "$(DATA)" --data-name "$(DATA_NAME)" --data-licence "$(DATA_LICENCE)" && \
		$(BIN)/deepfake evaluate $$network --data "$(DATA)" --data-name "$(DATA_NAME)" --robustness --save && \
		$(BIN)/deepfake publish $$network || exit 1; \
	done

evaluate: .venv/run.stamp ## Measure the published networks on DATA's Test split
	for network in webapp-backend/workspace/model/*.keras; do \
		$(BIN)/deepfake evaluate $$network --data "$(DATA)" --data-name "$(DATA_NAME)" --robustness || exit 1; \
	done

bench-training: .venv/test.stamp ## Training throughput beside the reference pipeline
	$(BIN)/python detection-model/benchmarks/bench_training.py

bench-serving: .venv/test.stamp ## Serving beside the reference's manner and beside no server
	$(BIN)/python webapp-backend/benchmarks/bench_serving.py --output docs/serving.json --plot docs/serving.svg

fuzz: .venv/test.stamp ## 20,000 damaged and hostile files through the request path: a quarter of an hour
	FUZZ_CASES=20000 $(BIN)/python -m pytest tests/fuzz --timeout 7200 -s

soak: .venv/test.stamp webapp-frontend/dist/index.html ## Ten minutes of mixed traffic, 100 cold starts of TensorBoard
	$(BIN)/python -m tests.soak $(SOAK)

defences: .venv/test.stamp ## Take each defence away once and see its test fail: half an hour
	$(BIN)/python -m tests.defences

audit: .venv/test.stamp webapp-frontend/node_modules/.stamp ## Known vulnerabilities of the pinned packages, and secrets by mistake
	scripts/audit.sh

docker-test: ## Build the images and check running containers; needs Docker
	scripts/docker-test.sh

types: .venv/run.stamp webapp-frontend/node_modules/.stamp ## The page's types from the OpenAPI document
	$(BIN)/deepfake-webapp openapi >webapp-frontend/openapi.json
	$(NPM) run types

readme: .venv/run.stamp ## The documents' tables from the cards and the settings
	$(BIN)/python -m tests.docs.tables

lock: .venv/test.stamp ## Resolve the pinned versions in locks/ anew
	scripts/lock.sh

clean: ## Remove what the other targets made
	rm -rf .venv webapp-frontend/node_modules webapp-frontend/dist

# --- set-up ---

.venv/bin/python:
	@python=$$(scripts/find-python.sh) && echo "Setting up .venv with $$python" && "$$python" -m venv .venv

# The locks are whole: resolving them anew, older pips stumble over an extra whose package has a newer
# version by now.
.venv/run.stamp: locks/run.txt $(PACKAGES) | .venv/bin/python
	$(PIP) --require-hashes --no-deps -r locks/run.txt
	$(PIP) --no-deps --no-build-isolation --editable detection-model --editable webapp-backend
	scripts/install-node.sh
	@touch $@

.venv/test.stamp: locks/dev.txt .venv/run.stamp
	$(PIP) --require-hashes --no-deps -r locks/dev.txt
	@touch $@

webapp-frontend/node_modules/.stamp: webapp-frontend/package-lock.json | .venv/run.stamp
	$(NPM) ci
	@touch $@

webapp-frontend/dist/index.html: $(PAGE_SOURCES) webapp-frontend/node_modules/.stamp
	$(NPM) run build
	@touch $@
