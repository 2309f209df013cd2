"""The wheel: what `pip install trainyard` brings, and that it works from an empty folder."""

import ast
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import venv
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import httpx2
import psutil
import pytest
from conftest import free_port

from store.program import VERSION

ROOT = Path(__file__).parent.parent
FOLDERS = ("api", "jobs", "pages", "store", "trainyard")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the checkout without the internet."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(build, check=True, timeout=120, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def trainyard(wheel, tmp_path_factory):
    """Runs the installed command in an empty folder, in an environment that knows nothing of the checkout."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    # The libraries come from where the tests run; only Trainyard itself is installed.
    libraries = next((environment / "lib").glob("python*/site-packages")) / "libraries.pth"
    libraries.write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", wheel]
    subprocess.run(install, check=True, timeout=120, capture_output=True)
    folder = tmp_path_factory.mktemp("empty")

    def start(*arguments, stderr=None, **settings):
        own = {name: value for name, value in os.environ.items() if not name.startswith(("TRAINYARD_", "PYTHON"))}
        command = [environment / "bin" / "trainyard", *map(str, arguments)]
        return subprocess.Popen(
            command, cwd=folder, env=own | settings, text=True, stdout=subprocess.PIPE, stderr=stderr
        )

    start.folder = folder
    start.root = libraries.parent / "trainyard"
    return start


def finished(process):
    """What a command printed, and its exit code."""
    output, _ = process.communicate(timeout=120)
    return output, process.returncode


def normal(name):
    """The name of a library as package indexes compare it."""
    return re.sub(r"[-_]+", "-", name).lower()


def working_in(home):
    """The processes that work for a home."""
    alive = psutil.process_iter(["environ"])
    return [process.pid for process in alive if (process.info["environ"] or {}).get("TRAINYARD_HOME") == str(home)]


@pytest.mark.wheel
def test_the_wheel_carries_everything(wheel):
    """Each file of the program that Git knows is in the wheel, under trainyard/, and nothing else is."""
    listed = subprocess.run(
        ["git", "ls-files", *FOLDERS, "app.py", "requirements.txt", "README.md", ".streamlit"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    expected = {f"trainyard/{name.removeprefix('trainyard/')}" for name in listed.stdout.split()}
    carried = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert carried == expected


@pytest.mark.wheel
def test_the_wheel_depends_on_the_first_part_of_the_requirements(wheel):
    """Each pin has one home: what the wheel asks for is what requirements.txt says first."""
    first_part = (ROOT / "requirements.txt").read_text().split("\n\n")[0]
    information = next(name for name in ZipFile(wheel).namelist() if name.endswith("/METADATA"))
    asked = re.findall(r"^Requires-Dist: (.*)$", ZipFile(wheel).read(information).decode(), re.MULTILINE)
    pinned = [line.split("#")[0].strip() for line in first_part.splitlines() if not line.startswith("#")]
    assert sorted(map(normal, asked)) == sorted(map(normal, pinned))


@pytest.mark.wheel
def test_the_installed_command_says_its_version(trainyard):
    """`trainyard version` and `trainyard --version` print it, wherever they are run."""
    assert finished(trainyard("version")) == (f"{VERSION}\n", 0)
    assert finished(trainyard("--version")) == (f"{VERSION}\n", 0)


@pytest.mark.wheel
def test_the_installed_command_trains_a_model(trainyard):
    """A file is submitted and seen through to the end; what is kept lies in the folder where that was asked."""
    sample = trainyard.root / "jobs" / "tabular" / "samples" / "customer_churn.csv"
    output, code = finished(trainyard("submit", sample, "--wait"))
    assert code == 0 and "completed" in output
    assert (trainyard.folder / "data" / "trainyard.db").exists()
    assert "Follow it" not in output and finished(trainyard("model", 1))[1] == 0


@pytest.mark.wheel
def test_the_installed_command_finds_a_pipeline_in_its_folder(trainyard):
    """A module beside which the command is run is found, with its helpers, by every process that needs it."""
    (trainyard.folder / "helper.py").write_text("def twice(value):\n    return value * 2\n")
    (trainyard.folder / "mine.py").write_text(
        "from helper import twice\nfrom jobs.pipelines import pipeline, step\n\n\n"
        "@step('once')\ndef once(context):\n    return {'scores': {'value': twice(21)}}\n\n\npipeline('mine', once)\n"
    )
    output, code = finished(trainyard("submit", "--pipeline", "mine", "--wait", "--json", TRAINYARD_PIPELINES="mine"))
    assert code == 0 and json.loads(output)["scores"] == {"value": 42.0}


@pytest.mark.wheel
def test_the_installed_app_shows_its_first_page(trainyard):
    """`trainyard up` starts the app in an empty folder, with the settings of the server that come with it."""
    port = free_port()
    app = trainyard("up", "--port", port, stderr=subprocess.STDOUT)
    try:
        printed = "".join(itertools.takewhile(lambda line: "Running:" not in line, app.stdout))
        assert f"Trainyard is ready: open http://127.0.0.1:{port}" in printed
        assert httpx2.get(f"http://127.0.0.1:{port}/").status_code == 200
        assert httpx2.get(f"http://127.0.0.1:{port}/api/workflows").json() is not None
        assert working_in(trainyard.folder / "data") != []
    finally:
        app.send_signal(signal.SIGINT)
        app.communicate(timeout=40)
    assert working_in(trainyard.folder / "data") == []


def test_the_version_has_one_home():
    """Nothing but store/program.py says which version this is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"] and project["tool"]["hatch"]["version"]["path"] == "store/program.py"


def imported():
    """The libraries that Trainyard's own code imports, wherever in a file."""
    for path in [ROOT / "app.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                yield node.module.split(".")[0]


# Libraries whose values people may return: imported only where such a value is there.
LOADED_BY_PEOPLE = {"polars"}


def test_each_imported_library_is_a_direct_requirement():
    """What our code imports stands in the first part of requirements.txt, each with what it is for."""
    lines = (ROOT / "requirements.txt").read_text().split("\n\n")[0].splitlines()[1:]
    assert [line for line in lines if not re.fullmatch(r"[\w-]+==\S+ +# \S.*", line)] == []
    direct = {normal(line.split("==")[0]) for line in lines}
    distributions = metadata.packages_distributions()
    ours = {*FOLDERS, "app", "trainyard"}
    others = set(imported()) - set(sys.stdlib_module_names) - ours - LOADED_BY_PEOPLE
    foreign = {normal(distributions[name][0]) for name in others}
    assert foreign - direct == set()


def test_sentences_name_the_command_that_there_is():
    """What tells the user to type a command takes its name from store/program.py: the wheel has another one."""
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in prose]
        spelt = [node.value for node in texts if re.search("python -m jobs|pip install", str(node.value))]
        assert spelt == [] or path.name == "program.py", f"{path}: {spelt}"
