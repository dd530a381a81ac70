# setup: a virtual environment in .venv. demo: everything once, by hand. test: what every change must pass.
# check: test, and everything that reads instead of running. Long targets print their time and fail over their budget.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
RUN := $(BIN)/python scripts/budget.py
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-cluster test check lint golden docs docs-cluster sweep permissions oracle mutants bench \
	bench-controller test-cluster crash chaos rbac beside verify-admission

help:
	@sed -n 's/^# //p' Makefile
	@echo "targets: setup demo demo-cluster test check lint golden docs docs-cluster sweep permissions oracle mutants bench bench-controller \
		test-cluster crash chaos rbac beside verify-admission"

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed, $(PYTHON) is older: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[all]'
	touch .venv/ready

setup: .venv/ready

demo: setup
	$(RUN) 300 $(BIN)/python -m scripts.demo

# A real API server, the controller and three local clouds. The first time the control plane is built, which takes minutes.
demo-cluster: setup
	$(RUN) 900 $(BIN)/python -m scripts.demo_cluster

test: setup
	$(RUN) 540 $(BIN)/python scripts/halves.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint golden
	git diff --exit-code -- tests/golden tests/errors docs crds deploy README.md
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

# The guide of the controller: its outputs are those of a real cluster, so neither golden nor check writes it anew.
docs-cluster: setup
	$(BIN)/python -m scripts.documents_cluster

sweep: setup
	$(RUN) 1800 $(BIN)/python -m pytest -m "sweep and not cluster" --ignore=tests/contract/test_permissions.py

# Each grant of the roles in deploy/iam is taken away: some journey has to fail.
permissions: setup
	$(RUN) 1800 $(BIN)/python -m pytest -m sweep tests/contract/test_permissions.py

oracle: setup
	$(RUN) 300 $(BIN)/python -m tests.oracle.compare --worlds 2000

mutants: setup
	$(RUN) 1200 $(BIN)/python scripts/mutants.py

bench: setup
	$(RUN) 60 $(BIN)/python -m pytest -s tests/bench
	$(RUN) 240 $(BIN)/python scripts/bench.py $(if $(RECORD),--record)

# A large cluster: nothing else may run on the machine meanwhile. Needs a real API server, as test-cluster does.
bench-controller: setup
	$(RUN) 2400 $(BIN)/python scripts/bench_controller.py $(if $(RECORD),--record)

# Both need a real API server: the first time it is built, which takes minutes. Where it cannot run, test-cluster says
# so in one line; in CI (CI is set) that is a failure. Pods need root: sudo -E make test-cluster.
test-cluster: setup
	$(RUN) 1800 $(BIN)/python -m tests.cluster.run $(patsubst %,--ignore=tests/controller/test_%.py,rbac chaos high_availability)

# crash: the controller is killed at calls of its clouds, or restarted in steady state. chaos: a control plane on a bad
# day, definitions that go, deletion with nothing left to ask, moves, two replicas. Both print their figures.
crash: setup
	$(RUN) 900 $(BIN)/python -m tests.cluster.run -s -m cluster -k test_crash --durations=0 --durations-min=1

chaos: setup
	$(RUN) 1500 $(BIN)/python -m tests.cluster.run -s -k "test_chaos or test_high_availability" --durations=0 --durations-min=1

verify-admission: setup
	$(RUN) 600 $(BIN)/python -m tests.cluster.verify_admission

# The controller with the chart's roles, and without each rule of them: prints what then fails.
rbac: setup
	$(RUN) 900 $(BIN)/python -m pytest -s -m cluster tests/controller/test_rbac.py

# Other people's programs beside the controller: Flagger, external-dns, cert-manager, promtool. They are built the first
# time, which takes minutes each and is not in the budget. Prints how long each step of a canary took.
beside: setup
	$(BIN)/python -m tests.beside.programs
	$(RUN) 900 $(BIN)/python -m pytest -s -m "cluster or not cluster" tests/beside --durations=0 --durations-min=1
