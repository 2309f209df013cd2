"""The command line: what it prints, and the code it ends with."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from helpers import cast
from rich.console import Console
from sqlalchemy import update

from jobs.cli import terminal
from jobs.cli import workflows as command_line
from jobs.cli.app import app, main
from jobs.cli.watch import Updates
from jobs.engine import runner
from store import db, steps, tables, workflows
from store.messages import Message
from store.tables import Status, now
from store.workflows import New

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "jobs" / "tabular" / "samples" / "customer_churn.csv"


def outside(*arguments, **environment):
    """Run a command as a user does, in a process of its own."""
    command = [sys.executable, "-m", "jobs", *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | environment, timeout=120, check=False
    )


def do(workflow_id):
    """Be the worker: run every step, here and now."""
    for step in steps.of_workflow(workflow_id):
        with contextlib.suppress(runner.StepFailedError):
            runner.run_step(step.id, steps.get(step.id).attempt)


def test_every_promised_command_is_there():
    """The commands of the contract exist, and each explains itself."""
    names = {each.name or each.callback.__name__: each.callback.__doc__ for each in app.registered_commands}
    assert set(names) >= {
        "submit",
        "run",
        "watch",
        "list",
        "show",
        "restart",
        "compose",
        "retry",
        "cancel",
        "worker",
        "status",
        "doctor",
    }
    assert all(names.values())


def test_list_and_show(command):
    """Workflows are listed, the newest first, and one is shown with its steps."""
    assert "Start one with: python -m jobs submit FILE\n" in command("list")[1]
    first, second = cast.play(), cast.play()
    do(first)
    code, out, _ = command("list")
    assert code == 0 and [line.split()[0] for line in out.splitlines()[1:]] == [str(second), str(first)]
    assert len(command("list", "--status", "completed")[1].splitlines()) == 2
    code, out, _ = command("show", first)
    assert code == 0 and f"Workflow {first}: play  completed" in out and "accuracy" in out


def test_show_says_how_long_a_step_still_takes(command):
    """Half done after a minute, a step takes another minute, in words and in JSON."""
    number = cast.play()
    first = steps.of_workflow(number)[0]
    claim = steps.claim(first.id, 1, "me")
    steps.beat(claim, progress=(0.5, Message("text", {"text": "row 5 of 10"})))
    with db.writing() as connection:
        connection.execute(
            update(tables.steps)
            .where(tables.steps.c.id == first.id)
            .values(started_at=tables.now() - timedelta(seconds=60), heartbeat_at=tables.now())
        )
        connection.execute(update(tables.attempts).values(began_at=tables.now() - timedelta(seconds=60)))
    words = command("show", number)[1]
    left = json.loads(command("show", number, "--json")[1])["steps"][0]["seconds_left"]
    assert re.search(r"row 5 of 10, about (5\d|60) s left", " ".join(words.split()))
    assert left == pytest.approx(60, abs=5)


def test_show_says_how_long_a_second_attempt_still_takes(command):
    """What was done before its first report is behind it: the time left goes by the pace since then."""
    number = cast.play()
    first = steps.of_workflow(number)[0]
    lost = steps.claim(first.id, 1, "me")
    steps.beat(lost, progress=(0.5, Message("text", {"text": "epoch 20 of 40"})))
    steps.fail(lost, Message("lost", {"text": "The worker was lost."}), "", again=True)
    with db.writing() as connection:
        connection.execute(update(tables.steps).where(tables.steps.c.id == first.id).values(next_attempt_at=None))
    again = steps.claim(first.id, 2, "me")
    steps.beat(again, progress=(0.25, Message("text", {"text": "epoch 10 of 40"})))
    steps.beat(again, progress=(0.75, Message("text", {"text": "epoch 30 of 40"})))
    with db.writing() as connection:
        connection.execute(
            update(tables.steps)
            .where(tables.steps.c.id == first.id)
            .values(started_at=tables.now() - timedelta(hours=1), heartbeat_at=tables.now())
        )
        connection.execute(
            update(tables.attempts)
            .where(tables.attempts.c.number == 2)
            .values(resumed_at=tables.now() - timedelta(seconds=60))
        )
    assert re.search(r"epoch 30 of 40, about (2\d|30) s left", " ".join(command("show", number)[1].split()))
    assert json.loads(command("show", number, "--json")[1])["steps"][0]["seconds_left"] == pytest.approx(30, abs=5)


def test_uploading_a_big_file_shows_how_far_it_is(home, monkeypatch):
    """A terminal has a bar while a big file is copied, and then while it is analysed."""
    seen = Console(force_terminal=True, file=io.StringIO(), width=80)
    monkeypatch.setattr(terminal, "console", lambda: seen)
    monkeypatch.setattr("jobs.cli.workflows.LARGE", 1_000)
    said = []
    real = terminal.moving

    @contextlib.contextmanager
    def moving(draw):
        with real(draw) as move:
            yield lambda words, done, total: said.append((words, done, total)) or move(words, done, total)

    monkeypatch.setattr(terminal, "moving", moving)
    dataset = command_line.upload(SAMPLE, {}, as_json=False)
    size = SAMPLE.stat().st_size
    assert (dataset.size, said) == (size, [("uploading", size, size), ("analysing", size, size)])
    assert "analysing" in seen.file.getvalue() and "100%" in seen.file.getvalue()


def test_json_is_one_document(command):
    """With --json, before or after, there is one document and nothing else."""
    made = cast.play()
    for arguments in (("list", "--json"), ("--json", "list")):
        code, out, err = command(*arguments)
        assert code == 0 and err == "" and [each["id"] for each in json.loads(out)] == [made]
    for arguments in (("show", made), ("status",), ("doctor",)):
        code, out, err = command(*arguments, "--json")
        assert code == 0 and err == "" and isinstance(json.loads(out), dict)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "7"], 1, "There is no workflow 7."),
        (["watch", "7"], 1, "There is no workflow 7."),
        (["run", "7"], 1, "There is no workflow 7."),
        (["cancel", "7"], 1, "There is no workflow 7."),
        (["retry", "7"], 1, "There is no workflow 7."),
        (["restart", "7"], 1, "There is no workflow 7."),
        (["compose", "--data-from", "7", "--config-from", "8"], 1, "There is no workflow 7."),
        (["submit", "nothing.csv"], 1, "There is no file nothing.csv."),
        (["submit", str(ROOT)], 1, f"{ROOT} is a folder; name a file."),
        (
            ["submit", str(SAMPLE), "--target", "nope"],
            1,
            "customer_churn has no column 'nope'; choose the target from "
            "customer_id, signed_up, age, city, contract, internet, lines, monthly_charge and 6 more.",
        ),
        (["submit", str(SAMPLE), "--set", "epochs=x"], 1, "epochs must be a whole number, not 'x'."),
        (
            ["list", "--status", "done"],
            1,
            "There is no status 'done'; there are pending, running, completed, failed, skipped, cancelled, waiting.",
        ),
        (
            ["submit", str(SAMPLE), "--set", "algorithm=mlp"],
            2,
            "Invalid value: algorithm is not a setting; say --algorithm mlp.",
        ),
        (
            ["submit", str(SAMPLE), "--set", "epochs"],
            2,
            "Invalid value: --set takes name=value, such as epochs=20, not 'epochs'.",
        ),
        (
            ["show", "seven"],
            2,
            "Invalid value for 'ID': it must be a valid integer, unable to parse string as an integer",
        ),
        (["show", "99999999999999"], 2, "Invalid value for 'ID': it must be less than or equal to 2147483647"),
        (["submit"], 2, "Invalid value: name a file, or a pipeline: python -m jobs submit --pipeline NAME."),
        (["sbmit"], 2, "No such command 'sbmit'. Did you mean 'submit', 'limit'?"),
        (["list", "--colour"], 2, "No such option: --colour"),
        (["show", "\udcff"], 2, "'\\udcff' is not proper text."),
    ],
)
def test_what_is_wrong_is_one_sentence(command, arguments, code, words):
    """Refusals end with 1, misuse with 2; the sentence is on stderr, or is the JSON document."""
    assert command(*arguments) == (code, "", f"{words}\n")
    json_code, out, err = command(*arguments, "--json")
    document = json.loads(out)
    assert (json_code, document["detail"], err) == (code, words, "")
    assert set(document) == ({"detail", "code", "values"} if code == 1 else {"detail"})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("DATABASE_URL", "nonsense", "TRAINYARD_DATABASE_URL leads to no database"),
        ("DATABASE_URL", "sqlite:////nowhere/at/all.db", "cannot be used: unable to open database file."),
        ("DATABASE_URL", "klingon://user:geheim@host/db", "TRAINYARD_DATABASE_URL leads to no database"),
        ("WORKERS", "many", "TRAINYARD_WORKERS is 'many'"),
        ("HOME", "/dev/null/home", "/dev/null/home: Not a directory."),
        ("REDIS_URL", "nonsense", "TRAINYARD_REDIS_URL leads to no queue"),
    ],
)
def test_wrong_settings_are_one_sentence(home, monkeypatch, capsys, name, value, words):
    """A setting that leads nowhere is named, without its password; doctor finds it too."""
    from conftest import forget

    monkeypatch.setenv(f"TRAINYARD_{name}", value)
    forget()
    for arguments in (["status"], ["doctor"]):
        code = main(arguments)
        said = capsys.readouterr()
        told = said.err if arguments == ["status"] else " ".join(said.out.split())
        assert code == 1 and "Traceback" not in said.err + said.out and "geheim" not in said.err + said.out
        assert words in told or (name == "HOME" and "cannot be made" in told)


def test_an_ended_workflow_is_told_by_watch(command):
    """Watching what is over prints all of it, and the code says how it ended."""
    good, bad = cast.play(number=3), cast.play(mood="refuses")
    do(good), do(bad)
    code, out, _ = command("watch", good)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0 and "greet hello" in lines and "count epoch 3 attempt 1 count 3" in lines
    assert lines[-1].startswith(f"Workflow {good} completed in")
    code, out, _ = command("watch", bad)
    assert code == 1
    assert out.splitlines()[-1] == f"Workflow {bad} failed at judge: The mood is not right; choose another."
    code, out, _ = command("watch", bad, "--json")
    assert code == 1 and json.loads(out)["status"] == "failed"


def test_an_epoch_is_told_once(home):
    """What a step says of an epoch whose numbers are shown is not repeated; what else it says is."""
    workflow_id = cast.play()
    claim = steps.claim(steps.of_workflow(workflow_id)[0].id, 1, "w")
    said = [
        Message("epoch_measured", {"epoch": 1, "epochs": 9, "measures": "loss 0.5"}),
        Message("best_epoch", {"epoch": 1}),
    ]
    steps.beat(claim, [(1, "loss", 0.5)], [(now(), "info", each) for each in said])
    lines = [line.plain for line in Updates(workflow_id).of(workflows.get(workflow_id), steps.of_workflow(workflow_id))]
    assert sum("0.5" in line for line in lines) == 1 and len(lines) == 3


def test_steps_of_one_name_are_told_apart(home):
    """Of two steps called alike each is shown under its own key, and what stays as it is says nothing again."""
    workflow_id = cast.play()
    runner.run_step(steps.of_workflow(workflow_id)[0].id, 1)
    own = [replace(step, name="fit") for step in steps.of_workflow(workflow_id)]
    updates = Updates(workflow_id)
    first, second = ([line.plain for line in updates.of(workflows.get(workflow_id), own)] for _ in range(2))
    assert first and all(line.startswith("greet ") for line in first)
    assert second == []


def test_what_steps_say_cannot_steer_the_terminal(command):
    """Control characters in names and logs are shown as such."""
    made = cast.play()
    workflows.describe(made, name="\x1b[2J\u202eevil")
    assert "\x1b" not in command("list")[1] and "\u202e" not in command("show", made)[1]


def test_running_what_is_completed_changes_nothing(command):
    """`run` of a completed workflow says how it ended, and that was what was asked."""
    made = cast.play()
    do(made)
    code, out, _ = command("run", made)
    assert code == 0 and out.startswith(f"Workflow {made} completed in")
    assert [step.attempt for step in steps.of_workflow(made)] == [1, 1, 1]


def test_cancel(command):
    """A workflow is cancelled once; the second time there is nothing to do, and the code says so."""
    made = cast.play()
    assert command("cancel", made) == (0, f"Workflow {made} is cancelled.\n", "")
    assert command("cancel", made) == (1, "", f"Workflow {made} is already cancelled.\n")


def test_without_any_worker_to_come_work_waits(command, monkeypatch):
    """Where TRAINYARD_WORKERS is 0 and nobody works, work is accepted and waiting for it is refused."""
    from conftest import forget

    monkeypatch.setenv("TRAINYARD_WORKERS", "0")
    forget()
    code, out, _ = command("submit", SAMPLE)
    assert code == 0 and "waits for a worker" in out
    made = workflows.find(workflows.Filter())[0].id
    assert command("watch", made)[0] == 1 and workflows.get(made).status is Status.pending


def test_a_worker_needs_a_queue(command):
    """Without a queue there is nothing to work for, which is said at once."""
    code, _, err = command("worker")
    assert code == 1 and "no queue" in err


def test_commands_that_only_look_start_fast(home):
    """Listing imports neither scikit-learn nor pandas nor Streamlit."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom jobs.cli.app import main\nmain(['list'])\n"
            "print(sorted({'sklearn', 'pandas', 'streamlit', 'rq'} & set(sys.modules)))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"TRAINYARD_HOME": str(home)},
        check=True,
    )
    assert told.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_alone_a_command_does_the_work_itself(home):
    """Where nothing runs, submit starts what it needs, shows it, ends with it, and leaves no process behind."""
    done = outside("submit", SAMPLE, "--set", "epochs=2", "--name", "alone", TRAINYARD_HOME=str(home))
    assert done.returncode == 0, done.stderr
    assert "does the work itself" in done.stdout and "epoch 2" in done.stdout and "completed in" in done.stdout
    told = json.loads(outside("status", "--json", TRAINYARD_HOME=str(home)).stdout)
    assert told["services"] is False and told["workflows"]["completed"] == 1


