# Two commands for a stranger: `make demo` and `make test`. See README.md.
.PHONY: help install studies demo test faults lint format bench wheel image sbom audit lock clean

PORT ?= 8000
EHR_PORT ?= 8001
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

help:
	@echo "make demo     set up, start Vigil and the demonstration EHR (PORT=8000 EHR_PORT=8001)"
	@echo "make install  set up only what serving and the demonstration need; then .venv/bin/vigil is the command line"
	@echo "make studies  set up what training and validating models needs, too"
	@echo "make test     set up everything and run every test (Chromium needed, see README.md)"
	@echo "make faults   try every fault and attack on a real server and print a table (ARGS=\"--only kills --kills 500\")"
	@echo "make lint     ruff format --check, ruff check and mypy; make format mends what ruff can"
	@echo "make bench    speed and size, as ratios in one run"
	@echo "make wheel    build dist/vigil-*.whl"
	@echo "make image    build the container image localhost/vigil without a registry (root, debootstrap, buildah)"
	@echo "make sbom     write dist/vigil-sbom.cdx.json: every package that serving needs, with its hashes (CycloneDX)"
	@echo "make audit    ask an advisory source about them, or say that nothing was checked"
	@echo "make lock     make the locked requirements anew from setup.cfg (needs uv)"

demo: install
	@exec $(BIN)/vigil demo --port $(PORT) --ehr-port $(EHR_PORT)

install: .venv/installed

studies: .venv/installed-studies

test: .venv/installed-test
	@$(BIN)/python -m pytest $(ARGS)

faults: .venv/installed-test
	@$(BIN)/python -m tests.faults $(ARGS)

lint: .venv/installed-test
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/installed-test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: .venv/installed-test
	@$(BIN)/python -m tests.bench

# build/ keeps what a former build copied, deleted files too, and a wheel would hold them again.
wheel: .venv/installed
	@rm -rf build
	@$(PIP_RUN) wheel --no-deps --no-build-isolation --wheel-dir dist .

image:
	@deploy/build-image

sbom: .venv/installed-test
	@mkdir -p dist
	@$(BIN)/python -W ignore -m cyclonedx_py requirements --output-reproducible --output-format JSON \
		--output-file dist/vigil-sbom.cdx.json requirements.lock

audit: .venv/installed-test
	@PYTHON=$(BIN)/python deploy/advisories

PIP_RUN := $(BIN)/python -m pip --disable-pip-version-check --quiet
PIP := $(PIP_RUN) install

# $(1): the locked requirements to install.
define set_up
@fail() { echo "Vigil can't be set up: $$1" >&2; exit 1; }; \
test -n "$(PYTHON)" || fail "Python 3.11 or newer was not found. Install it, or name it: make PYTHON=/path/to/python3"; \
test -x $(BIN)/python || $(PYTHON) -m venv .venv 2>/dev/null \
	|| { rm -rf .venv; fail "$(PYTHON) can't make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; }; \
echo "Setting up .venv from $(1); this takes a minute or two the first time." >&2; \
$(PIP) --require-hashes -r $(1) >.venv/install.log 2>&1 \
	|| fail "pip could not install $(1). The reason is at the end of .venv/install.log"; \
$(PIP) --no-deps --no-build-isolation -e . >>.venv/install.log 2>&1 \
	|| fail "Vigil itself could not be installed. The reason is at the end of .venv/install.log"; \
touch .venv/installed $@
endef

.venv/installed: requirements.lock setup.cfg
	$(call set_up,requirements.lock)

.venv/installed-studies: requirements-studies.lock setup.cfg
	$(call set_up,requirements-studies.lock)

.venv/installed-test: requirements-test.lock setup.cfg
	$(call set_up,requirements-test.lock)

# setuptools builds the package itself (pyproject.toml); it is locked with the rest and required by no running Vigil.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
UV := echo 'setuptools>=77' | $(COMPILE) setup.cfg -
lock:
	$(UV) --extra test -o requirements-test.lock
	$(UV) --extra demo --extra studies -c requirements-test.lock -o requirements-studies.lock
	$(UV) --extra demo -c requirements-test.lock -o requirements.lock
	@sed -i.bak '1i # Made by "make lock" from setup.cfg; do not edit.' requirements*.lock
	rm -f requirements*.lock.bak
	for name in healthchain node; do (cd tests/clients/$$name && $(COMPILE) requirements.in -o requirements.lock); done

clean:
	rm -rf .venv .clients var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
