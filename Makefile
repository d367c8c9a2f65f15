# Needs Python 3.11 or later with venv, pip and make; everything else goes into .venv.
# Settings, for example `make demo PYTHON=python3.12`:
PYTHON ?= python3
VENV ?= .venv
# What pip installs as torch before anything else. It stands outside requirements.txt: which build
# fits depends on the machine. Without an NVIDIA GPU a CPU build is enough and ten times smaller;
# where the package index has one, this takes it. README, "Installing", tells how to point it at
# PyTorch's own index.
TORCH ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo torch || echo torch==2.13.0)
# Environments beside $(VENV): the newest releases, the oldest, and what keeps requirements.txt.
VENVS ?= .venvs
# Options of pytest, for example `make test PYTEST_OPTIONS="-m 'not slow'"`.
PYTEST_OPTIONS ?=
PYTEST = -m pytest -n logical --dist worksteal $(PYTEST_OPTIONS)
# Motion capture to train on, the prepared data set, and where trainings are kept.
MOCAP ?= ../shared/data
DATA ?= data/prepared
RUNS ?= runs
# What is trained on. These leave weights that a company may use; HDM05 asks for share-alike. With
# styles such as tired, old and angry, and for non-commercial use only:
#   make train SOURCES="cmu-mocap hdm05 deepmimic mesh2motion kaykit bandai-namco" DATA=data/mixed RUNS=runs/mixed
SOURCES ?= cmu-mocap hdm05 deepmimic mesh2motion kaykit

# How a checkpoint is trained, where it is not the default of the command: for one GPU, on which t2m,
# its student and m2t take ten minutes. docs/training-log.md says what was tried.
TOKENIZER_OPTIONS ?= --width 320 --code-dim 64 --batch 256 --steps 15000
REFINING_OPTIONS ?= --steps 13000 --batch 128 --window 128 --lr 4e-4
T2M_OPTIONS ?= --steps 1900 --batch 128 --lr 5e-4 --dropout 0.05 --noise 0.15 --corrupt 0.4 --unsaid 0.1 \
	--balance 0.1 --free 0.2 --gap 0.08
STUDENT_OPTIONS ?= --guidance 4 --steps 220 --batch 128 --lr 3e-4 --rows-lr 1e-3 --motion-first 0 --dropout 0 \
	--noise 0.1 --corrupt 0.1 --unsaid 0.05 --free 0.04 --gap 0.06
M2T_OPTIONS ?= --steps 1650 --batch 128 --lr 5e-4 --dropout 0.2 --noise 0.3 --crop 0.3 --free 0.2 --balance 0.1
MATCHING_OPTIONS ?=
# How it samples, and how it is measured.
SAMPLING_OPTIONS ?= --takes 1 --min-tokens 8 --end-penalty 4 --neighbours 0.5
EVALUATION_OPTIONS ?=

BIN := $(VENV)/bin
SENTENCE := A person walks forward, then jumps forward, then sits down.

.PHONY: help demo session test test-latest test-oldest everywhere lint format docs notebooks gallery data \
	train evaluate lock audit build release-check clean print-torch

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## install, then make a first motion in demo/
	$(BIN)/motion-agent run "$(SENTENCE)" --out demo/

session: $(VENV)/.installed ## the recorded conversation in docs/session.md
	$(BIN)/python docs/record_session.py

test: $(VENV)/.installed ## all tests, also those that load the default checkpoint
	$(BIN)/python $(PYTEST)

test-latest: ## the tests on the newest releases; the summary lists deprecations inside other packages
	rm -rf $(VENVS)/latest
	$(PYTHON) -m venv $(VENVS)/latest
	$(VENVS)/latest/bin/pip install $(TORCH)
	$(VENVS)/latest/bin/pip install --quiet --editable '.[dev,docs,notebooks]'
	$(VENVS)/latest/bin/python $(PYTEST)

# "Direct" are those that pyproject.toml names; theirs are as new as pip would take.
test-oldest: $(VENVS)/tools/.installed ## the tests on the oldest releases that pyproject.toml allows
	rm -rf $(VENVS)/oldest
	$(PYTHON) -m venv $(VENVS)/oldest
	$(VENVS)/oldest/bin/pip install $(TORCH)
	$(COMPILE) --resolution lowest-direct --python $(VENVS)/oldest/bin/python \
		--output-file $(VENVS)/oldest/requirements.txt
	$(VENVS)/oldest/bin/pip install --quiet --no-deps --requirement $(VENVS)/oldest/requirements.txt
	$(VENVS)/oldest/bin/pip install --quiet --no-deps --editable .
	$(VENVS)/oldest/bin/python $(PYTEST)

everywhere: $(VENV)/.installed ## foreign clients, frameworks and langgraph dev; WRITE=1 keeps what they said
	TORCH="$(TORCH)" $(BIN)/python .ci/everywhere/run.py --venvs $(VENVS) \
		$(if $(WRITE),--transcript docs/report/clients.md) $(CLIENTS)