@pytest.mark.slow
def test_beside_a_running_house(services, command):
    """Beside services that run, submit returns at once, --wait stays, and a failure is a failure."""
    code, out, _ = command("submit", SAMPLE, "--set", "epochs=2")
    assert code == 0 and "is on its way" in out
    code, out, _ = command("submit", SAMPLE, "--set", "epochs=2", "--wait", "--json")
    told = json.loads(out)
    assert code == 0 and told["status"] == "completed" and told["scores"]["accuracy"] > 0.7
    bad = cast.play(mood="refuses")
    code, out, _ = command("run", bad, "--watch")
    assert code == 1 and "failed at judge" in out
    assert command("retry", bad, "--wait")[0] == 1
    code, out, _ = command("restart", told["id"], "--wait", "--json")
    assert code == 0 and json.loads(out)["parent_id"] == told["id"]
    again = json.loads(out)["id"]
    code, out, _ = command("compose", "--data-from", told["id"], "--config-from", again, "--wait", "--json")
    assert code == 0 and json.loads(out)["status"] == "completed"
    assert command("doctor")[0] == 0


def test_names_notes_and_deletion(command):
    """A name and a note can be changed; a workflow that is over can be deleted, another one not."""
    workflow_id = cast.play()
    assert command("describe", workflow_id, "--name", "Best yet", "--note", "slow")[0] == 0
    assert (workflows.get(workflow_id).name, workflows.get(workflow_id).note) == ("Best yet", "slow")
    code, _, wrong = command("delete", workflow_id)
    assert code == 1 and "has not ended; cancel it" in wrong
    do(workflow_id)
    assert command("delete", workflow_id, 99)[::2] == (1, "There is no workflow 99.\n")
    assert command("delete", workflow_id, "--json")[1] == f'{{\n  "deleted": [\n    {workflow_id}\n  ]\n}}\n'
    assert workflows.get_many([workflow_id]) == []


