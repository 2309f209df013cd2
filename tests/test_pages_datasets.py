"""The page Datasets: the list, one dataset, and links to what is not there."""

import io
from pathlib import Path

import pytest
from helpers.refusals import refuses
from streamlit.testing.v1 import AppTest

from jobs.cli.app import main
from jobs.verbs import datasets as verbs
from jobs.verbs import short_form
from store import datasets
from store.errors import ConflictError

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
NASTY = "![x](http://evil/p.png)"


def table(extra=""):
    return io.BytesIO(
        (
            f"id,şehir,left{extra}\n"
            + "".join(f"{row},{'abc'[row % 3]},{'yes' if row % 4 else 'no'}\n" for row in range(40))
        ).encode()
    )


def opened(**query):
    page = AppTest.from_file(APP, default_timeout=30).switch_page("datasets.py")
    page.query_params.update(query)
    return page.run()


def said(page):
    elements = [*page.markdown, *page.caption, *page.error, *page.warning, *page.info, *page.header]
    return "\n".join(str(element.value) for element in elements)


def click(page, key):
    page.button(key=key).click()
    return page.run()


def test_a_dataset_is_renamed(home):
    """Rename asks for the name of all versions, and says how a terminal and a program do it."""
    made = verbs.add(table(), "Pasted table.csv")
    page = click(opened(id=str(made.id)), "rename")
    page.text_input(key="rename-name").set_value("Aboneler")
    next(each for each in page.button if each.label == "Save").click()
    page.run()
    assert not page.exception and datasets.get(made.id).name == "Aboneler"
    assert any("Aboneler" in each.value for each in page.header)


def test_nothing_yet_says_what_to_do(home):
    """Without datasets there is one next step, not an empty table."""
    page = opened()
    assert not page.exception
    assert "No datasets yet" in said(page) and not page.dataframe


def test_list_has_one_line_a_name(home):
    """Versions of one name share a line, which counts them and the workflows of all."""
    dataset = verbs.add(table(), "churn.csv")
    verbs.redescribe(dataset.id, {"decimal": ","})
    verbs.add(table(), "other.csv")
    short_form.start(dataset.id, "left", "logistic_regression")
    page = opened()
    assert not page.exception
    shown = page.dataframe[0].value
    shown = shown.set_index("name")
    assert dict(shown["versions"]) == {"churn": 2, "other": 1}
    assert dict(shown["used"]) == {"churn": 1, "other": 0}
    assert "2 datasets" in said(page)


def test_search_narrows_the_list(home):
    """The search is by name, is in the URL, and a miss says so."""
    verbs.add(table(), "churn.csv")
    verbs.add(table(), "other.csv")
    assert list(opened(q="ur").dataframe[0].value["name"]) == ["churn"]
    assert "No dataset name contains" in said(opened(q="zzz"))


def test_one_dataset_is_shown_with_profile_and_versions(home):
    """One dataset shows how it was read, its columns, first rows, versions and the workflows that used it."""
    dataset = verbs.add(table(), "churn.csv")
    started = short_form.start(dataset.id, "left", "logistic_regression", name="first try")
    page = opened(id=str(dataset.id))
    assert not page.exception
    assert r"40 rows · 3 columns · UTF\-8, comma, decimal point" in said(page)
    assert list(page.dataframe[0].value["name"]) == ["id", "şehir", "left"]
    assert len(page.dataframe[1].value) == 20
    assert "Version 1" in said(page)
    assert [link for link in page.get("page_link") if f"#{started.id} first try" in link.proto.label]


def test_unused_dataset_is_deleted_after_asking(home):
    """Deleting asks first, says what goes, and leads back to the list."""
    dataset = verbs.add(table(), "churn.csv")
    page = click(opened(id=str(dataset.id)), "delete")
    assert datasets.count() == 1 and "cannot undo this" in said(page)
    click(page, "delete-sure")
    assert datasets.count() == 0
    assert not page.exception and "No datasets yet" in said(page)


def test_used_dataset_explains_why_it_stays(home):
    """A dataset that a workflow used is not deleted, and the page says why."""
    dataset = verbs.add(table(), "churn.csv")
    short_form.start(dataset.id, "left", "logistic_regression")
    page = click(opened(id=str(dataset.id)), "delete")
    assert "cannot be deleted because 1 workflow uses it" in said(page)
    assert not [button for button in page.button if button.key == "delete-sure"]


def test_ticked_datasets_are_deleted_together(home):
    """A tick chooses; Delete asks, takes all versions, and says which stay because a workflow uses them."""
    free, used = verbs.add(table(), "free.csv"), verbs.add(table("x"), "used.csv")
    verbs.redescribe(free.id, {"decimal": ","})
    short_form.start(used.id, "leftx", "logistic_regression")
    ticked = [each.id for each in datasets.listed()]
    page = AppTest.from_file(APP, default_timeout=30).switch_page("datasets.py")
    page.session_state["datasets-chosen"] = ticked
    page = click(page.run(), "delete-ticked")
    assert "free (2 versions)" in said(page).replace("\\", "") and "Workflows use used" in said(page)
    page = click(page, "delete-sure")
    assert not page.exception and [each.name for each in datasets.listed()] == ["used"]
    with refuses(ConflictError, "used by 1 workflow"):
        verbs.remove_all([used.id])


def test_datasets_are_deleted_by_a_command(home, capsys):
    """Several numbers at once; a workflow that uses one keeps all of them."""
    first, second = verbs.add(table(), "a.csv"), verbs.add(table("x"), "b.csv")
    short_form.start(second.id, "leftx", "logistic_regression")
    assert main(["dataset", "delete", str(first.id), str(second.id)]) == 1
    assert datasets.count() == 2
    assert main(["dataset", "delete", str(first.id)]) == 0 and "Deleted 1 dataset." in capsys.readouterr().out


@pytest.mark.parametrize("rubbish", ["999", "abc", "-1", "²", "9" * 40])
def test_unknown_dataset_in_the_url(home, rubbish):
    """A link to nothing is answered by a sentence and a way on."""
    page = opened(id=rubbish)
    assert not page.exception
    assert "may have been deleted" in page.warning[0].value


def test_refused_reading_keeps_the_old_one(home):
    """A way of reading that does not work is refused in plain words, and the dataset stays as it was."""
    dataset = verbs.add(table(extra="é"), "churn.csv")
    page = opened(id=str(dataset.id))
    next(box for box in page.selectbox if box.label == "Letters (encoding)").set_value("utf-16")
    next(element for element in page.button if element.label == "Read it again").click()
    page.run()
    assert not page.exception
    assert "still read as before" in page.error[0].value
    assert datasets.count() == 1


def test_hostile_names_stay_text(home):
    """A column or file name is never a link or a picture."""
    dataset = verbs.add(table(extra=NASTY), f"{NASTY}.csv")
    for page in (opened(), opened(id=str(dataset.id)), opened(q=NASTY + "z")):
        assert not page.exception
        assert "](" not in said(page)
