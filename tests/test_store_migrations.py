"""Homes of earlier versions open, with everything they held."""

# ruff: noqa: S608 - the rows of old homes are written as old code wrote them

import json
from datetime import datetime

import pytest
from alembic import command
from alembic.config import Config

from jobs.language import sentence
from store import attempts, audit, datasets, db, metrics, schema, steps, tables, workflows
from store.settings import settings
from store.tables import Status
from store.workflows import Filter

AT = "2026-01-02 03:04:05.000000"
LATER = "2026-01-02 03:05:05.000000"
DEEDS = {
    ("start", "workflow 1234"): "Start workflow 1234",
    ("restart", "as workflow 8"): "Restart as workflow 8",
    ("delete", "workflow 3, 4"): "Delete workflow 3, 4",
    ("pause", "queue trainyard"): "Pause queue trainyard",
    ("change role of", "workflow 3"): "Change role of workflow 3",
    ("make own token", ""): "Create own token",
    ("sign in", ""): "Sign in",
    ("sign in", "a test"): "Sign in through a test",
    ("sign in: refused", "ayşe"): "Refused: sign in as ayşe",
    ("change own password: wrong", "ayşe"): "Change own password: wrong ayşe",
    ("refused", "POST /api/people"): "Refused: POST /api/people",
    ("retry: refused", ""): "Refused: retry",
    ("something", "of a version in between"): "something of a version in between",
}