def test_the_model_is_saved_as_a_file(command, tmp_path):
    """`model` saves the trained model; a workflow without one says so."""
    from helpers.tables import run, turkish

    from jobs.verbs import datasets

    workflow_id = cast.play()
    code, _, wrong = command("model", workflow_id)
    assert code == 1 and "has no model" in wrong
    trained = run(datasets.add([turkish()], "t.csv"), "abone mi", "LR", until="train")["train"]
    assert command("model", trained.workflow_id, "--out", tmp_path / "m.joblib")[0] == 0
    assert (tmp_path / "m.joblib").stat().st_size == trained.result["model_size"]


# Any pipeline


def test_pipelines_lists_what_can_be_started(command):
    """Every registered pipeline is there with its inputs, params and steps, on the terminal and as JSON."""
    code, out, err = command("pipelines")
    assert (code, err) == (0, "")
    for words in ("tabular", "play", "number", "greet, count, judge"):
        assert words in out
    known = {each["name"]: each for each in json.loads(command("pipelines", "--json")[1])}
    assert set(known) >= {"tabular", "play", "diamond"}
    assert known["play"]["params"]["properties"]["number"] == {
        "title": "Number",
        "description": "",
        "type": "integer",
        "default": 1,
    }
    assert [each["name"] for each in known["tabular"]["inputs"]] == ["data"]


