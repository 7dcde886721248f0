# Two commands do everything: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes

LOCK := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url -q

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' service/__init__.py)
LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD)

.DEFAULT_GOAL := help
.PHONY: help setup run test train-setup lint fast fuzz docs benchmark load soak screenshots image image-gpu image-test \
    release-check publish lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## make .venv with what serving needs

run: setup ## serve at http://localhost:8000
	$(BIN)/python -m service

test: lint ## set up and run every check and every test
	$(BIN)/python -m pytest

lint: $(VENV)/.development ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

train-setup: $(VENV)/.development ## add what training and evaluation need

fast: $(VENV)/.development ## the tests that need no TensorFlow, in seconds
	$(BIN)/python -m pytest -m "not tensorflow and not artifact and not http and not browser"

fuzz: $(VENV)/.development ## try many thousands of odd requests and photos
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-5000} $(BIN)/python -m pytest tests/service/test_fuzz.py

docs: $(VENV)/.development ## write the tables in the documents anew
	$(BIN)/python -m docs.render

benchmark: $(VENV)/.development ## measure start-up, memory and latency on this machine
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.examples
	$(BIN)/python -m benchmarks.page

load: $(VENV)/.development ## ten times what the service can do, and the report of it
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m docs.render

soak: $(VENV)/.development ## ten thousand hostile and good requests to the real service
	SOAK_REQUESTS=$${SOAK_REQUESTS:-10000} $(BIN)/python -m pytest -s tests/end_to_end/test_soak.py

screenshots: $(VENV)/.development ## take the pictures of the page anew
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/end_to_end/test_screenshots.py

image: ## build the image for a CPU with Docker
	docker build --build-arg BASE=debian:trixie-slim --build-arg LOCK=requirements-cpu.lock \
	    $(LABELS) --tag photo-captions:cpu .

image-gpu: ## build the image for CUDA with Docker
	docker build $(LABELS) --tag photo-captions:gpu .

image-test: $(VENV)/.development ## build the image without Docker, run it and report its size (as root)
	$(BIN)/python -m benchmarks.image
	$(BIN)/python -m docs.render

release-check: $(VENV)/.development ## whether what is here can be released as its version
	$(BIN)/python -m deploy.release_check

publish: ## push both images to REGISTRY, after release-check
	echo "$$REGISTRY_PASSWORD" | docker login --username "$$REGISTRY_USER" --password-stdin "$(REGISTRY)"
	for kind in cpu gpu; do \
	    docker tag photo-captions:$$kind "$(REGISTRY)/photo-captions:$(VERSION)-$$kind" && \
	    docker push "$(REGISTRY)/photo-captions:$(VERSION)-$$kind" || exit 1; \
	done

lock: $(VENV)/.development ## choose the newest versions that fit pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --upgrade -o requirements.lock
	$(LOCK) deploy/image/cpu.in --override deploy/image/cpu-override.in -c requirements.lock \
	    -o requirements-cpu.lock
	$(LOCK) --extra gpu -c requirements.lock -o requirements-gpu.lock
	$(LOCK) --extra train --extra test --extra tracing --extra scale -c requirements.lock \
	    -o requirements-dev.lock

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.runtime: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@
