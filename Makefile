# Each target makes the virtual environment first if it is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test test-all lint bench preflight

demo: .venv/installed
	$(BIN)/python -m trainers.train_translation --output_dir=runs/demo

# Two processes: most tests keep one core busy. Those that share what is dear to
# make stay in one process, as tests/conftest.py groups them.
PYTEST := $(BIN)/python -m pytest -n 2 --dist=loadgroup --no-loadscope-reorder

test: .venv/installed
	$(PYTEST)

test-all: .venv/installed
	$(PYTEST) -m "slow or not slow"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: .venv/installed
	$(BIN)/python -m tools.benchmark_training
	$(BIN)/python -m tools.benchmark_fit
	$(BIN)/python -m tools.benchmark_search

# What the smallest preset's steps are on a TPU, by its compiler.
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
		--editable ".[dev]"
	touch $@