lint: $(VENV)/.installed ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed ## let ruff write
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The line about MkDocs 2 that Material prints is no warning of ours; mkdocs.yml tells more.
docs: $(VENV)/.installed ## the site in site/, and is it true: every snippet of it and of the README
	$(BIN)/python docs/fill_in.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python -m pytest tests/test_readme.py tests/test_docs.py

notebooks: $(VENV)/.installed ## do all notebooks run? WRITE=1 keeps their outputs
	$(BIN)/python notebooks/execute.py $(if $(WRITE),,--check)

gallery: $(VENV)/.installed ## docs/gallery.md, its pictures, and the README's
	$(BIN)/python docs/make_gallery.py

data: $(VENV)/.installed ## prepare the motion capture in MOCAP as one data set
	for source in $(SOURCES); do \
		$(BIN)/motion-agent data prepare $$source $(MOCAP)/$$source.tar.xz --out $(DATA) || exit; \
	done

$(DATA)/dataset.json:
	$(MAKE) data

# Each step continues where it was stopped.
train: $(VENV)/.installed $(DATA)/dataset.json ## a checkpoint in RUNS/checkpoint, and its table
	$(BIN)/motion-agent train tokenizer --data $(DATA) --out $(RUNS)/tokenizer $(TOKENIZER_OPTIONS)
	$(BIN)/motion-agent train tokenizer --data $(DATA) --refine $(RUNS)/tokenizer \
		--out $(RUNS)/tokenizer-refined $(REFINING_OPTIONS)
	$(BIN)/motion-agent train t2m --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/t2m $(T2M_OPTIONS)
	$(BIN)/motion-agent train t2m --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/student \
		--start $(RUNS)/t2m --teacher $(RUNS)/t2m $(STUDENT_OPTIONS)
	$(BIN)/motion-agent train m2t --data $(DATA) --tokenizer $(RUNS)/tokenizer --out $(RUNS)/m2t $(M2T_OPTIONS)
	$(BIN)/motion-agent train matching --data $(DATA) --out $(RUNS)/matching $(MATCHING_OPTIONS)
	$(BIN)/motion-agent train assemble --data $(DATA) --tokenizer $(RUNS)/tokenizer-refined \
		--t2m $(RUNS)/student --m2t $(RUNS)/m2t --matching $(RUNS)/matching --out $(RUNS)/checkpoint \
		$(SAMPLING_OPTIONS)
	$(MAKE) evaluate CHECKPOINT=$(RUNS)/checkpoint

evaluate: $(VENV)/.installed $(DATA)/dataset.json ## the table of a checkpoint on the test split
	$(BIN)/motion-agent evaluate --data $(DATA) --out $(RUNS)/report \
		$(if $(CHECKPOINT),--checkpoint $(CHECKPOINT)) $(EVALUATION_OPTIONS)

# torch stands outside, and with it what it alone needs.
COMPILE = echo torch | $(VENVS)/tools/bin/uv pip compile pyproject.toml --excludes - --quiet \
	--extra dev --extra docs --extra notebooks --no-emit-index-url

# For every platform and Python 3.11 or later; uv knows no upper bound.
lock: $(VENVS)/tools/.installed ## requirements.txt with the newest releases; KEEP=1 moves none that need not
	$(COMPILE) --universal --python-version 3.11 --generate-hashes $(if $(KEEP),,--upgrade) \
		--custom-compile-command "make lock" --output-file requirements.txt

audit: $(VENVS)/tools/.installed ## known vulnerabilities of what requirements.txt names; bill of materials in dist/
	mkdir -p dist
	$(VENVS)/tools/bin/cyclonedx-py requirements requirements.txt --pyproject pyproject.toml \
		--output-file dist/sbom.json
	$(VENVS)/tools/bin/pip-audit --requirement requirements.txt --disable-pip --require-hashes --strict

build: $(VENV)/.installed ## wheel and sdist in dist/
	rm -rf build dist
	$(BIN)/python -m build --no-isolation --quiet

release-check: build $(VENVS)/tools/.installed ## wheel and sdist: contents, licences, and how the index would show them
	$(VENVS)/tools/bin/twine check --strict dist/*.whl dist/*.tar.gz
	$(BIN)/python .ci/check_release.py dist

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

# requirements.txt is complete, so pip resolves nothing: --no-deps.
$(VENV)/.installed: pyproject.toml requirements.txt | $(VENV)/.torch
	$(BIN)/pip install --quiet --no-deps --require-hashes --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENVS)/tools/.installed:
	$(PYTHON) -m venv $(VENVS)/tools
	$(VENVS)/tools/bin/pip install --quiet uv pip-audit cyclonedx-bom twine
	@touch $@
