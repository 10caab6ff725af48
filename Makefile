# Two commands do everything: `make run` serves the page, `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Compiling every module of 2.5 GB takes longer than all the rest; Python compiles those it imports by itself.
PIP := $(BIN)/pip --disable-pip-version-check install --quiet --no-compile --constraint constraints.txt

# So that it keeps what it compiled, also where the environment tells it not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check bench bench-quality chromium clean

run: $(VENV)/.run
	@$(BIN)/python app.py

# Three files at a time, each with one thread for its arithmetic: two that wait for their browsers leave cores idle.
test: $(VENV)/.test chromium
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# Slow: scores the question sets found in the folder DATA, and appends a line to the log.
DATA ?= ../shared/data
bench-quality: $(VENV)/.test
	@$(BIN)/python -m tests.benchmarks.quality $(DATA)

# Slow: beside llama-index and txtai as they come; the plot goes into the folder at hand.
bench: $(VENV)/.test
	@$(PIP) --editable '.[dev,bench]'
	@$(BIN)/python -m tests.benchmarks.stock $(DATA) --plot stock.svg

check: $(VENV)/.test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

$(VENV)/bin/pip:
	@echo "Making $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/pip pyproject.toml constraints.txt
	@echo "Installing what Saidso needs (2.5 GB, some minutes) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/bin/pip pyproject.toml constraints.txt
	@echo "Installing what Saidso and its tests need (2.5 GB, some minutes) …"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.run

# The page's tests need a browser; where it can neither be found nor installed they say so and are skipped.
chromium:
	@command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	    echo "Installing chromium for the page's tests …"; \
	    get() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$$1"; }; \
	    { apt-get update -qq && { get chromium-headless-shell || get chromium; }; } >/dev/null 2>&1 || true; \
	  fi; }

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
