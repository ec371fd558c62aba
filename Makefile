# `make demo` and `make test` do all the set-up themselves: git, make and Python >= 3.11 are enough.

PYTHON ?= python3
ENV    := .venv
# Some machines forbid bytecode; every start of a large library is then three times as slow.
export PYTHONDONTWRITEBYTECODE :=
UV     := $(shell command -v uv 2>/dev/null || echo build/uv/bin/uv)

.PHONY: help demo check test test-all soak lint docs bench bench-rollout bench-access bench-mesh bench-platforms pictures reference release clean

help: ## what there is to make
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

demo: $(ENV)/.ready ## a mesh of five data products under build/demo/: made, run, published, assessed, drawn
	@$(ENV)/bin/python tools/demo.py

test: $(ENV)/.ready ## every package's unit tests, and each main path once on real parts: minutes
	@$(ENV)/bin/ruff check . && $(ENV)/bin/ruff format --check .
	@$(ENV)/bin/python -m pytest -m 'not beyond and not portal and not aws and not oldest' $(ARGS)

test-all: $(ENV)/.ready ## the whole suite (without the marks portal, aws and oldest): matrices, real servers, browsers, property tests
	@$(ENV)/bin/python -m pytest $(ARGS)

test-%: $(ENV)/.ready ## the tests of one package: make test-rollout
	@$(ENV)/bin/python -m pytest tests/unit/$* $(wildcard tests/integration/*/test_$**.py) $(ARGS)

soak: $(ENV)/.ready ## the property tests at full size: 1,000 random tables, every row of answers run, ten minutes of access (two hours)
	@MESHWRIGHT_TABLES=1000 MESHWRIGHT_ANSWERS=all $(ENV)/bin/python -m pytest $(ARGS) tests/products/test_ports_serve_the_source.py tests/products/test_inputs_hold_the_source.py tests/products/test_born_green.py
	@MESHWRIGHT_SOAK_SECONDS=600 $(ENV)/bin/python -m pytest $(ARGS) tests/integration/postgres/test_access_while_everything_runs.py

# A product's package `pipeline` is the template's with its blueprints'; mypy finds all of them at once.
check: $(ENV)/.ready ## lint, types and layers, in seconds
	@$(ENV)/bin/ruff check . && $(ENV)/bin/ruff format --check .
	@MYPYPATH=$$(printf '%s:' blueprints/*/*) $(ENV)/bin/mypy
	@$(ENV)/bin/lint-imports --no-logo

lint: $(ENV)/.ready ## format and lint this repository
	@$(ENV)/bin/ruff check --fix . && $(ENV)/bin/ruff format .

bench: $(ENV)/.ready ## measure: ratios against what one would use instead
	@$(ENV)/bin/python bench/bench.py

bench-rollout: $(ENV)/.ready ## measure: rollout plan against copier update, over a fleet of 100, 1,000 and 3,000
	@$(ENV)/bin/python bench/rollout.py

bench-access: $(ENV)/.ready ## measure: access plan, apply and verify for 300 products, decisions, publishing with masks
	@$(ENV)/bin/python bench/access.py

bench-mesh: $(ENV)/.ready ## measure: 10,000 products assessed and drawn, the embedded catalog filled and searched
	@$(ENV)/bin/python bench/mesh.py

bench-platforms: $(ENV)/.ready ## measure: a product against the bare engine, TPC-H at scale factors 0.1, 1 and 10
	@$(ENV)/bin/python bench/platforms.py $(ARGS)

pictures: $(ENV)/.ready ## take the pictures of README.md from what `make demo` left
	@$(ENV)/bin/python tools/pictures.py

docs: $(ENV)/.ready ## build the site from docs/ below build/docs/
	@$(ENV)/bin/sphinx-build --quiet --fail-on-warning --keep-going --doctree-dir build/docs-trees docs build/docs
	@echo "The site: build/docs/index.html"

reference: $(ENV)/.ready ## write what is generated: docs/reference, schemas, cookiecutter.json, our own hooks and CI
	@$(ENV)/bin/python tools/make_reference.py

release: $(ENV)/.ready ## VERSION=0.2.0: changelog, version, tag and releases.yaml
	@$(ENV)/bin/python tools/release.py "$(VERSION)"

clean: ## remove all that was made
	rm -rf build $(ENV)

$(ENV)/.ready: pyproject.toml $(UV)
	@$(UV) sync --quiet --python $(PYTHON)
	@touch $@

build/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m venv build/uv && build/uv/bin/pip install --quiet --disable-pip-version-check uv
