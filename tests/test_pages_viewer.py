"""Who may only look: every page shows, no button changes anything, and a role that is taken away holds at once."""

from types import SimpleNamespace

import pytest
from helpers.notebooks import claim, completed, done, step_of, tabular
from helpers.visitors import Visitor, checked, enabled, kept, press, text
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.verbs import datasets as dataset_verbs
from jobs.verbs import people
from jobs.verbs import workflows as verbs
from pages.parts.workflow import cells
from store import actors, audit, datasets, steps, workflows
from store.actors import Actor, Role
from store.messages import Message
from store.tables import Status

# Ways to every page, in the states in which it has something to press; a word in capitals is a workflow of the scene.
ADDRESSES = [
    ("new.py", {}),
    ("new.py", {"dataset": "SAMPLE"}),
    ("workflow.py", {}),
    ("workflow.py", {"id": "DONE"}),
    ("workflow.py", {"id": "FAILED"}),
    ("workflow.py", {"id": "RUNNING"}),
    ("workflow.py", {"id": "CANCELLED"}),
    ("workflow.py", {"id": "999"}),
    ("workflows.py", {}),
    ("workflows.py", {"text": "no such"}),
    ("workflows.py", {"unseen": "1"}),
    ("compare.py", {}),
    ("compare.py", {"ids": "DONE,FAILED"}),
    ("datasets.py", {}),
    ("datasets.py", {"id": "1"}),
    ("datasets.py", {"id": "999"}),
    ("queues.py", {}),
    ("dashboard.py", {}),
    ("people.py", {}),
]
CHANGING = [
    ("new.py", {"dataset": "SAMPLE"}),
    ("workflow.py", {"id": "DONE"}),
    ("workflow.py", {"id": "FAILED"}),
    ("workflow.py", {"id": "RUNNING"}),
    ("workflow.py", {"id": "CANCELLED"}),
    ("workflows.py", {}),
    ("datasets.py", {"id": "1"}),
    ("queues.py", {}),
]


def named(addresses):
    return [f"{page} {' '.join(asked.values())}".strip() for page, asked in addresses]


@pytest.fixture
def browser(home, monkeypatch):
    return Visitor(monkeypatch)


@pytest.fixture
def scene(browser):
    """Workflows in every state, and zeynep, who is signed in and looks."""
    people.add("ayşe", "admin", None)
    people.add("zeynep", "viewer", None)
    with actors.acting(Actor("mehmet", Role.analyst, "page")):
        found = SimpleNamespace(
            DONE=completed(),
            FAILED=done(tabular(), "upload", "preprocess"),
            RUNNING=done(tabular(), "upload", "preprocess"),
            CANCELLED=tabular(),
        )
    steps.fail(claim(found.FAILED, "train"), Message("error", {"text": "It broke."}), "", again=False)
    steps.beat(
        claim(found.RUNNING, "train"),
        [(1, "val_accuracy", 0.6)],
        progress=(0.5, Message("text", {"text": "epoch 25 of 50"})),
    )
    verbs.cancel(found.CANCELLED)
    browser.sign_in("zeynep")
    return found


def opened(browser, scene, page, asked):
    """The page at an address; in lists, something is ticked."""
    if "SAMPLE" in asked.values():
        with actors.acting(Actor("mehmet", Role.analyst, "page")):
            scene.SAMPLE = dataset_verbs.sample().id
    words = {
        name: ",".join(str(getattr(scene, word, word)) for word in value.split(",")) for name, value in asked.items()
    }
    seen = browser.opens(page, **words)
    if page == "workflows.py" and "workflows-drawing" in seen.session_state:
        tick(seen, "workflows", [scene.DONE, scene.FAILED])
    if page == "queues.py":
        tick(seen, "queues-jobs-table", [step_of(scene.FAILED, "train").id])
    return seen


def tick(seen, key, ids):
    seen.session_state[f"{key}-chosen"] = ids
    seen.session_state[f"{key}-drawing"] = seen.session_state[f"{key}-drawing"] + 1
    checked(seen.run())


def places(seen):
    """The buttons that can be pressed, by their place, as not all have a key."""
    return [place for place, button in enumerate(seen.button) if not button.disabled]


@pytest.mark.parametrize(("page", "asked"), ADDRESSES, ids=named(ADDRESSES))
def test_viewer_finds_no_button_that_changes_anything(browser, scene, page, asked):
    """Whatever a viewer can press, nothing changes, and nothing has to be refused."""
    before = kept()
    seen = opened(browser, scene, page, asked)
    for place in places(seen):
        checked(seen.button[place].click().run())
        assert kept() == before
        seen = opened(browser, scene, page, asked)
    assert not [deed for deed in audit.find() if deed.what.endswith("refused")]


