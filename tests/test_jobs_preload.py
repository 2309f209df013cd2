"""What a worker's parent imports ahead: everything that steps would else import one by one, in every child."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import gc
import sys
from jobs.services import workers
workers.preload()
assert gc.isenabled() and gc.get_freeze_count() > 100_000, gc.get_freeze_count()
from helpers import tables, writing  # noqa: F401
from store import actors, schema
actors.recognise_by(actors.operator)
schema.prepare()
from jobs.verbs import datasets, workflows
before = set(sys.modules)
customers = datasets.add([tables.turkish(rows=80)], "c.csv")
for algorithm in ("LR", "MLP", "hist_gradient_boosting"):
    ended = tables.run(customers, "abone mi", algorithm, epochs=1)
    assert ended["evaluate"].status == "completed", ended
late = {name for name in set(sys.modules) - before if name.split(".")[0] not in sys.stdlib_module_names}
print(len(late), sorted(late))
"""


# What the app loads with the first page, table, curve, sign-in or measurement that needs it.
WAITING = {"pandas", "numpy", "pyarrow", "scipy", "sklearn", "openpyxl", "markdown_it", "jinja2", "prometheus_client"}


@pytest.mark.slow
def test_steps_find_everything_imported(home):
    """After preloading, running every kind of step imports no library any more, and looking for garbage leaves what
    was loaded alone: to look would copy it into every process."""
    root = Path(__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'tests'}"}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) == 0, done.stdout


def test_the_app_holds_no_library_that_only_steps_and_pages_need():
    """Before somebody opens a page. Each of these would take the memory of a process that waits, or more."""
    code = "import sys, app; app.warm_up(); print(*{name.partition('.')[0] for name in sys.modules})"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert {"streamlit", "plotly"} <= set(done.stdout.split())
    assert not WAITING & set(done.stdout.split())
