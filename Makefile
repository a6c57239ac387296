# Every target makes the environment it needs, in .venv: with uv where it is installed, else with python3 and pip.

PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
SOURCES := integrations tests examples benchmarks docs
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

ifdef UV
CREATE = uv venv --quiet --allow-existing --python $(PYTHON) .venv
INSTALL = VIRTUAL_ENV=.venv uv pip install --quiet
else
CREATE = $(PYTHON) -m venv .venv
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

# What `make release` rehearses. The release workflow names the real ones.
TAG ?= v$(shell sed -n 's/__version__ = "\(.*\)"/\1/p' integrations/aimlapi_integrations/version.py)
REPOSITORY ?= https://github.invalid/owner/aimlapi-integrations
RELEASE := dist/release

.DEFAULT_GOAL := help
.PHONY: demo test strict lint types docs compat installs web ray programs environments bench record live audit release publish-docs clean help

demo: .venv/demo-ready  ## A demo in both frameworks; on the emulator if no key is set
	@$(BIN)/python examples/quickstart.py

test: .venv/dev-ready  ## The whole test suite, offline
	@$(BIN)/python -m pytest -n 2 --dist worksteal

strict: .venv/dev-ready  ## The suite in Python's development mode, in which every warning is an error
	@PYTHONDEVMODE=1 $(BIN)/python -X dev -W error -m pytest -n 2 --dist worksteal

lint: .venv/dev-ready  ## Style, format, and which part may import which
	@$(BIN)/ruff check $(wildcard $(SOURCES))
	@$(BIN)/ruff format --check $(wildcard $(SOURCES))
	@cd integrations && ../$(BIN)/lint-imports --config ../pyproject.toml

types: .venv/dev-ready  ## Types: mypy (strict), and every snippet of README and docs with mypy and pyright
	@$(BIN)/mypy
	@$(BIN)/python -m tests.packaging.snippet_types

docs: .venv/docs-ready  ## The documentation, into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --config-file docs/mkdocs.yml
	@echo "Open site/index.html"

compat: .venv-lowest/ready newest  ## The suite on the lowest and the newest versions of the dependencies
	@for versions in lowest newest; do \
		.venv-$$versions/bin/python -m tests.packaging.versions $$versions && .venv-$$versions/bin/python -m pytest -n 2 --dist worksteal || exit 1; \
	done

installs: .venv/dev-ready  ## Tests of the wheel with each extra, in clean environments
	@$(BIN)/python -m tests.packaging.clean_installs

web: chromium .venv-web/ready  ## Tests of the chat page in headless Chromium
	@CHROMIUM="$(CHROMIUM)" .venv-web/bin/python -m pytest tests/web

# By default 15, with which a busy machine starves the workers.
ray: export RAY_worker_niceness = 0
ray: .venv-ray/ready  ## Tests of bulk jobs on Ray Data, with a worker that is killed
	@.venv-ray/bin/python -c "import ray.data"
	@.venv-ray/bin/python -m pytest tests/bulk
	@.venv-ray/bin/python -m pytest tests/docs -k bulk -W ignore

programs: .venv-programs/ready  ## Third-party programs on our models: agents, memories, judges, graphs, MCP, SQL
	@.venv-programs/bin/python -c "import deepagents, json_repair, langchain_community, langchain_experimental, langchain_mcp_adapters"
	@.venv-programs/bin/python -c "import langgraph_supervisor, langgraph_swarm, langmem, lark, llama_index.tools.mcp, openevals, ragas"
	@.venv-programs/bin/python -m pytest tests/programs
	@.venv-programs/bin/python -m pytest tests/docs/test_code_blocks.py tests/docs/test_examples.py -k mcp -W ignore

environments: .venv-web/ready .venv-ray/ready .venv-programs/ready  ## What the three targets above need

bench: .venv-bench/ready  ## CPU time of calls and chunks, compared with other classes
	@.venv-bench/bin/python -m benchmarks.run

record: .venv/dev-ready  ## Record the cassettes again: live with a key, otherwise from the emulator
	@$(BIN)/python -m tests.cassettes.record

live: .venv/dev-ready  ## Everything on the real gateway, for whoever has a key, under a spending limit; OPTIONS="--limit 1 --record"
	@$(BIN)/python -m tests.live $(OPTIONS)

audit: .venv-audit/ready .venv-release/ready  ## Known vulnerabilities of what the package installs
	@.venv-release/bin/pip-audit --strict --skip-editable --path .venv-audit/lib/python*/site-packages

