# Everything a fresh clone needs is Python 3.11, 3.12 or 3.13 and this file. `make` alone lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ANY     = $(shell for one in python3.11 python3.12 python3.13 python3; do \
          $$one -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$one && break; done)
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.installed
WORKS  := $(PY) -c 'import pip' 2>/dev/null
LOCK   := $(PY) -m piptools compile --quiet --allow-unsafe --generate-hashes --no-annotate --strip-extras \
          --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: help setup demo test lint bench lock clean again

help: ## 列出目标 · list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  变量 · variables: ONCE=1 (demo: 演完即停 · stop when done), TOPOLOGY=his-led (demo: HIS 主导 · the HIS leads), PYTHON=… VENV=… (setup)"

setup: $(READY) ## 建立 .venv 并安装锁定的依赖（校验哈希） · make .venv from the locked, hashed requirements

# An environment whose Python went away with an upgrade of the system is made again.
$(READY): requirements-dev.lock requirements.lock pyproject.toml $(shell $(WORKS) || echo again)
	@test -n "$(or $(PYTHON),$(ANY))" || { echo "需要 Python 3.11 · Python 3.11 or later is needed" >&2; exit 1; }
	@$(WORKS) || $(or $(PYTHON),$(ANY)) .ci/venv.py $(VENV) $(PYTHON)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
# Its warning about folders that may hide the package is about this one, which they are.
	PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## 演示：引擎、模拟的各方、十个结算场景 · the demonstration: engine, simulated parties, ten settlements
	@$(PY) -m engine demo $(if $(filter 1 yes true,$(ONCE)),--once) $(if $(TOPOLOGY),--topology $(TOPOLOGY))

test: setup ## 全部测试 · the whole suite
	@$(PY) -m tests.judges.venvs
	@$(PY) .ci/suite.py $(ARGS)

lint: setup ## ruff、mypy 严格、分层与整洁 · ruff, mypy strict, layers and house rules
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pytest tests/test_tidy.py

bench: setup ## 性能测试 · the benchmarks
	$(PY) -m bench; one=$$?; $(PY) -m bench.crypto; two=$$?; $(PY) -m bench.lag; three=$$?; \
	$(PY) -m bench.deliver && exit $$((one || two || three))

lock: setup ## 重新锁定依赖 · lock the requirements anew
	$(LOCK) --output-file=requirements.lock requirements.in
	$(LOCK) --output-file=requirements-dev.lock requirements-dev.in
	for one in tests/judges/*.in; do $(LOCK) --no-header --output-file="$${one%.in}.lock" "$$one"; done

clean: ## 删除虚拟环境、缓存和演示数据 · remove the environment, caches and the demo's data
	rm -rf $(VENV) .venv-judges build *.egg-info .mypy_cache .ruff_cache .hypothesis var/demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
