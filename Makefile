# `make` lists what there is to do. Everything runs from .venv, which `make install` creates once.

# A distribution's Python is built with profile-guided optimisation, a version manager's seldom is, and everything takes
# a tenth to a fifth longer with it; the distribution's can make no environments where that part was not installed.
SYSTEM_PYTHON := /usr/bin/python3.11
PYTHON ?= $(shell $(SYSTEM_PYTHON) -c 'import ensurepip' 2>/dev/null && echo $(SYSTEM_PYTHON) || echo python3.11)
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check install --no-deps
TORCH := $(shell grep '^torch==' constraints.txt)

# Without bytecode every start would compile torch and its kin again: half a minute instead of five seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install up test e2e check static unit unit-routers unit-others fuzz bench generate proto constraints

help: ## list the targets
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(VENV)/.installed ## create .venv with everything pinned; does nothing, and needs no network, the second time

# constraints.txt is the whole closure. --no-deps keeps it so: it leaves out what overrides.txt names, which pip would
# bring back. The default torch build for Linux on PyPI is the CUDA one; it needs packages that are not pinned here.
# So where torch cannot be imported after all, it is installed once more with what it depends on.
$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not installed: install Python 3.11, or set PYTHON to where it is." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r constraints.txt
	$(RUN) -c 'import torch' || $(RUN) -m pip install $(TORCH)
	$(PIP) --no-build-isolation -e .
	@touch $@

up: install ## start the mesh on this machine; Ctrl-C stops it
	$(VENV)/bin/tiermesh up

# Side by side, the long ones first. A file's tests stay in one process, so that what they share is made once; so do
# those of the folders that tests/scheduling.py names. No more than four: each may start a real model.
SIDE_BY_SIDE := -n logical --maxprocesses 4 --dist loadfile
test: install ## all tests: unit, integration, contract, end to end with real models
	$(RUN) -m pytest $(SIDE_BY_SIDE) --no-loadscope-reorder

# Any cluster serves: kind, k3d. The tests install definitions in it, and clean their namespaces up.
e2e: install ## the tests of Kubernetes on the cluster of KUBECONFIG
	TIERMESH_TEST_KUBECONFIG="$${KUBECONFIG:-$$HOME/.kube/config}" $(RUN) -m pytest tests/integration/kubernetes

check: install ## format, lint, types, import contracts and unit tests
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target static unit

static: install
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

# In two processes of half the tests each: under xdist every worker would collect all, and a third process hear them. With
# fewer examples of each law than `make test` tries.
UNIT := HYPOTHESIS_PROFILE=quick $(RUN) -m pytest -q
unit: unit-routers unit-others
unit-routers: install
	$(UNIT) tests/unit/routers
unit-others: install
	$(UNIT) tests/unit --ignore=tests/unit/routers

fuzz: install ## every decoder against mutated input, five minutes each
	nice -n 19 $(RUN) -m tests.fuzz --seconds 300

BENCHMARKS := router servers models faq quantization budgets protocols faults hedging registry snapshots \
  assignment statistics outcomes rollouts operator complexity contracts cache

bench: install ## measure every claim again
	@missed=0; for name in $(BENCHMARKS); do $(RUN) -m benchmarks.$$name || missed=1; done; exit $$missed

generate: install ## write anew what follows from the published language and from settings: definitions, schemas, tables
	$(RUN) -m control_plane.definitions charts/tiermesh/files/crds
	$(RUN) -m tests.chart.generate

# A pool of its own: tritonclient and kserve bring messages of the same names, and one pool cannot hold both.
PROTO := routers/protocols/inference
proto: install ## write the gRPC messages anew from their .proto
	$(RUN) -m grpc_tools.protoc -I $(PROTO) --python_out=$(PROTO) --pyi_out=$(PROTO) open_inference.proto
	sed -i 's/_descriptor_pool\.Default()/_descriptor_pool.DescriptorPool()/' $(PROTO)/open_inference_pb2.py

# The local part of a version (+cpu) names one package index's build; the pin has to hold for all of them.
constraints: ## resolve every pin anew; needs uv
	uv pip compile pyproject.toml --upgrade --all-extras --override overrides.txt --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --no-header --no-annotate --output-file constraints.txt
	sed -i 's/^\([^ ]*==[^ +]*\)+[^ ]*/\1/' constraints.txt
