# make lab and make test are all that a newcomer needs; both build the environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LESSONS ?=

.PHONY: lab test lint build run results pictures release grade slides book lock clean

lab: $(VENV)/student.txt  ## JupyterLab on the notebooks; BROWSER=no only prints the address
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter no,$(BROWSER)),--no-browser) $(if $(filter 0,$(shell id -u)),--allow-root)

test: $(VENV)/dev.txt  ## fast tests and every lesson on samples; ARGS='-m "not lessons"' for the fast ones
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/dev.txt
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

build: $(VENV)/dev.txt  ## lessons/*.py -> notebooks, student notebooks, check values
	$(BIN)/python -m tools build $(LESSONS)

run: $(VENV)/dev.txt  ## make run LESSONS=05 PROFILE=full
	$(BIN)/python -m tools run $(LESSONS) --profile $(or $(PROFILE),class)

results pictures release slides book: $(VENV)/dev.txt
	$(BIN)/python -m tools $@

grade: $(VENV)/dev.txt  ## make grade SUBMISSIONS=folder
	$(BIN)/python -m tools grade $(SUBMISSIONS)

lock:  ## resolve the pins anew
	uv pip compile -q --universal --python-version 3.11 --custom-compile-command "make lock" requirements.in -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --custom-compile-command "make lock" requirements-dev.in -c requirements.txt -o requirements-dev.txt

$(BIN)/python:
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/student.txt: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.txt
	cp requirements.txt $@

$(VENV)/dev.txt: requirements-dev.txt $(VENV)/student.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	cp requirements-dev.txt $@

clean:
	rm -rf build release .pytest_cache .mypy_cache .ruff_cache
