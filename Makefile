# Everything runs in .venv, which is made on first use and left alone while nothing changed.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
CODE := nst_keras pipelines tests benchmarks
# Processes that share the tests. More are faster where there are more cores; each may come to 5 GB.
TEST_WORKERS ?= 2
PYTEST := $(BIN)/pytest --numprocesses=$(TEST_WORKERS) --dist=loadfile --no-loadscope-reorder
# Compiled once for all processes: else each test run, and each process of one, compiles everything again.
unexport PYTHONDONTWRITEBYTECODE
DEMO := demo/china_strokes.png

.PHONY: help demo studio test test-large mutants lint bench clean
help:
	@echo "make demo        stylize a sample photo; prints where the picture is"
	@echo "make studio      open the page where people paint; Ctrl-C ends it"
	@echo "make test        lint, then all tests"
	@echo "make test-large  also the tests that take minutes"
	@echo "make mutants     how many faults, put into some of the code one at a time, no test notices"
	@echo "make lint        ruff, mypy, import-linter"
	@echo "make bench       speed and memory of a style transfer step, as JSON"
	@echo "make clean       removes .venv, caches and the demo's picture"

demo: $(STAMP)
	@mkdir -p demo
	@$(BIN)/nst-stylize --content=sample:china --style=sample:strokes --preset=preview --output=$(DEMO)
	@echo "The picture is in $(abspath $(DEMO))"

studio: $(STAMP)
	@$(BIN)/nst-studio

test: lint
	$(PYTEST)

test-large: lint
	$(PYTEST) --run_large

# What was found is kept in mutants/; only what changed since is tried again.
mutants: $(STAMP)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[mutants]'
	$(BIN)/mutmut run --max-children=$(TEST_WORKERS)
	@$(BIN)/mutmut results --all=true | $(BIN)/python tests/survivors.py

lint: $(STAMP)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	@$(BIN)/python benchmarks/stylize_step.py

$(STAMP): pyproject.toml constraints.txt nst_keras/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python -a -x $(BIN)/pip || $(PYTHON) -m venv --clear .venv || \
	  { rm -rf .venv; echo "On Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing into .venv; TensorFlow takes some minutes the first time ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,serving,video,cluster,light]'
	@touch $(STAMP)

clean:
	rm -rf .venv mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache demo
