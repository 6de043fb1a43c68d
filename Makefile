# make repro: install, run the pipeline, point at the report.
# make test: install all, check style and types, run the fast tests.   make test-all: the slow ones too.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PINS   := constraints.txt
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

.PHONY: repro test test-all lint clean

repro: $(VENV)/.base
	$(BIN)/wm run
	@$(BIN)/wm summary metrics/fit.json metrics/evaluate.json metrics/plan.json report/index.html

test: $(VENV)/.all
	$(MAKE) lint
	$(PYTEST) -m "not slow"

test-all: test
	$(PYTEST) -m slow

lint: $(VENV)/.all
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/pip pyproject.toml $(PINS)
	$(BIN)/pip install --quiet --disable-pip-version-check -e . -c $(PINS)
	touch $@

# lerobot, which tests compare with, comes without its dependencies: most drive robots, one is compiled.
$(VENV)/.all: $(VENV)/.base
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[doom,ray,transformers,perceptual,wandb,dev]' -c $(PINS)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: lerobot -c $(PINS)
	touch $@

clean:
	rm -rf $(VENV) .scratch runs
