# make demo and make test do all the set-up: a local .venv, nothing installed elsewhere.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
OUT ?= demo-output

.PHONY: demo test test-browser slow bench lab clean

.venv/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "fluo_lab needs Python 3.11, 3.12 or 3.13 (on Debian: apt-get install python3 python3-venv)"; exit 2; }
	$(PYTHON) -m venv .venv || { echo "cannot make .venv (on Debian: apt-get install python3-venv)"; exit 2; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[notebook,test,worlds]'
	@touch $@

demo: .venv/.installed
	@$(BIN)/python -m fluo_lab.cli.demo $(OUT)

test: .venv/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -m "not slow and not browser" --numprocesses 2 --dist loadfile
	FLUO_LAB_PROGRESS=0 $(BIN)/pytest --nbval-lax -p no:cacheprovider --override-ini=addopts= notebooks
	$(MAKE) --no-print-directory test-browser

test-browser: .venv/.installed
	@if [ -x /usr/bin/chromium ]; then $(BIN)/pytest -m browser tests/browser; \
	else echo "BROWSER TESTS NOT RUN: /usr/bin/chromium is missing (on Debian: apt-get install chromium)"; fi

slow: .venv/.installed
	$(BIN)/pytest -m slow --numprocesses 2

bench: .venv/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks

lab: .venv/.installed
	$(BIN)/fluo lab

clean:
	rm -rf .venv demo-output