def at_revision(revision):
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    with db.restructuring() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.fixture(params=["sqlite", "postgresql"])
def old_home(request, tmp_path, monkeypatch):
    """A home of revision 0003: a completed workflow, one that failed after a lost worker, one that is queued."""
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path / "old"))
    monkeypatch.delenv("TRAINYARD_DATABASE_URL", raising=False)
    if request.param == "postgresql":
        server = request.getfixturevalue("databases").server
        monkeypatch.setenv("TRAINYARD_DATABASE_URL", server.url(server.create()))
    settings.cache_clear()
    db.close()
    at_revision("0003")
    with db.writing() as connection:
        put = connection.exec_driver_sql
        put(
            "INSERT INTO datasets (id, name, version, sha256, size, dialect, exact, columns, preview, notices, "
            f"created_at) VALUES (1, 'old', 2, 'f00', 4, '{{}}', true, '[]', '[]', '[]', '{AT}')"
        )
        for number, status in ((3, "completed"), (4, "failed"), (9, "pending")):
            put(
                "INSERT INTO workflows (id, name, note, pipeline, dataset_id, target, algorithm, params, status, "
                f"origin, created_at) VALUES ({number}, 'w{number}', '', 'tabular', 1, 'müşteri', 'mlp', "
                f"'{{\"epochs\": 3}}', '{status}', 'new', '{AT}')"
            )
            for position, name in enumerate(("upload", "train")):
                put(
                    "INSERT INTO steps (id, workflow_id, name, position, status, attempt, max_attempts, fresh, params) "
                    f"VALUES ({number * 10 + position}, {number}, '{name}', {position}, '{status}', 1, 3, false, "
                    "'{}')"
                )
            put(f"INSERT INTO needs (step_id, needs_id) VALUES ({number * 10 + 1}, {number * 10})")
        put("INSERT INTO scores (workflow_id, name, value) VALUES (3, 'accuracy', 0.9)")
        put("INSERT INTO metrics (step_id, attempt, epoch, name, value) VALUES (31, 1, 1, 'loss', 0.5)")
        put(f"UPDATE steps SET started_at = '{AT}', ended_at = '{LATER}', worker = 'w' WHERE workflow_id IN (3, 4)")
        put('UPDATE steps SET result = \'{"scores": {"accuracy": 0.9}}\' WHERE id = 31')
        put("UPDATE steps SET attempt = 2, error_code = 'refused', error = 'It broke.' WHERE id = 41")
        put("UPDATE steps SET ready_at = '" + AT + "' WHERE id = 90")
        for text in ("The worker was lost. Attempt 2 follows.", "Attempt 2 continues from epoch 2."):
            put(f"INSERT INTO logs (step_id, attempt, at, level, text) VALUES (41, 1, '{LATER}', 'info', '{text}')")
        for number, (what, about) in enumerate(DEEDS):
            put(
                "INSERT INTO deeds (id, at, who, via, what, about, address) "
                f"VALUES ({number + 1}, '{AT}', 'ayşe', 'page', '{what}', '{about}', '')"
            )
        if connection.dialect.name == "postgresql":
            for table, last in (("workflows", 9), ("steps", 91)):
                put(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")
    db.close()
    yield
    db.close()
    settings.cache_clear()


def test_nothing_is_lost_on_the_way_to_any_pipeline(old_home):
    """Dataset, target and algorithm are inputs, params and facets; scores, numbers, logs and what waits are there."""
    schema.prepare()
    assert schema.current() == schema.NEWEST
    done = workflows.get(3)
    assert (done.inputs["data"].dataset_id, done.inputs["data"].title) == (1, "old (version 2)")
    assert list(done.inputs) == ["data"]
    assert done.params == {"epochs": 3, "target": "müşteri", "algorithm": "mlp"}
    assert done.facets == {"target": "müşteri", "algorithm": "mlp"} and done.scores == {"accuracy": 0.9}
    assert steps.of_workflow(3)[1].scores == {"accuracy": 0.9} and metrics.curves(31) == {"loss": [(1, 0.5)]}
    assert [each.id for each in workflows.find(Filter(facets={"algorithm": ("mlp",)}, sort="id"))] == [9, 4, 3]
    assert [each.id for each in workflows.find(Filter(dataset_id=1, text="w4"))] == [4]
    assert datasets.get(1).used_by == 3
    assert [step.key for step in steps.waiting()] == ["upload"] and steps.needs_of(9) == {90: [], 91: [90]}


def test_attempts_become_rows(old_home):
    """What the log said of attempts is in their table: how one ended, and from where the next went on."""
    schema.prepare()
    first, second = attempts.of_steps([41])[41]
    assert (first.number, first.ended_at.minute, sentence(first.ending)) == (1, 5, "The worker was lost.")
    assert (second.number, second.code, second.continued_from) == (2, "refused", 2)
    failed = steps.get(41)
    assert (failed.error_code, sentence(failed.error)) == ("refused", "It broke.")
    assert [each.code for each in attempts.of_steps([31])[31]] == ["completed"]


def test_steps_keep_the_attempts_that_their_author_allows(old_home):
    """Of a step that was never retried these are known; of others they are as many as most have."""
    with db.writing() as connection:
        connection.exec_driver_sql("UPDATE steps SET max_attempts = 1 WHERE id IN (31, 41)")
    db.close()
    schema.prepare()
    with db.reading() as connection:
        rows = connection.exec_driver_sql("SELECT id, allowed_attempts FROM steps WHERE id IN (31, 40, 41)")
        assert dict(rows.all()) == {31: 1, 40: 3, 41: 3}


def test_deeds_become_codes_with_values(old_home):
    """Who did what reads as before, from codes; the words of the API are the same words."""
    schema.prepare()
    found = list(reversed(audit.find()))
    assert {(each.what, each.about): sentence(each.message) for each in found} == DEEDS
    assert (found[0].code, found[0].values, found[0].count) == ("deed_start_workflow", {"workflow": 1234}, 1)


def test_numbers_given_once_are_not_given_again(old_home):
    """The next workflow gets a number of its own, also when the last one was deleted before the upgrade."""
    with db.writing() as connection:
        connection.exec_driver_sql("DELETE FROM steps WHERE workflow_id = 9")
        connection.exec_driver_sql("DELETE FROM workflows WHERE id = 9")
    db.close()
    schema.prepare()
    row = {"name": "a", "key": "a", "needs": (), "params": {}, "max_attempts": 1, "timeout": 9, "fresh": False}
    made = workflows.insert_new(workflows.New("n", "play", {}), [row])
    assert made == 10 and steps.of_workflow(made)[0].id > 91
    assert workflows.get(made).status is Status.pending and isinstance(workflows.get(made).created_at, datetime)
    with db.reading() as connection:
        params = connection.exec_driver_sql("SELECT params FROM workflows WHERE id = 3").scalar()
        assert (json.loads(params) if isinstance(params, str) else params)["epochs"] == 3


def test_numbers_of_deleted_datasets_are_not_given_again(old_home):
    """A dataset gets a number that no old link can mean: the audit trail knows the last one."""
    at_revision("0005")
    with db.writing() as connection:
        connection.exec_driver_sql(
            'INSERT INTO deeds (id, at, who, via, address, what, about, code, "values", count) '
            f"VALUES (99, '{AT}', 'ayşe', 'page', '', 'delete', 'dataset 7', 'deed_delete_dataset', "
            "'{\"dataset\": 7}', 1)"
        )
    db.close()
    schema.prepare()
    kept = datasets.get(1)
    assert (kept.name, kept.version, kept.exact, kept.used_by) == ("old", 2, True, 3)
    if db.engine().dialect.name == "sqlite":  # a sequence of PostgreSQL does not see numbers that are written by hand
        with db.writing() as connection:
            row = {"name": "n", "version": 1, "sha256": "1", "size": 1, "created_at": tables.now()}
            empty = {"dialect": {}, "columns": [], "preview": [], "notices": []}
            assert connection.execute(tables.datasets.insert().values(row | empty)).inserted_primary_key[0] == 8