release: .venv-release/ready  ## A release without publishing it: packages, notes, list of components, docs
	@rm -rf build/release $(RELEASE) && mkdir -p build/release $(RELEASE)
	@git archive HEAD | tar -x -C build/release
	@.venv-release/bin/python .github/release.py $(TAG) --repository $(REPOSITORY) --root build/release \
		--notes $(RELEASE)/release-notes.md
	@.venv-release/bin/python -m build --no-isolation --outdir $(RELEASE)/packages build/release >/dev/null
	@.venv-release/bin/twine check --strict $(RELEASE)/packages/*
	@rm -rf .venv-wheel && $(subst .venv,.venv-wheel,$(CREATE))
	@$(subst .venv,.venv-wheel,$(INSTALL)) "aimlapi-integrations[all] @ file://$$(echo $(CURDIR)/$(RELEASE)/packages/*.whl)"
	@.venv-release/bin/cyclonedx-py environment --output-file $(RELEASE)/sbom.json .venv-wheel
	@cd build/release && git init --quiet && git add --all && \
		git -c user.name=release -c user.email=release@localhost commit --quiet --message release
	@ln -s $(CURDIR)/.venv-release build/release/.venv-release
	@$(MAKE) --no-print-directory -C build/release -o .venv-release/ready publish-docs VERSION=$(TAG:v%=%)
	@git -C build/release ls-tree -r --name-only gh-pages | grep -q '^latest$$'
	@echo "Ready to publish: $(RELEASE)"

publish-docs: .venv-release/ready  ## The documentation of VERSION, into the branch gh-pages
	@PATH="$(CURDIR)/.venv-release/bin:$$PATH" NO_MKDOCS_2_WARNING=1 \
		mike --quiet deploy --config-file docs/mkdocs.release.yml --update-aliases $(VERSION) latest
	@PATH="$(CURDIR)/.venv-release/bin:$$PATH" mike set-default --config-file docs/mkdocs.release.yml latest

clean:  ## Remove what the other targets made
	@rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build site
	@find $(wildcard $(SOURCES)) -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment of its own: one of the peers caps pydantic.
.venv-bench/ready: pyproject.toml
	@$(subst .venv,.venv-bench,$(CREATE))
	@echo "Installing the peers into .venv-bench …"
	@$(subst .venv,.venv-bench,$(INSTALL)) -e ".[bench]"
	@touch $@

.PHONY: chromium
chromium:
	@test -n "$(CHROMIUM)" || { echo "No Chromium found: apt-get install chromium, or make web CHROMIUM=/path/to/chrome"; exit 1; }

# An environment of its own: Gradio caps pillow.
.venv-web/ready: pyproject.toml
	@$(subst .venv,.venv-web,$(CREATE))
	@echo "Installing the chat page and what looks at it into .venv-web …"
	@$(subst .venv,.venv-web,$(INSTALL)) -e ".[web-test]"
	@touch $@

# An environment of its own: these programs bring the adapters and SDKs of other vendors along.
.venv-programs/ready: pyproject.toml
	@$(subst .venv,.venv-programs,$(CREATE))
	@echo "Installing the programs of others into .venv-programs …"
	@$(subst .venv,.venv-programs,$(INSTALL)) -e ".[programs-test]"
	@touch $@

.venv-audit/ready: pyproject.toml
	@$(subst .venv,.venv-audit,$(CREATE))
	@$(subst .venv,.venv-audit,$(INSTALL)) -e ".[all]"
	@touch $@

# An environment of its own: none of these is needed to develop.
.venv-release/ready: pyproject.toml
	@$(subst .venv,.venv-release,$(CREATE))
	@echo "Installing what a release needs into .venv-release …"
	@$(subst .venv,.venv-release,$(INSTALL)) -e ".[release]"
	@touch $@

.venv-ray/ready: pyproject.toml
	@$(subst .venv,.venv-ray,$(CREATE))
	@echo "Installing Ray into .venv-ray …"
	@$(subst .venv,.venv-ray,$(INSTALL)) -e ".[ray-test]"
	@touch $@

# The tools of development may be new; what needs newer versions than we do is in the extra dev.
.venv-lowest/ready: pyproject.toml .venv/dev-ready
	@$(subst .venv,.venv-lowest,$(CREATE))
	@$(BIN)/python tests/packaging/lowest.py > .venv-lowest/constraints.txt
	@echo "Installing the lowest versions into .venv-lowest …"
	@$(subst .venv,.venv-lowest,$(INSTALL)) -c .venv-lowest/constraints.txt -e ".[test]"
	@touch $@

# Made anew each time: what is newest changes without our doing.
.PHONY: newest
newest:
	@rm -rf .venv-newest
	@$(subst .venv,.venv-newest,$(CREATE))
	@echo "Installing the newest versions into .venv-newest …"
	@$(subst .venv,.venv-newest,$(INSTALL)) -e ".[dev]"

.venv/docs-ready: pyproject.toml .venv/dev-ready
	@echo "Installing what the documentation needs into .venv …"
	@$(INSTALL) -e ".[docs]"
	@touch $@

.venv/demo-ready: pyproject.toml
	@$(CREATE)
	@echo "Installing what the demo needs into .venv …"
	@$(INSTALL) -e ".[all]"
	@touch $@

.venv/dev-ready: pyproject.toml
	@$(CREATE)
	@echo "Installing what development needs into .venv …"
	@$(INSTALL) -e ".[dev]"
	@touch $@
