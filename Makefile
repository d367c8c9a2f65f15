# Needs Python 3.11 or later with venv, pip and make; everything else goes into .venv.
# Settings, for example `make demo PYTHON=python3.12`:
PYTHON ?= python3
VENV ?= .venv
# What pip installs as torch before anything else. Without an NVIDIA GPU a CPU build is enough and
# ten times smaller; where the package index has one, this takes it. README, "Installing", tells
# how to point it at PyTorch's own index.
TORCH ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo torch || echo torch==2.13.0)
# Motion capture to train on, the prepared data set, and where trainings are kept.
MOCAP ?= ../shared/data
DATA ?= data/prepared
RUNS ?= runs

# How the shipped checkpoint was trained, where it is not the default of the command. Training by
# the clock depends on the machine: runs/t2m/log.csv tells how many steps it was.
TOKENIZER_OPTIONS ?=
REFINING_OPTIONS ?= --steps 3000 --batch 48 --window 96 --lr 5e-4
T2M_OPTIONS ?= --minutes 42
M2T_OPTIONS ?= --minutes 34 --crop 0.2
# Then both go on with all actions about equally often.
T2M_BALANCED_OPTIONS ?= --minutes 60 --balance 1 --power 0.1
M2T_BALANCED_OPTIONS ?= --minutes 46 --crop 0.2 --balance 1 --power 0.1
MATCHING_OPTIONS ?=

BIN := $(VENV)/bin
SENTENCE := A tired person walks forward, then waves with both hands, then bows.

.PHONY: help demo session test lint format docs notebooks gallery data train evaluate build clean print-torch

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## install, then make a first motion in demo/
	$(BIN)/motion-agent run "$(SENTENCE)" --out demo/

session: $(VENV)/.installed ## the recorded conversation in docs/session.md
	$(BIN)/python docs/record_session.py

test: $(VENV)/.installed-dev ## all tests, also those that load the default checkpoint
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## let ruff write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The line about MkDocs 2 that Material prints is no warning of ours; mkdocs.yml tells more.
docs: $(VENV)/.installed-docs ## the site in site/, and is it true: every snippet of it and of the README
	$(BIN)/python docs/fill_in.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m pytest tests/test_readme.py tests/test_docs.py

notebooks: $(VENV)/.installed-notebooks ## do all notebooks run? WRITE=1 keeps their outputs
	$(BIN)/python notebooks/execute.py $(if $(WRITE),,--check)

gallery: $(VENV)/.installed ## docs/gallery.md, its pictures, and the README's
	$(BIN)/python docs/make_gallery.py

data: $(VENV)/.installed ## prepare the motion capture in MOCAP as one data set
	$(BIN)/motion-agent data prepare bandai-namco $(MOCAP)/bandai-namco.tar.xz --out $(DATA)
	$(BIN)/motion-agent data prepare hdm05 $(MOCAP)/hdm05.tar.xz --out $(DATA)
	$(BIN)/motion-agent data prepare cmu $(MOCAP)/cmu.tar.xz --out $(DATA)

$(DATA)/dataset.json:
	$(MAKE) data

# The recipe of the shipped checkpoint. Each step continues where it was stopped.
train: $(VENV)/.installed-dev $(DATA)/dataset.json ## a checkpoint in RUNS/checkpoint, and its table
	$(BIN)/motion-agent train tokenizer --data $(DATA) --out $(RUNS)/tokenizer $(TOKENIZER_OPTIONS)
	$(BIN)/motion-agent train tokenizer --data $(DATA) --refine $(RUNS)/tokenizer \
		--out $(RUNS)/tokenizer-refined $(REFINING_OPTIONS)
	$(BIN)/motion-agent train t2m --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/t2m $(T2M_OPTIONS)
	$(BIN)/motion-agent train t2m --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/t2m $(T2M_BALANCED_OPTIONS)
	$(BIN)/motion-agent train m2t --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/m2t $(M2T_OPTIONS)
	$(BIN)/motion-agent train m2t --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/m2t $(M2T_BALANCED_OPTIONS)
	$(BIN)/motion-agent train matching --data $(DATA) --out $(RUNS)/matching $(MATCHING_OPTIONS)
	$(BIN)/motion-agent train assemble --data $(DATA) --tokenizer $(RUNS)/tokenizer-refined \
		--t2m $(RUNS)/t2m --m2t $(RUNS)/m2t --matching $(RUNS)/matching --out $(RUNS)/checkpoint
	$(MAKE) evaluate CHECKPOINT=$(RUNS)/checkpoint

evaluate: $(VENV)/.installed $(DATA)/dataset.json ## the table of a checkpoint on the test split
	$(BIN)/motion-agent evaluate --data $(DATA) --out $(RUNS)/report \
		$(if $(CHECKPOINT),--checkpoint $(CHECKPOINT))

build: $(VENV)/.installed-dev ## wheel and sdist in dist/
	rm -rf build dist
	$(BIN)/python -m build --quiet

clean: ## remove what was built and made, keep data/ and runs/
	rm -rf build dist demo site *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

print-torch:
	@echo $(TORCH)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.torch: | $(BIN)/python
	@echo "installing into $(VENV); most of the wait is downloads"
	$(BIN)/pip install $(TORCH)
	@touch $@

$(VENV)/.installed: pyproject.toml | $(VENV)/.torch
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.torch
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.torch
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed $(VENV)/.installed-dev

$(VENV)/.installed-notebooks: pyproject.toml | $(VENV)/.torch
	$(BIN)/pip install --quiet --editable '.[notebooks]'
	@touch $@ $(VENV)/.installed
