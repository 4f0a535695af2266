# Two commands: `make reproduce` goes from nothing to a driving agent and a built book; `make test` checks everything.
# Every target may be interrupted and run again: it goes on where it stopped. `make help` lists them.

SCALE ?= quick
RUN   ?= runs/$(SCALE)
BOOK  ?= .
VENV  ?= .venv
# Tests that run side by side, a file at a time; each wants about 2 GB.
JOBS  ?= 2
# The first of these that runs (a name that is only a version manager's shim may not).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13; do $$p -c 0 2>/dev/null && exec echo $$p; done; echo python3)

BIN   := $(VENV)/bin
WMLIB := $(BIN)/wmlib
WMBOOK := $(BIN)/wmbook
PAGE  := $(BOOK)/_build/html/index.html

# TensorFlow's start-up messages say nothing here; pygame must not look for a screen.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export SDL_VIDEODRIVER ?= dummy
export PYTHONUNBUFFERED = 1

.PHONY: help setup reproduce test fuzz chaos soak lint book report records bench notebooks reference lock clean
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  SCALE=smoke|quick|full|long|paper|dream chooses the size (now: $(SCALE)); RUN=DIR where it goes (now: $(RUN));"
	@echo "  BOOK=DIR where reproduce puts _build/html (now: $(BOOK))"

# --- set-up ----------------------------------------------------------------------------------------------------------

setup: $(VENV)/.ready  ## create .venv from the lock file (nothing to do the second time)

# The stamp is written last, so that an interrupted installation is taken up again. `python -m venv` on an existing
# environment completes it. The package itself is installed in place: edits count at once.
$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  "wmlib needs Python 3.11, 3.12 or 3.13; this is %d.%d. Name another: make setup PYTHON=/path/to/python3.11" % v)'
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "$(PYTHON) cannot create a virtual environment. On Debian: apt install python3-venv," \
	       "or name a complete Python: make setup PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

lock:  ## resolve the dependencies anew (needs the network)
	$(BIN)/python -m pip install --quiet uv
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet pyproject.toml --extra book --extra dev --extra doom --extra ray \
	  --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade -o requirements.lock
	echo "jupyterlab>=4,<5" | UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet - \
	  --constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-annotate -o docker/jupyterlab.lock

# --- the two commands ------------------------------------------------------------------------------------------------

reproduce: setup  ## the chapters in order, which make data, V, M, C and score, and the book of them, at SCALE
	$(WMBOOK) notebooks --scale $(SCALE) --run $(RUN)
	$(WMBOOK) site --run $(RUN) --out _build/source
	$(BIN)/jupyter-book build _build/source --path-output $(BOOK) -n --keep-going --all
	@$(WMLIB) info --run $(RUN)
	@echo "Open $(abspath $(PAGE))"

test: setup  ## pytest, then the notebooks' stored outputs against fresh ones
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile
	@if ls notebooks/*.ipynb >/dev/null 2>&1; then \
	  echo "pytest --nbval notebooks/"; $(BIN)/python -m pytest --nbval --nbval-current-env -q notebooks/; \
	else echo "no notebooks yet"; fi

fuzz: setup  ## damaged files of every kind, against the commands that read them (their figures: book/trust.md)
	$(BIN)/python tests/fuzz/fuzz.py --out book/results/trust/fuzz.json

chaos: setup  ## runs killed at renames and at random moments, workers killed and stopped; what is left is compared
	$(BIN)/python tests/chaos/chaos.py --out book/results/trust/chaos.json

soak: setup  ## the chain again and again for an hour, in which memory must stay constant
	$(BIN)/python tests/soak/soak.py --out book/results/trust/soak.json

# --- parts -----------------------------------------------------------------------------------------------------------

book: setup  ## the book with the report's PDF, from the committed notebooks and records (no training, no network)
	@rm -rf _build/html/_modules  # Sphinx keeps a module's page that is newer than the module, whatever is on it
	$(BIN)/jupyter-book build . -W -n --keep-going --all
	$(BIN)/python -m pytest -q tests/book/test_built.py tests/browser/test_page.py

notebooks: setup  ## execute the notebooks in place, before committing them
	$(WMBOOK) notebooks --scale $(SCALE) --run $(RUN) --in-place

reference: setup  ## rewrite the book's pages on the command line and the configuration from the code
	$(WMBOOK) reference

report: setup  ## the report as a four-page paper, _build/report.pdf, with its figures drawn from the records
	$(WMBOOK) paper

records: setup  ## recompute the committed records in book/results from the runs, and the figures drawn from them
	$(WMBOOK) report --run $(RUN)
	$(WMBOOK) figures

bench: setup  ## how fast the parts run on this machine
	$(WMBOOK) bench

lint: setup  ## style
	$(BIN)/ruff check .

clean:  ## remove what was built; runs/ and .venv stay
	rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache
	find wmlib tests notebooks book -name __pycache__ -type d -prune -exec rm -rf {} +