@pytest.mark.parametrize(("page", "asked"), CHANGING, ids=named(CHANGING))
def test_role_that_was_taken_away_holds_at_the_next_press(browser, scene, page, asked):
    """A page that was opened as an analyst changes nothing once that role is gone, and shows no traceback."""
    people.set_role("zeynep", "analyst")
    count = len(places(opened(browser, scene, page, asked)))
    for number in range(count):
        people.set_role("zeynep", "analyst")
        seen = opened(browser, scene, page, asked)
        people.set_role("zeynep", "viewer")
        before = kept()
        checked(seen.button[places(seen)[number]].click().run())
        assert kept() == before


DIALOGS = [
    ("workflow.py", "RUNNING", "workflow-state", "cancel", "cancel-sure"),
    ("workflow.py", "DONE", "workflow-state", "delete", "delete-sure"),
    ("workflow.py", "DONE", "workflow-state", "describe", "describe-save"),
    ("workflow.py", "DONE", "workflow-state", "compose", "compose-start"),
    ("workflows.py", "DONE", "workflows-state", "delete", "delete-sure"),
    ("workflows.py", "DONE", "workflows-state", "describe", "describe-save"),
    ("queues.py", "RUNNING", "queues-state", "stop", "queues-sure"),
]


@pytest.mark.parametrize(
    ("page", "which", "state", "question", "sure"), DIALOGS, ids=[f"{dialog[0]} {dialog[3]}" for dialog in DIALOGS]
)
def test_dialog_that_is_open_when_the_role_goes_refuses(browser, scene, page, which, state, question, sure):
    """The answer to a question that was asked of an analyst is refused with a sentence."""
    people.set_role("zeynep", "analyst")
    number = getattr(scene, which)
    seen = browser.opens(page, **({"id": number} if page == "workflow.py" else {}))
    about = step_of(number, "train").id if page == "queues.py" else (number,)
    seen.session_state[state].ask(question, about)
    checked(seen.run())
    people.set_role("zeynep", "viewer")
    before = kept()
    button = next(button for button in seen.button if sure in (button.key, button.label))
    checked(button.click().run())
    assert kept() == before
    assert "zeynep is signed in as viewer, who may not do this" in text(seen)


def test_refused_press_in_a_cell_is_said_by_the_page(browser, scene):
    """The Retry of a failed cell lives in a panel of its own; why it was refused is said above."""
    people.set_role("zeynep", "analyst")
    seen = browser.opens("workflow.py", id=scene.FAILED)
    people.set_role("zeynep", "viewer")
    press(seen, f"retry-{step_of(scene.FAILED, 'train').id}")
    assert "zeynep is signed in as viewer, who may not do this" in text(seen)


def test_settings_close_with_the_role(browser, scene):
    """Cells whose settings were open and changed are drawn without them, and nothing is offered to run."""
    people.set_role("zeynep", "analyst")
    seen = browser.opens("workflow.py", id=scene.DONE)
    step = step_of(scene.DONE, "train")
    shown = next(pills for pills in seen.button_group if pills.key.startswith(f"show-{step.id}"))
    checked(shown.set_value(cells.SETTINGS).run())
    checked(seen.number_input(key=f"{cells_key(seen, step)}-epochs").set_value(7).run())
    assert "run-from-here" in enabled(seen)
    people.set_role("zeynep", "viewer")
    checked(seen.run())
    assert "run-from-here" not in [button.key for button in seen.button] and not seen.number_input


def cells_key(seen, step):
    return next(
        widget.key.removesuffix("-epochs")
        for widget in seen.number_input
        if widget.key.startswith(f"set-{step.id}-") and widget.key.endswith("-epochs")
    )


def test_viewer_reads_the_settings_of_a_cell(browser, scene):
    """Whoever looks at everything sees epochs and learning rate, as a table without a field to change."""
    seen = browser.opens("workflow.py", id=scene.DONE)
    step = step_of(scene.DONE, "train")
    shown = next(pills for pills in seen.button_group if pills.key.startswith(f"show-{step.id}"))
    checked(shown.set_value(cells.SETTINGS).run())
    table = next(each.value for each in seen.dataframe if list(each.value.columns) == ["Setting", "Value"])
    assert dict(zip(table["Setting"], table["Value"], strict=True))["Epochs"] == "50" and not seen.number_input


def test_viewer_leaves_no_mark(browser, scene):
    """A failure that a viewer looked at still waits for somebody who can do something about it."""
    browser.opens("workflow.py", id=scene.FAILED)
    assert workflows.get(scene.FAILED).seen_at is None
    seen = browser.opens("workflows.py")
    assert "1 failed workflow to look at" in text(seen)
    assert not [key for key in enabled(seen) if "seen" in str(key)]
    people.set_role("zeynep", "analyst")
    browser.opens("workflow.py", id=scene.FAILED)
    assert workflows.get(scene.FAILED).seen_at is not None


