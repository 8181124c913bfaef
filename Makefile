# make demo: pictures from every shipped family. make test: everything that must hold. Needs Python ≥ 3.11 and pip.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check docs format pictures benchmark peers clean

demo: .venv/installed
	$(BIN)/genzoo list
	$(BIN)/python examples/demo.py demo
	@echo "the pictures are in demo/"

test: check tests/web/node_modules
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 8 --dist loadfile

# axe-core, with which the page is tested; the tests that need it are skipped where there is no npm.
tests/web/node_modules: tests/web/package.json
	-npm install --prefix tests/web --no-package-lock --no-audit --no-fund --silent

check: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

docs: .venv/tested
	$(BIN)/mkdocs build
	@echo "open site/index.html"

format: .venv/tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Every picture of README and docs. The last ones need Debian's chromium, and MNIST in $$GENZOO_DATA.
pictures: .venv/tested
	$(BIN)/python examples/demo.py docs/pictures
	$(BIN)/genzoo sample gan-dense-toy1d -o docs/pictures/gan-dense-toy1d-samples.png --force
	$(BIN)/genzoo sample gan-dcgan-mnist-label -n 100 --given label=0..9 -o docs/pictures/gan-dcgan-mnist-label-samples.png --force
	$(BIN)/genzoo edit vae-conv-mnist-label --data mnist -n 4 --given label=0..9 -o docs/pictures/vae-conv-mnist-label-edits.png --force
	$(BIN)/genzoo traverse vae-conv-sprites-tc --data sprites --seed 3 -o docs/pictures/vae-conv-sprites-tc-traverse.png --force
	$(BIN)/genzoo map vae-conv-mnist-2d -o docs/pictures/vae-conv-mnist-2d-map.png --force
	$(BIN)/genzoo interpolate gan-dcgan-mnist --mode spherical -o docs/pictures/gan-dcgan-mnist-interpolate.png --force
	$(BIN)/python docs/drawings.py docs/pictures
	$(BIN)/python docs/screenshots.py docs/pictures

# Its last part needs Debian's chromium.
benchmark: .venv/tested
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/load.py
	$(BIN)/python benchmarks/pull.py
	$(BIN)/python benchmarks/sampling.py
	$(BIN)/python benchmarks/training.py
	$(BIN)/python benchmarks/data.py
	$(BIN)/python benchmarks/processes.py
	$(BIN)/python benchmarks/engine.py
	-$(BIN)/python benchmarks/explore.py

# The trainers that training.py compares with; without them it goes on without.
peers: benchmarks/.venv/installed

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml
	@echo "installing; torch is large, so this takes minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

.venv/tested: .venv/installed pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs,test]'
	touch $@

benchmarks/.venv/installed: benchmarks/peers.txt pyproject.toml
	$(PYTHON) -m venv benchmarks/.venv
	@echo "installing pythae, torchgan and a torch of their own; this takes minutes"
	benchmarks/.venv/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt -e .
	touch $@

clean:
	rm -rf .venv .olah-venv benchmarks/.venv demo
