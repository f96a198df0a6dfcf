# Each target makes the virtual environment first if it is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo check test test-rest test-all test-grids test-oldest
.PHONY: lint format-front-end bench preflight

demo: .venv/installed
	$(BIN)/python -m trainers.train_translation --output_dir=runs/demo

# Two processes: most tests keep one core busy. Those that share what is dear to
# make stay in one process, as tests/conftest.py groups them.
PYTEST := python -m pytest -n 2 --dist=loadgroup --no-loadscope-reorder
# `--optimized-graphs` is for the longer of the commands; tests/graphs.py says why.
# Marks of tests that cost more than seconds; pyproject.toml says what they mean.
COSTLY := process or training or seconds or xla or browser

# The matrices of most tests are so small that two threads for each operation cost
# more time than they save. `test-oldest` has TensorFlow's own number.
check test test-rest test-all test-grids: export TF_NUM_INTRAOP_THREADS = 1

check: .venv/installed
	$(BIN)/$(PYTEST) -m "not ($(COSTLY) or grid)"

test: .venv/installed
	$(BIN)/$(PYTEST) -m "not grid"

# What `test` has and `check` has not.
test-rest: .venv/installed
	$(BIN)/$(PYTEST) -m "($(COSTLY)) and not grid"

test-all: .venv/installed
	$(BIN)/$(PYTEST) --optimized-graphs -m ""

# What `test-all` has and `test` has not.
test-grids: .venv/installed
	$(BIN)/$(PYTEST) --optimized-graphs -m grid

# On the oldest dependencies that setup.py allows; the environment of the other
# targets has the newest. The oldest TensorFlow is for Python 3.10 to 3.12:
# `make test-oldest PYTHON=python3.10`.
test-oldest: .venv-oldest/installed
	.venv-oldest/bin/$(PYTEST) --optimized-graphs

.venv-oldest/installed: setup.py
	$(PYTHON) -m venv --clear .venv-oldest
	$(PYTHON) -m tools.oldest_requirements > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet \
		--disable-pip-version-check \
		--constraint .venv-oldest/constraints.txt --editable ".[dev]"
	touch $@

# Biome checks the JavaScript and CSS of the explorer's page by biome.json;
# `make format-front-end` writes them as it wants them.
BIOME := $(BIN)/npx --yes @biomejs/biome@2.3.11

lint: .venv/installed .venv/front-end
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIOME) check

format-front-end: .venv/front-end
	$(BIOME) check --write

.venv/front-end: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable ".[front-end]"
	touch $@

bench: .venv/installed
	$(BIN)/python -m tools.benchmark_training
	$(BIN)/python -m tools.benchmark_fit
	$(BIN)/python -m tools.benchmark_step
	$(BIN)/python -m tools.benchmark_search

# What the steps of the preset `tiny` are on a TPU, by its compiler.
preflight: .venv/preflight
	$(BIN)/python -m tools.tpu_preflight --preset=tiny --lengths=128 \
		--precision=float32
	$(BIN)/python -m tools.tpu_preflight --preset=tiny --lengths=128 \
		--precision=mixed_bfloat16

.venv/preflight: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable ".[tpu-preflight]"
	touch $@

.venv/installed: setup.py
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable ".[dev,serving]"
	touch $@
