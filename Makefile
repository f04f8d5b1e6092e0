# Two commands for a stranger: `make demo` and `make test`. See README.md.
.PHONY: help install demo test bench lock clean

PORT ?= 8000
EHR_PORT ?= 8001
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

help:
	@echo "make demo     set up, start Vigil and the demonstration EHR (PORT=8000 EHR_PORT=8001)"
	@echo "make install  set up only; afterwards .venv/bin/vigil is the command line"
	@echo "make test     set up and run every test (Chromium needed, see README.md)"
	@echo "make bench    speed and size, as ratios in one run"
	@echo "make lock     make the locked requirements anew from setup.cfg"

demo: install
	@exec $(BIN)/vigil demo --port $(PORT) --ehr-port $(EHR_PORT)

install: .venv/installed

test: .venv/installed-test
	@$(BIN)/python -m pytest $(ARGS)

bench: .venv/installed-test
	@$(BIN)/python -m tests.bench

PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet

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

.venv/installed-test: requirements-test.lock setup.cfg
	$(call set_up,requirements-test.lock)

UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
lock:
	$(UV) --extra test setup.cfg -o requirements-test.lock
	$(UV) -c requirements-test.lock setup.cfg -o requirements.lock
	@sed -i.bak '1i # Made by "make lock" from setup.cfg; do not edit.' requirements.lock requirements-test.lock
	rm -f requirements.lock.bak requirements-test.lock.bak

clean:
	rm -rf .venv var build *.egg-info
