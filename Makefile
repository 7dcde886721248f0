# Two commands do everything: `make run` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Processes of the tests, of which each may hold TensorFlow, with 2 GB.
WORKERS ?= 2
FROM_LOCK := pip install --disable-pip-version-check --no-deps --require-hashes
INSTALL := $(BIN)/python -m $(FROM_LOCK)

# What `make compare` measures has an environment of its own: BentoML takes other versions of
# OpenTelemetry than the service does.
PEERS := .venv-compare
# A wheel for CPUs where pip's settings offer one (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL); PyPI's
# brings CUDA's libraries.
TORCH ?= torch==2.13.0

COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 \
    --generate-hashes --no-header --no-emit-index-url -q
LOCK := $(COMPILE) pyproject.toml
# The requirements of an extra alone, for images that add it to the others.
EXTRA := $(BIN)/python -c 'import sys, tomllib; \
    project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    print(*project["optional-dependencies"][sys.argv[1]], sep="\n")'

VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"$$/\1/p' service/__init__.py)
LABELS = --build-arg VERSION=$(VERSION) --build-arg REVISION=$(shell git rev-parse HEAD)

.DEFAULT_GOAL := help
.PHONY: help setup run test train-setup train-setup-gpu lint fast fuzz docs benchmark compare load soak \
    screenshots image image-gpu image-test release-check publish lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.runtime ## make .venv with what serving needs

run: setup ## serve at http://localhost:8000
	$(BIN)/python -m service

test: lint ## set up and run every check and every test
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --no-loadscope-reorder

lint: $(VENV)/.development ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

train-setup: $(VENV)/.development ## add what training and evaluation need

train-setup-gpu: $(VENV)/.runtime ## add what training needs, with CUDA and without the tests' tools
	$(INSTALL) -r requirements-train-gpu.lock

fast: $(VENV)/.development ## the tests that need no TensorFlow, in seconds
	$(BIN)/python -m pytest -m "not tensorflow and not artifact and not http and not browser"

fuzz: $(VENV)/.development ## try thousands of random requests and photos
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-5000} $(BIN)/python -m pytest tests/service/http/test_fuzz.py

docs: $(VENV)/.development ## regenerate the tables in the documents
	$(BIN)/python -m docs.render

benchmark: $(VENV)/.development ## measure start-up, memory and latency on this machine
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.examples
	$(BIN)/python -m benchmarks.page

compare: $(VENV)/.development $(PEERS)/.peers ## measure this service and alternatives side by side
	$(PEERS)/bin/python -m benchmarks.compare
	$(BIN)/python -m docs.render

load: $(VENV)/.development ## offer ten times the throughput and write the report
	$(BIN)/python -m benchmarks.load
	$(BIN)/python -m docs.render

soak: $(VENV)/.development ## ten thousand hostile and good requests, and twenty shutdowns under load
	SOAK_REQUESTS=$${SOAK_REQUESTS:-10000} SHUTDOWNS=$${SHUTDOWNS:-20} \
	    $(BIN)/python -m pytest -s tests/end_to_end/test_soak.py tests/end_to_end/test_shutdown.py

screenshots: $(VENV)/.development ## take the screenshots of the page again
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/page/test_screenshots.py

image: ## build the image for a CPU with Docker; EXTRAS="tracing scale" adds these
	docker build --build-arg LOCK=requirements-cpu.lock --build-arg EXTRAS="$(EXTRAS)" \
	    $(LABELS) --tag photo-captions:cpu .

image-gpu: ## build the image for CUDA with Docker
	docker build --build-arg LOCK=requirements-gpu.lock --build-arg EXTRAS="$(EXTRAS)" \
	    $(LABELS) --tag photo-captions:gpu .

image-test: $(VENV)/.development ## build the image without Docker, run it and report its size (as root)
	$(BIN)/python -m benchmarks.image --extras "$(EXTRAS)"
	$(BIN)/python -m docs.render

release-check: $(VENV)/.development ## check that this commit can be released as its version
	$(BIN)/python -m deploy.release_check

publish: ## push both images to REGISTRY, after release-check
	@test -n "$(REGISTRY)" || { echo "name the registry: make publish REGISTRY=..."; exit 2; }
	echo "$$REGISTRY_PASSWORD" | docker login --username "$$REGISTRY_USER" --password-stdin "$(REGISTRY)"
	for kind in cpu gpu; do \
	    docker tag photo-captions:$$kind "$(REGISTRY)/photo-captions:$(VERSION)-$$kind" && \
	    docker push "$(REGISTRY)/photo-captions:$(VERSION)-$$kind" || exit 1; \
	done

lock: $(VENV)/.development ## update the lock files within pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --upgrade -o requirements.lock
	$(LOCK) --override deploy/image/cpu-override.in -c requirements.lock -o requirements-cpu.lock
	$(LOCK) --extra gpu -c requirements.lock -o requirements-gpu.lock
	$(LOCK) --extra train --extra test --extra tracing --extra scale -c requirements.lock \
	    -o requirements-dev.lock
	sed -n '/^opentelemetry/d; s/^\([a-z].*\) \\$$/\1/p' requirements-dev.lock | \
	    $(LOCK) --extra compare --override benchmarks/compare/torch-override.in \
	    --no-annotate --upgrade -c /dev/stdin -o requirements-compare.lock
	$(LOCK) --extra train-gpu -c requirements-dev.lock -c requirements-gpu.lock \
	    -o requirements-train-gpu.lock
	for extra in tracing scale; do \
	    $(EXTRA) $$extra | $(COMPILE) - -c requirements-dev.lock -o requirements-$$extra.lock \
	        || exit 1; \
	done

clean: ## remove the virtual environments and caches
	rm -rf $(VENV) $(PEERS) .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.runtime: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	$(INSTALL) -r requirements-dev.lock
	@touch $@

$(PEERS)/.peers: requirements-compare.lock
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m $(FROM_LOCK) -r requirements-compare.lock
	$(PEERS)/bin/python -m pip install --disable-pip-version-check "$(TORCH)"
	@touch $@
