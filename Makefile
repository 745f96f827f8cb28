# Make alone: every target creates the environment first when it is missing.
PYTHON ?= python3
REQUIREMENTS ?= requirements.txt
UV_VERSION := 0.13.8
RUN := .venv/bin/python -m
NB ?=
TITLE ?=
LIMIT ?=
PART ?=
PAGES ?=
NNBOOK_DATA ?=
REPOSITORY ?=
BRANCH ?=
URL ?=
COLAB_PYTHON ?=
MUTATION ?=
BACKEND ?=
NBVAL := $(RUN) pytest -p book.tools.nbval_numbers --nbval --nbval-current-env \
	-n 2 --dist loadfile

SOURCES := $(shell find book/ notebooks/ nnbook/ -not -path '*/.*' -not -path '*__pycache__*')

# Without stored bytecode each notebook's kernel would compile TensorFlow anew.
unexport PYTHONDONTWRITEBYTECODE
export NB TITLE PAGES

.DEFAULT_GOAL := help
.PHONY: help book site new check test test-all test-units test-browser test-newest test-class \
	test-colab test-backend test-real student run lint bench mutate serve lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

# What the machine brings is checked before anything is installed.
.venv/ready: $(REQUIREMENTS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		2>/dev/null || { echo "The book needs Python 3.11, 3.12 or 3.13, and" \
		"'$(PYTHON)' is not: install one and name it, for example" \
		"'make $(MAKECMDGOALS) PYTHON=python3.12'."; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { echo "'$(PYTHON)' cannot create environments:" \
		"install its venv package (on Debian: apt install python3-venv)."; exit 1; }
	@echo "Installing the book's environment into .venv (about 2 GB) ..."
	@$(RUN) pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(RUN) uv pip install --quiet --requirement $(REQUIREMENTS)
	@$(RUN) uv pip install --quiet --no-build-isolation --no-deps --editable .
	@touch .venv/ready

book: _build/html/index.html ## Build the site from the stored outputs
	@$(RUN) book.tools.contents
	@echo "The book is in _build/html. Open file://$(CURDIR)/_build/html/index.html" \
		"in a browser, or run 'make serve'."

_build/html/index.html: .venv/ready _config.yml $(SOURCES)
	@$(RUN) book.tools.build > /dev/null
	@touch $@

site: .venv/ready ## Build the site to publish (REPOSITORY=owner/name, BRANCH=, URL=)
	@test -n "$(REPOSITORY)" || { echo "Name the repository that will hold the site:" \
		"make site REPOSITORY=owner/name"; exit 1; }
	@$(RUN) book.tools.publish --repository="$(REPOSITORY)" $(and $(BRANCH),--branch="$(BRANCH)") \
		$(and $(URL),--url="$(URL)")

test: test-units ## Run the unit tests, then notebooks that changed and some in turn
	due=$$($(RUN) book.tools.due) && $(NBVAL) $$due

test-all: $(if $(PART),book,test-units) ## Run the unit tests, then every notebook (or PART=name)
	$(NBVAL) notebooks/$(PART)

test-units: book ## Run the unit tests
	$(RUN) pytest -n 2 tests $(patsubst %,--ignore tests/test_%.py,browser class colab)

test-browser: book ## Test the site in Chromium (PAGES=all: every page in every way)
	$(RUN) pytest -n 2 tests/test_browser.py

.venv-newest/ready: tests/newest.txt | .venv/ready
	@$(RUN) uv venv --quiet --clear --python .venv/bin/python .venv-newest
	@$(RUN) uv pip install --quiet --python .venv-newest --requirement tests/newest.txt
	@touch $@

test-newest: .venv-newest/ready ## Build and test the site on the newest Sphinx
	@$(RUN) book.tools.newest .venv-newest/bin/python
	SITE=_build/newest/html $(RUN) pytest -n 2 tests/test_site.py

test-class: .venv/ready ## Grade a simulated class of sixty (Linux, with bubblewrap)
	$(RUN) pytest -s tests/test_class.py

student: .venv/ready ## Build the student editions of the exercises into _build/student
	@$(RUN) book.tools.editions

.venv-colab/ready: tests/colab.txt | .venv/ready
	@python=$$(for version in $(COLAB_PYTHON) 3.13 3.12 3.11; do $(RUN) uv python find --system \
		$$version 2>/dev/null && break; done) || { echo "Colab's versions need Python" \
		"3.11, 3.12 or 3.13 as an ordinary installation."; exit 1; }; \
	$(RUN) uv venv --quiet --clear --python "$$python" .venv-colab
	@$(RUN) uv pip install --quiet --python .venv-colab --requirement tests/colab.txt
	@touch $@

test-colab: .venv-colab/ready ## Run the Colab editions on Colab's versions (NB=name)
	$(RUN) pytest -s tests/test_colab.py $(and $(NB),-k $(NB))

# PyPI's PyTorch for Linux brings several GB of CUDA: it is taken from where pip is told
# to look for packages, or else from PyTorch's own index of builds for processors.
.venv-backends/ready: tests/backends.txt $(REQUIREMENTS) | .venv/ready
	@$(RUN) uv venv --quiet --clear --python .venv/bin/python .venv-backends
	@$(if $(PIP_FIND_LINKS),UV_FIND_LINKS,UV_TORCH_BACKEND)=$(or $(PIP_FIND_LINKS),cpu) \
		$(RUN) uv pip install --quiet --python .venv-backends \
		--requirement tests/backends.txt --constraint $(REQUIREMENTS)
	@touch $@

test-backend: .venv-backends/ready ## Run chapters on BACKEND=jax or torch (all, or NB=part/name)
	@.venv-backends/bin/python -m book.tools.backends "$(BACKEND)" $(NB)

test-real: .venv/ready ## Compare recorded benchmarks too (NNBOOK_DATA=folder, NB=path)
	@test -d "$(NNBOOK_DATA)" || { echo "Name the folder that holds the data:" \
		"make test-real NNBOOK_DATA=folder"; exit 1; }
	NNBOOK_DATA=$(abspath $(NNBOOK_DATA)) $(NBVAL) \
		$(or $(NB),$$(grep --recursive --files-with-matches '"recorded"' notebooks))

new: .venv/ready ## Begin a chapter (NB=part/name, TITLE="A title")
	@$(RUN) book.tools.new "$$NB" "$$TITLE"

check: .venv/ready ## Say what a chapter still owes, in seconds (NB=part/name)
	@$(RUN) book.tools.check "$$NB" $(LIMIT)

run: .venv/ready ## Run notebooks and store their outputs (all, or NB=part/name)
	@$(RUN) book.tools.run $(NB)

lint: .venv/ready ## Check the style of code and notebooks
	$(RUN) ruff check .
	$(RUN) ruff format --check .

bench: .venv/ready ## Measure time and memory for the README (all, or NB=part/name)
	@$(RUN) book.tools.bench $(NB)

mutate: .venv/ready ## Break one thing at a time, see which claims notice (NB=part/name, MUTATION=)
	@$(RUN) book.tools.mutate $(NB) $(MUTATION)

serve: book ## Serve the site at http://localhost:8000
	$(RUN) http.server --bind localhost --directory _build/html 8000

lock: .venv/ready ## Recompile requirements.txt from requirements.in
	$(RUN) uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
		--quiet --custom-compile-command 'make lock' requirements.in -o requirements.txt

clean: ## Remove the built site and caches, keep the environment
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
