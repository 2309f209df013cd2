"""The card Data of the page New: pasted cells, sheets of a workbook, and what was guessed of a file set by hand."""

from pathlib import Path

import openpyxl
import pytest
from streamlit.elements.lib import policies
from streamlit.testing.v1 import AppTest

from jobs.tabular.column import Column
from pages.parts.tabular import profile
from store import datasets, workflows
from store.workflows import Filter

APP = str(Path(__file__).parent.parent / "pages" / "navigation.py")
CITIES = ("İstanbul", "Ankara", "İzmir")
CELLS = [[CITIES[row % 3], f"{row * 37 % 91},5", "Evet" if row % 3 else "Hayır"] for row in range(40)]
PASTED = "\r\n".join("\t".join(row) for row in [["şehir", "gelir", "abone mi"], *CELLS]) + "\r\n"


@pytest.fixture
def page(home):
    """The page as it first comes up."""
    return AppTest.from_file(APP, default_timeout=30).switch_page("new.py").run()


def paste(page, text):
    next(area for area in page.text_area if area.key and area.key.startswith("new-paste")).set_value(text)
    next(each for each in page.button if each.label == "Use this table").click()
    return page.run()


def said(page):
    elements = [*page.markdown, *page.caption, *page.error, *page.warning]
    return "\n".join(str(element.value) for element in elements)


def choose(page, label, value):
    """Set one reading setting of the dataset on the page, and read it again."""
    next(box for box in page.selectbox if box.label == label and "new-change" in box.key).set_value(value)
    next(each for each in page.button if each.label == "Read it again").click()
    return page.run()


def test_cells_copied_from_excel_become_a_dataset(page):
    """Cells with tabs between them, decimal commas and Turkish letters are a table, ready to train on."""
    paste(page, PASTED)
    assert not page.exception
    [dataset] = datasets.find()
    assert (dataset.name, dataset.rows, dataset.dialect["delimiter"]) == ("Pasted table", 40, "\t")
    assert [column["kind"] for column in dataset.columns] == ["text", "number", "yes_no"]
    assert page.query_params["dataset"] == [str(dataset.id)] or page.query_params["dataset"] == str(dataset.id)
    assert all(not area.value for area in page.text_area)
    assert "Changed:" not in said(page)


def test_pasted_cells_are_named(page):
    """With a name of its own, a paste is no version of an unrelated one."""
    box = next(each for each in page.text_input if each.key and each.key.startswith("new-paste-name"))
    box.set_value("Kasım 2.5")
    page = paste(page, PASTED)
    assert not page.exception and [each.name for each in datasets.find()] == ["Kasım 2.5"]


def test_advice_fits_what_was_rejected(page):
    """No reading setting makes a table of a picture."""
    page.file_uploader[0].upload("resim.xlsx", b"\x89PNG\r\n\x1a\n" + bytes(200))
    page.run()
    assert "This is a picture" in page.error[0].value and "choose another one" in page.error[0].value
    assert "reading settings" not in page.error[0].value


def test_cells_that_are_no_table_stay_to_be_corrected(page):
    """What cannot be read is refused in a sentence, and the text is still there; the next try works."""
    paste(page, PASTED + "a\tb\tc\td\r\n")
    assert "Line 42 has 4 fields" in page.error[0].value and "Correct the cells." in page.error[0].value
    assert any("a\tb\tc\td" in (area.value or "") for area in page.text_area) and not datasets.find()
    paste(page, PASTED)
    assert not page.error and datasets.find()[0].rows == 40


def test_nothing_pasted_is_nothing_done(page):
    """Sending an empty field changes nothing."""
    paste(page, " \n".strip(" "))
    assert not page.exception and not page.error and not datasets.find()


