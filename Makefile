# make demo    set up, then let the hero of samples/ dance; writes dance_hero.mp4
# make test    set up, then ruff, mypy and the tests
#
# Both create .venv on the first call and are quick when nothing changed.
# On Linux pip brings torch with CUDA (some GB); without a GPU, TORCH_INDEX=URL may name an
# index that serves torch's smaller CPU wheels.

VENV        := .venv
BIN         := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
               -c constraints.txt $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
CANDIDATES  := python3 python3.12 python3.11 python3.10 python3.14 python3.13

.PHONY: help demo test test-slow lint clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make test-slow   the tests that take minutes"
	@echo "make lint        ruff and mypy only"
	@echo "make clean       remove .venv, caches and the demo's video"

demo: $(VENV)/demo.stamp
	$(BIN)/animate samples/dance.mp4 --ref samples/hero.png -o dance_hero.mp4 \
	  --save-compare dance_hero_compare.mp4 --force

test: lint
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

test-slow: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/test.stamp
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

# Candidates are run, not only looked up: version managers leave stubs that exist and fail. Python
# up to 3.12 goes first, as its MediaPipe brings the models that later ones have to fetch.
$(BIN)/python:
	@for newest in 12 14; do for python in $(CANDIDATES); do \
	  $$python -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, $$newest))" \
	    2>/dev/null && found=$$python && break 2; \
	done; done; \
	if [ -z "$$found" ]; then \
	  echo "Python 3.10 to 3.14 is needed and none was found: install one, for example python3.12." >&2; \
	  exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "$$found has no venv module: install it, for example 'apt install python3-venv'." >&2; \
	  exit 1; \
	fi; \
	echo "Creating $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)

$(VENV)/demo.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV) (the first time this takes some minutes)"
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/demo.stamp
	@$(PIP_INSTALL) -e '.[dev]'
# rtmlib's OpenCV wheel has written over the files of the one with the contrib modules.
	@$(PIP_INSTALL) --force-reinstall --no-deps opencv-contrib-python
	@touch $@

clean:
	rm -rf $(VENV) build ./*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	  dance_hero.mp4 dance_hero_compare.mp4
