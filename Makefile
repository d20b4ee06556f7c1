# One toolbox for the whole project. The first target that needs it makes .venv; later ones find it done.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2
TOOLS := build/tools
# Without a header or annotations: they would name who made it and from where.
HASHED := $(TOOLS)/bin/uv pip compile --quiet --no-header --no-annotate --no-config --generate-hashes \
	--python-version 3.11 --python-platform linux --constraint constraints.txt
PACKAGES := anabranch eventlog batch speed serving infra
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench docs run lock sbom clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(INSTALLED) ## the bundled example, end to end; ARGS=--exit ends instead of serving on
	$(BIN)/anabranch demo $(ARGS)

test: $(INSTALLED) ## every test, in two processes; ARGS='tests/laws -k mean' runs some, WORKERS=0 in one
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(INSTALLED) ## format, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) examples bench docs/hooks tests
	$(BIN)/python -m pytest -q tests/test_layers.py

format: $(INSTALLED) ## rewrite the source in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## measure the figures of docs/performance.md; ARGS='ingest fold' measures some
	$(BIN)/python -m bench $(ARGS)

docs: $(INSTALLED) ## the documentation as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

run: $(INSTALLED) ## serve examples/bikes.py at http://127.0.0.1:8000
	$(BIN)/anabranch up examples/bikes.py $(ARGS)

lock: $(TOOLS)/.installed ## after a change of constraints.txt: the hashes of what the image installs
	{ echo "# Made by \`make lock\` from constraints.txt."; $(HASHED) --extra postgresql pyproject.toml; } \
		> infra/requirements.txt
	{ echo "# Made by \`make lock\` from constraints.txt."; echo setuptools | $(HASHED) -; } > infra/build-requirements.txt

sbom: $(INSTALLED) $(TOOLS)/.installed ## what the image holds, installed by its hashes, as build/sbom.json (CycloneDX)
	rm -rf build/image
	$(PYTHON) -m venv --without-pip build/image
	$(BIN)/python -m pip --python build/image/bin/python install --quiet --disable-pip-version-check \
		--no-deps --require-hashes --only-binary :all: -r infra/requirements.txt
	$(TOOLS)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.json build/image/bin/python
	$(BIN)/python -m tests.sbom build/sbom.json infra/requirements.txt

clean: ## drop the environment and the caches; data in anabranch-data stays
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(TOOLS)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt cyclonedx-bom uv
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.11 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV) \
		|| { echo "This Python cannot make environments; on Debian and Ubuntu install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgresql]'
	@touch $@
