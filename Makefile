# setup: a virtual environment in .venv. demo: everything once, by hand. test: what every change must pass.
# check: test, and everything that reads instead of running. Long targets print their time and fail over their budget.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
RUN := $(BIN)/python scripts/budget.py
.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint golden docs sweep oracle mutants bench test-cluster verify-admission

help:
	@sed -n 's/^# //p' Makefile
	@echo "targets: setup demo test check golden docs sweep oracle mutants bench test-cluster verify-admission"

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed, $(PYTHON) is older: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]'
	touch .venv/ready

setup: .venv/ready

demo: setup
	$(RUN) 300 $(BIN)/python -m scripts.demo

test: setup
	$(RUN) 540 $(BIN)/python scripts/halves.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint golden
	git diff --exit-code -- tests/golden tests/errors docs README.md
	$(RUN) 540 $(BIN)/python scripts/halves.py

# Everything generated, anew: golden cases (each suite's `writer`) and the parts of the documents that a command writes.
golden: setup
	@for writer in $$(find tests -name writer.py | sort); do \
		echo "$$writer"; \
		$(BIN)/python -m $$(echo $${writer%.py} | tr / .) || exit 1; \
	done
	$(BIN)/python scripts/documents.py

docs: setup
	$(BIN)/python scripts/documents.py

sweep: setup
	$(RUN) 1800 $(BIN)/python -m pytest -m sweep

oracle: setup
	$(RUN) 300 $(BIN)/python -m tests.oracle.compare --worlds 2000

mutants: setup
	$(RUN) 1200 $(BIN)/python scripts/mutants.py

bench: setup
	$(RUN) 60 $(BIN)/python -m pytest -s tests/bench
	$(RUN) 240 $(BIN)/python scripts/bench.py $(if $(RECORD),--record)

# Both need a real API server: the first time it is built, which takes minutes.
test-cluster: setup
	$(RUN) 900 $(BIN)/python -m pytest -m cluster tests/cluster

verify-admission: setup
	$(RUN) 600 $(BIN)/python -m tests.cluster.verify_admission
