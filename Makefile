# make repro: install, run the pipeline, point at the report.
# make test: install all, check style and types, run the fast tests.   make test-all: the slow ones too.
# make test-lowest: the fast tests with the lowest versions that pyproject.toml allows, in .venv-lowest.
# make test-swm: our models under the solvers of stable-worldmodel, in .venv-swm.
# make test-scenes: exports in pycolmap, open3d and nerfstudio, and the viewer in a browser, in .venv-scenes.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PINS   := constraints.txt
EXTRAS := doom,ray,rl,play,transformers,perceptual,lance,wandb,dev
PYTEST := PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest

LOWEST := .venv-lowest
SWM    := .venv-swm
SCENES := .venv-scenes
# Its reader of data sets, and what that imports; all that nerfstudio needs would be gigabytes.
NERFSTUDIO := nerfstudio==1.1.5 tyro jaxtyping wadler-lindig docstring-parser shtab typeguard opencv-python-headless

.PHONY: repro test test-all test-lowest test-swm test-scenes lint clean

repro: $(VENV)/.base
	$(BIN)/wm run
	@$(BIN)/wm summary metrics/fit.json metrics/evaluate.json metrics/plan.json report/index.html

test: $(VENV)/.all
	$(MAKE) lint
	$(PYTEST) -m "not slow"

test-all: test
	$(PYTEST) -m slow

# Old packages warn about the new ones that they are installed with: what is tested is that they work.
test-lowest: pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip compile --quiet --resolution lowest-direct --only-binary :all: --python $(LOWEST) \
	  --all-extras pyproject.toml -o $(LOWEST)/lowest.txt
	$(LOWEST)/bin/pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]' -c $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pytest -m "not slow" -W ignore::DeprecationWarning -W ignore::FutureWarning

test-swm: pyproject.toml $(PINS)
	$(PYTHON) -m venv $(SWM)
	$(SWM)/bin/pip install --quiet --disable-pip-version-check -e '.[swm,dev]' -c $(PINS)
	$(SWM)/bin/python -m pytest -n0 tests/nanowm/test_swm.py tests/tools/bench/test_lance.py

# viser needs an older rich and websockets than are pinned: they lie in front of what $(VENV) has, which the line
# of a .pth file adds. open3d needs libusb (apt install libusb-1.0-0), and brings dash, whose plugin for pytest
# warns of its own age.
test-scenes: $(VENV)/.base
	$(PYTHON) -m venv $(SCENES)
	ls -d $(CURDIR)/$(VENV)/lib/python*/site-packages > $(SCENES)/venv.pth
	cp $(SCENES)/venv.pth $(SCENES)/lib/python*/site-packages
	grep -vE '^(rich|websockets)==' $(PINS) > $(SCENES)/pins.txt
	$(SCENES)/bin/pip install --quiet --disable-pip-version-check --no-warn-conflicts -e '.[viewer,scenes,dev]' \
	  -c $(SCENES)/pins.txt
	$(SCENES)/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: $(NERFSTUDIO)
	$(SCENES)/bin/python -m pytest -n0 -p no:dash tests/tools/scenes/test_peers.py tests/tools/scenes/test_viewer.py

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
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]' -c $(PINS)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: lerobot -c $(PINS)
	touch $@

clean:
	rm -rf $(VENV) $(LOWEST) $(SWM) $(SCENES) .scratch runs
