# make demo       a bare machine's first table: sets everything up, trains for minutes, prints it,
#                 and writes build/demo.html: the table with everything behind it
# make test       the tests, within minutes
# make test-all   the slow ones too
# make lint       style and types
# make docs       the documentation as a site, in build/site

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Tests start hundreds of interpreters: what one compiles is kept in __pycache__, also where that is off.
PYTEST := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2

.PHONY: help install demo test test-all lint docs clean

help:
	@sed -n 's/^# //p' Makefile | head -6

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Exit code 4 says that ASM-I needs weights that nobody can download here: the rest is complete.
demo: $(INSTALLED)
	$(BIN)/repro table asmrh-speechcommands --profile demo || test $$? -eq 4
	$(BIN)/repro report asmrh-speechcommands --profile demo -o build/demo.html
	@echo "The same table with all that stands behind it: open build/demo.html in a browser."

test: $(INSTALLED)
	$(PYTEST) -m "not slow"

test-all: $(INSTALLED)
	$(PYTEST) -rs

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

clean:
	rm -rf .venv build dist