def test_any_pipeline_is_submitted(command, monkeypatch):
    """A pipeline without a dataset, one whose input is a file, and one whose input is a dataset by its number."""
    monkeypatch.setattr("jobs.cli.follow.workers_run", lambda: True)
    code, out, err = command("submit", "--pipeline", "nothing", "--set", "number=7", "--name", "mine", "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    assert (made["pipeline"], made["name"], made["inputs"], made["params"]["number"]) == ("nothing", "mine", {}, 7)
    code, out, _ = command("submit", SAMPLE, "--pipeline", "play", "--set", "number=3", "--json")
    by_file = json.loads(out)
    assert code == 0 and by_file["pipeline"] == "play"
    (given,) = by_file["inputs"].values()
    number = given["dataset_id"] if isinstance(given, dict) else given
    code, out, _ = command("submit", "--pipeline", "tabular", "--input", f"data={number}", "--target", "age", "--json")
    assert code == 0 and json.loads(out)["facets"]["target"] == "age"
    assert [each["pipeline"] for each in json.loads(command("list", "--pipeline", "play", "--json")[1])] == ["play"]
    found = json.loads(command("list", "--facet", "target=age", "--json")[1])
    assert [each["facets"]["target"] for each in found] == ["age"]


def test_names_with_commas_are_given_as_json(command, tmp_path):
    """A list of columns has commas between its names, or is JSON where a name has one itself."""
    rows = [f"{('Bonn', 'Muş')[number % 2]},{18 + number},{('yes', 'no')[number % 3 // 2]}" for number in range(60)]
    path = tmp_path / "trips.csv"
    path.write_text("\n".join(['"city, country",age,paid', *rows]))
    chosen = path, "--target", "paid", "--set", "epochs=1", "--json"
    for given, read in (("age", ["age"]), ('["city, country", "age"]', ["city, country", "age"])):
        code, out, _ = command("submit", *chosen, "--set", f"features={given}")
        assert code == 0 and json.loads(out)["params"]["features"] == read
    tried = [["city, country"], ["age"]]
    code, out, _ = command("sweep", *chosen, "--values", f"features={json.dumps(tried)}")
    assert code == 0
    assert sorted(each["values"]["features"] for each in json.loads(out)["leaderboard"]) == sorted(tried)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--pipeline", "none"], 1, "There is no pipeline 'none'"),
        (["--pipeline", "nothing", str(SAMPLE)], 1, "Pipeline nothing takes no files."),
        (["--pipeline", "nothing", "--set", "height=2"], 1, "height"),
        (["--pipeline", "play", "--input", "data=x"], 2, "--input takes name=id, such as data=7, not 'data=x'."),
        (["--pipeline", "play", "--input", "data=7"], 1, "There is no dataset 7."),
        (["--pipeline", "tabular"], 1, "data"),
    ],
)
def test_a_submit_that_cannot_be_done_says_why(command, arguments, code, words):
    """One sentence, and nothing is started."""
    ended, out, err = command("submit", *arguments)
    assert (ended, out) == (code, "") and words in err and len(err.splitlines()) == 1
    assert workflows.count(workflows.Filter()) == 0


def test_a_list_is_headed_by_the_facets_of_its_pipeline(command):
    """Runs of one pipeline are listed by its facets, under their labels; runs of several by pipeline and details."""
    step = {"name": "top", "key": "top", "needs": (), "params": {}, "max_attempts": 1, "timeout": 60, "fresh": False}
    for region in ("north", "south"):
        workflows.insert_new(New(region, "diamond", {}, facets={"sales_region": region}), [step])
    head, *lines = command("list")[1].splitlines()
    assert "Sales region" in head and "Algorithm" not in head and "south" in lines[0]
    workflows.insert_new(New("other", "play", {}, facets={"mood": "calm"}), [step])
    head, *lines = command("list")[1].splitlines()
    assert "Pipeline" in head and "Details" in head and "calm" in lines[0] and "north" in lines[-1]


def test_facets_that_are_none_are_refused(command):
    """A facet is a name and a value."""
    assert command("list", "--facet", "target")[0] == 1
