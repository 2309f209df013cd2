# What is done to this repository day by day. `just` lists it; `pip install rust-just` brings the command.

# What `just quick` runs: the layers, the store, the verbs, the reader, the terminal, the guard, the charts and the docs.
quick_tests := """
  tests/test_layers.py tests/test_readme.py tests/test_wheel.py
  tests/test_store_metrics.py tests/test_store_schema.py tests/test_store_steps.py
  tests/test_jobs_pipelines.py tests/test_jobs_runner.py tests/test_jobs_workflows.py tests/test_jobs_algorithms.py
  tests/test_jobs_reader.py tests/test_api_app.py tests/test_api_guard.py
  tests/test_pages_charts.py tests/test_pages_curves.py
"""

# List the recipes
default:
    @just --list --unsorted

# Create .venv with everything that is pinned
install:
    python3 -m venv .venv
    .venv/bin/pip install --quiet -r requirements.txt

# Start the app
run *options:
    streamlit run app.py {{ options }}

# Lint, format and types
check:
    ruff check .
    ruff format --check .
    mypy

# Write what lint and format can write themselves
fix:
    ruff check --fix .
    ruff format .

# The tests that tell most in under a minute; none needs a running app, worker or browser
quick *options:
    python -m pytest -q -n auto --dist loadfile -m "not (slow or rare or browser or wheel or live)" {{ replace(quick_tests, "\n", " ") }} {{ options }}

# Every test; CI leaves out those that are marked rare
test *options:
    python -m pytest -n 3 --dist loadfile --no-loadscope-reorder {{ options }}

# The quick tests that have a database, on a PostgreSQL server of their own
postgresql *options:
    python -m pytest -n 3 --dist loadfile --database postgresql -m "not (slow or rare or browser or wheel)" {{ options }}

# Only the tests that take long: crashes, floods, browsers, the wheel, and what CI leaves out
slow *options:
    python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "slow or rare or browser or wheel" {{ options }}

# All measurements but the 10 GB file: a quarter of an hour, a table and a page of plots
bench *options:
    python -m tests.bench --out results {{ options }}

# Break everything in turn and read which promises held
chaos minutes="10" seed="1":
    python -m tests.bench.chaos --minutes {{ minutes }} --seed {{ seed }}

# Build the wheel into dist/
wheel:
    pip wheel --no-deps --wheel-dir dist .

# Look for known faults in the pinned packages
audit:
    pip install --quiet pip-audit
    pip-audit --no-deps --disable-pip -r requirements.txt

# What must pass before anything lands, in a fresh environment
ci:
    .ci/run
