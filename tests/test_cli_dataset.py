"""Commands on datasets, and the ways in which `submit` is given a table."""

import io
import json
import sys

import openpyxl
import pytest

from store import datasets, workflows
from store.workflows import Filter

LINES = ["ad\tyaş\tayrıldı mı", *[f"Şule {row % 5}\t{row},5\t{'Evet' if row % 3 else 'Hayır'}" for row in range(40)]]


@pytest.fixture
def workbook(tmp_path):
    """A workbook with two sheets."""
    book = openpyxl.Workbook()
    for line in LINES:
        book.active.append(line.split("\t"))
    other = book.create_sheet("Özet")
    for number in range(50):
        other.append(["ay", "iyi mi"] if not number else [number % 12, "ja" if number % 3 else "nein"])
    book.save(path := tmp_path / "liste.xlsx")
    return path


def piped(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_a_table_is_submitted_from_standard_input(command, monkeypatch):
    """What is piped or pasted into `submit -` is a dataset, read like a file."""
    piped(monkeypatch, "\n".join(LINES) + "\n")
    code, out, _ = command("submit", "-", "--target", "ayrıldı mı", "--read", "day_first=yes", "--json")
    assert code == 0, out
    [dataset] = datasets.find()
    assert (dataset.name, dataset.rows, dataset.dialect["delimiter"], dataset.dialect["decimal"]) == (
        "stdin",
        40,
        "\t",
        ",",
    )
    assert workflows.find(Filter())[0].inputs["data"].dataset_id == dataset.id
    piped(monkeypatch, "")
    assert command("submit", "-")[0] == 1


def test_a_sheet_is_submitted_by_its_name(command, workbook):
    """`--sheet` chooses; one that is not there is refused with those that are."""
    assert command("submit", workbook, "--sheet", "Özet", "--target", "iyi mi")[0] == 0
    assert datasets.find()[0].dialect["sheet"] == "Özet"
    code, _, err = command("submit", workbook, "--sheet", "Ocak")
    assert code == 1 and "Ocak" in err and "Özet" in err


def test_datasets_are_listed_read_again_and_given_back(command, workbook, tmp_path):
    """`dataset list`, `dataset read` with settings, and `dataset file` with the bytes as they were."""
    command("submit", workbook, "--target", "ayrıldı mı")
    first = datasets.find()[0]
    code, out, _ = command("dataset", "read", first.id, "sheet=Özet", "header=no")
    assert code == 0 and "Excel, sheet Özet, no header line" in out
    assert [each["version"] for each in json.loads(command("dataset", "list", "--json")[1])] == [2, 1]
    assert "liste" in command("dataset", "list")[1]
    assert command("dataset", "file", first.id, "-o", tmp_path / "back.xlsx")[0] == 0
    assert (tmp_path / "back.xlsx").read_bytes() == workbook.read_bytes()
    code, _, err = command("dataset", "read", first.id, "header=perhaps")
    assert code == 1 and "header must be yes or no" in err
    assert command("dataset", "read", first.id, "header")[0] == 2


def test_what_reading_a_file_warns_of_is_printed(command, tmp_path):
    """A missing header and copied rows are told beside the answer, which stays one document; said otherwise, not."""
    lines = [f"{20 + row % 10}\t{row % 10}\t{'yes' if row % 3 else 'no'}" for row in range(60)]
    (tmp_path / "people.tsv").write_text("\n".join(lines) + "\n")
    code, out, err = command("submit", tmp_path / "people.tsv", "--target", "column_3", "--json")
    assert code == 0 and json.loads(out)["id"]
    assert "The first line was read as data, because its 20 occurs again in column 1" in err
    assert "40 rows are exact copies of others (66.7 %)." in err
    code, _, err = command("submit", tmp_path / "people.tsv", "--target", "yes", "--read", "header=yes")
    assert "The first line was read as data" not in err