def test_viewer_may_take_models_and_tables_away(browser, scene):
    """Downloads are for everybody who may look."""
    seen = browser.opens("workflow.py", id=scene.DONE)
    downloads = seen.get("download_button")
    assert [each.proto.label for each in downloads] == ["Download model", "Download metrics", "Download report"]
    assert not any(each.proto.disabled for each in downloads)
    assert not browser.opens("workflows.py").get("download_button")[0].proto.disabled


def test_new_says_what_it_is_and_why_not(browser, scene):
    """A viewer who follows a link to New learns what happens there, and finds the way to what is there to see."""
    seen = browser.opens("new.py", dataset="1")
    assert "You are signed in as a viewer" in text(seen) and "The dataset of this link" in text(seen)
    assert not seen.button and not seen.get("file_uploader")


def test_greyed_buttons_say_why(browser, scene):
    """The reason is where the pointer is."""
    seen = browser.opens("workflow.py", id=scene.DONE)
    restart = seen.button(key="restart")
    assert restart.disabled and "An admin can give you another role" in restart.help
    assert "Signed in as zeynep (viewer)" in text(seen)


# Who did it


def test_workflow_and_dataset_say_by_whom(browser, scene):
    """The header of a workflow and of a dataset names who started or added it."""
    assert "by mehmet, took" in text(browser.opens("workflow.py", id=scene.DONE))
    assert "started" in text(browser.opens("workflow.py", id=scene.RUNNING))
    assert "by mehmet" in text(browser.opens("workflow.py", id=scene.RUNNING))
    assert "by mehmet" in text(browser.opens("datasets.py", id="1"))
    assert list(browser.opens("datasets.py").dataframe[0].value["by"]) == ["mehmet"]
    assert set(browser.opens("workflows.py").dataframe[0].value["by"]) == {"mehmet"}


def test_mine_are_those_i_started(browser, scene):
    """The switch is in the address, and is offered only to somebody who signed in."""
    with actors.acting(Actor("zeynep", Role.analyst, "page")):
        own = tabular(name="my own")
    seen = browser.opens("workflows.py", mine="1")
    assert list(seen.dataframe[0].value["workflow"]) == [f"#{own}  my own"]
    assert seen.toggle(key="workflows-mine").value
    checked(seen.toggle(key="workflows-mine").set_value(False).run())
    assert len(seen.dataframe[0].value) == 5 and "mine" not in seen.query_params
    checked(seen.toggle(key="workflows-mine").set_value(True).run())
    assert len(seen.dataframe[0].value) == 1 and seen.query_params["mine"] == "1"


def test_where_nobody_signs_in_nobody_is_named(browser):
    """Without people there is no column, no switch, and no name."""
    with actors.acting(Actor("mehmet", Role.analyst, "page")):
        number = completed()
    seen = browser.opens("workflows.py", mine="1")
    assert "by" not in seen.dataframe[0].value and "workflows-mine" not in [toggle.key for toggle in seen.toggle]
    assert len(seen.dataframe[0].value) == 1
    assert "by mehmet" not in text(browser.opens("workflow.py", id=number))
    assert "by" not in browser.opens("datasets.py").dataframe[0].value


def test_command_line_lists_by_whom(browser, scene, command):
    """The command list --by names a person, --mine means who runs the command; show says who started a workflow."""
    mine = tabular(name="from a command")
    code, said, _ = command("list", "--by", "mehmet")
    assert code == 0 and said.count("mehmet") == 4 and "from a command" not in said
    code, said, _ = command("list", "--mine")
    assert code == 0 and "from a command" in said and "mehmet" not in said
    assert f"Started by {actors.current().name}" in command("show", mine)[1]
    assert command("list", "--mine", "--by", "mehmet")[0] == 2


def test_api_lists_by_whom(scene):
    """created_by narrows the list, and the count that comes with it."""
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    tabular(name="from a command")
    answer = client.get("/api/workflows", params={"created_by": "mehmet"})
    assert {each["created_by"] for each in answer.json()} == {"mehmet"} and answer.headers["X-Total-Count"] == "4"
    assert client.get("/api/workflows", params={"created_by": "nobody"}).json() == []


def test_states_of_the_scene(scene):
    """The walk above really meets a workflow in every state."""
    found = [workflows.get(getattr(scene, word)).status for word in ("DONE", "FAILED", "RUNNING", "CANCELLED")]
    assert found == [Status.completed, Status.failed, Status.running, Status.cancelled]
    assert datasets.get(1).created_by == "mehmet"