def test_a_sheet_is_chosen_from_those_there_are(page, tmp_path):
    """The sheets of a workbook are offered by name; another one is another version, from which the first is offered."""
    book = openpyxl.Workbook()
    book.active.title = "Müşteriler"
    for row in [["şehir", "gelir", "abone mi"], *CELLS]:
        book.active.append(row)
    other = book.create_sheet("Özet 2024")
    for number in range(50):
        other.append(["ay", "tutar"] if not number else [f"ay {number % 12}", number * 1.5])
    book.save(path := tmp_path / "müşteriler.xlsx")
    page.file_uploader[0].upload("müşteriler.xlsx", path.read_bytes())
    page.run()
    assert "Excel, sheet Müşteriler" in said(page) and "The workbook also has Özet 2024" in said(page)
    choose(page, "Excel sheet", "Özet 2024")
    assert not page.exception and "Excel, sheet Özet 2024" in said(page)
    assert [(each.version, each.rows) for each in datasets.versions("müşteriler")] == [(2, 49), (1, 40)]
    choose(page, "Excel sheet", "Müşteriler")
    assert not page.exception and "Excel, sheet Müşteriler" in said(page)


def test_a_header_is_set_by_hand(page):
    """A table without names is told; choosing otherwise reads its first line as names."""
    paste(page, "\n".join("\t".join(row) for row in CELLS))
    assert "The first line was read as data" in said(page) and datasets.find()[0].rows == 40
    choose(page, "First line", True)
    newest = datasets.versions("Pasted table")[0]
    assert (newest.version, newest.rows, newest.columns[0]["name"]) == (2, 39, CITIES[0])
    assert "The first line was read as data" not in said(page)


def test_kinds_and_ticks_are_what_is_started(page, monkeypatch):
    """A kind that is set on the page goes with the workflow; a column stays unused until it is ticked."""
    from pages.parts.tabular import profile

    lines = [["no", "ölçü", "abone mi"], *[[str(row + 1), CELLS[row][1], CELLS[row][2]] for row in range(40)]]
    ticks = {"no": False, "ölçü": True, "abone mi": False}
    monkeypatch.setattr(profile, "column_choice", lambda *_given: (dict(ticks), {"no": "category", "ölçü": "number"}))
    paste(page, "\n".join("\t".join(line) for line in lines))
    page.button(key="new-start").click()
    page.run()
    assert not page.exception
    ticks["no"] = True
    page.switch_page("new.py").run()
    page.query_params["dataset"] = str(datasets.find()[0].id)
    page.run()
    page.button(key="new-start").click()
    page.run()
    second, first = workflows.find(Filter())
    assert first.params["kinds"] == second.params["kinds"] == {"no": "category", "ölçü": "number"}
    assert (first.params["features"], second.params["features"]) == (["ölçü"], None)


def test_a_candidate_that_is_pressed_is_the_target_without_a_word_in_the_log(page, monkeypatch):
    """Where no name says what to predict, a press on a candidate chooses it; Streamlit has nothing to complain of."""
    lines = ["lunch\tmath score\treading score\tsize"]
    lines += [f"{'ab'[n % 2]}\t{n * 7 % 53}.5\t{n * 11 % 47}.5\t{n * 3 % 41}.25" for n in range(60)]
    paste(page, "\n".join(lines))
    complaints: list[object] = []
    monkeypatch.setattr(policies._LOGGER, "warning", lambda *told, **_options: complaints.append(told))
    pills = next(group for group in page.button_group if str(group.key).endswith("-candidates"))
    pills.set_value("size").run()
    assert next(box for box in page.selectbox if box.label == "What should be predicted?").value == "size"
    assert not page.exception and not complaints


def test_contents_have_the_room_that_notes_leave():
    """Without notes the contents are as wide as they need; bars in a cell are few enough to be seen."""
    column = Column("şehir", distinct=9, top=[[f"a long name {i}", 1] for i in range(9)], histogram=[1] * 20)
    widths = [
        {name: each["width"] for name, each in profile._config([column], 9, notes).items() if each}
        for notes in ([""], ["looks like an id: rows have numbers of their own"])
    ]
    assert "note" not in widths[0] and widths[0]["contents"] == profile.ROOM
    assert widths[1]["note"] + widths[1]["contents"] <= profile.ROOM + profile.CONTENTS
    assert profile._few_bars(list(range(20))) == [1, 5, 9, 13, 17, 21, 25, 29, 33, 37]
