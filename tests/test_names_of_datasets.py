"""Datasets are named and renamed: by the verb, a command and a request; a search knows capitals."""

import io

import pytest
from helpers.refusals import refuses
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from api.app import create
from jobs.cli.app import main
from jobs.verbs import datasets as verbs
from store import datasets
from store.errors import ConflictError, InvalidError

TABLE = b"a,b\n" + b"".join(b"%d,%d\n" % (row, row % 2) for row in range(40))


def add(name, more=b""):
    return verbs.add(io.BytesIO(TABLE + more), name)


def test_all_versions_are_renamed(home):
    """A new name is that of all versions, without signs that cannot be seen; a later upload is their next version."""
    first, second, other = add("Pasted table.csv"), add("Pasted table.csv", b"9,1\n"), add("prices.csv")
    assert verbs.describe(second.id, "  Müşteri\u200b \n listesi 2.5 ").title == "Müşteri listesi 2.5 (version 2)"
    assert datasets.get(first.id).name == "Müşteri listesi 2.5" and datasets.get(other.id).name == "prices"
    assert verbs.describe(first.id, "Müşteri listesi 2.5").version == 1  # the same name again is no conflict
    assert add("Müşteri listesi 2.5.csv", b"8,1\n").version == 3


def test_a_name_is_needed_and_free(home):
    """No name, and the name of another dataset, are refused with what to do."""
    first, _other = add("a.csv"), add("prices.csv")
    with refuses(InvalidError, "needs a name"):
        verbs.describe(first.id, " \u200b ")
    with refuses(ConflictError, "Another dataset is called prices"):
        verbs.describe(first.id, "prices")
    assert datasets.get(first.id).name == "a"


def test_a_command_and_a_request_rename(home, capsys):
    """Both say what the dataset is called now."""
    first = add("a.csv")
    assert main(["dataset", "describe", str(first.id), "--name", "fatura"]) == 0
    assert "is called fatura" in capsys.readouterr().out
    client = TestClient(Starlette(routes=[Mount("/api", create())]), base_url="http://localhost")
    answer = client.patch(f"/api/datasets/{first.id}", json={"name": "abone"})
    assert (answer.status_code, answer.json()["name"]) == (200, "abone")
    assert client.patch(f"/api/datasets/{first.id}", json={"title": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("name", "text"),
    [("Müşteri kaybı", "MÜŞTERİ"), ("MÜŞTERİ", "müşteri"), ("İğne", "iğne"), ("IĞDIR", "ığdır"), ("iğne", "İĞNE")],
)
def test_a_search_knows_turkish_capitals(home, name, text):
    """Small letters are found by capitals and the other way round, the Turkish ones too."""
    add(f"{name}.csv")
    assert [each.name for each in datasets.find(text)] == [name] and datasets.count_names(text) == 1
    assert not datasets.find("x%ş")
