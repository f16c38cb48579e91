# `make run` and `make test` first build .venv, which is rebuilt only when the files that define it change.
# ARGS reaches the program: make run ARGS="--trials 20", make test ARGS="-k pareto".
# Another interpreter: make clean, then make env PYTHON=python3.13.

PYTHON ?= python3
ARGS ?=

# Touched last, so that it exists only after a whole install.
STAMP := .venv/.installed
INSTALL_ARGS := -e '.[dev]' -c constraints.txt

PYTHON_FITS = $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null)

.DEFAULT_GOAL := env
.PHONY: env run test lint types clean

env: $(STAMP)

# `exec` leaves no shell between make and the program to swallow a signal or hide an exit code, whatever ARGS holds.
run: $(STAMP)
	@exec .venv/bin/python -m search run --budget 8000 $(ARGS)

# Files in their own order: by number of tests, the long files that hold few would come last, with one worker left to them.
test: $(STAMP)
	@exec .venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(STAMP)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(STAMP)
	.venv/bin/mypy

# `uv pip` rather than `uv sync`, which would write a lock file full of addresses.
# Without `--no-compile`, pip would compile 17,000 files, of which 2,500 are imported; uv compiles none. Those are compiled
# here even where PYTHONDONTWRITEBYTECODE is set, as in many containers: otherwise each start would take four seconds more.
# A half-made .venv lacks the file tested for and is made anew.
$(STAMP): pyproject.toml constraints.txt
	$(if $(PYTHON_FITS),,$(error Python 3.11 or later is needed and $(PYTHON) is not; name one: make env PYTHON=python3.12))
	@rm -f $(STAMP)
	@echo "Building .venv: about 5 GB on Linux, where torch brings its CUDA libraries."
	@set -e; if command -v uv >/dev/null; then \
	  test -x .venv/bin/python || uv venv --clear --python "$$(command -v $(PYTHON))" .venv; \
	  uv pip install --python .venv/bin/python $(INSTALL_ARGS); \
	else \
	  test -x .venv/bin/pip || $(PYTHON) -m venv --clear .venv; \
	  .venv/bin/python -m pip install --no-compile $(INSTALL_ARGS); \
	fi
	@env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c "import optuna, pandas, torch, torchvision"
	@touch $(STAMP)

# Studies and downloaded data stay: they are results, not build products.
clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
