"""Whose work comes first: people before sweeps before schedules, and people in turns."""

import time

import pytest
from conftest import forget
from helpers import cast
from helpers.running import finish

from jobs.engine import handover, lanes, queue, queue_view, reconcile, turns
from jobs.services import presence
from store import actors, db, schema, steps, workflows
from store.actors import Actor, Role
from store.tables import Priority, Status
from store.tables import workflows as table


def post(person, name="play", priority=Priority.person, **params):
    """A workflow that this person starts."""
    with actors.acting(Actor(person, Role.analyst, "page")):
        workflow_id = cast.play(name, **params)
    with db.writing() as connection:
        connection.execute(table.update().where(table.c.id == workflow_id).values(priority=priority))
    handover.hand_over(workflow_id)
    return workflow_id


def order():
    """The workflows of the jobs that wait, in the order in which workers take them."""
    places = steps.places(queue.parse_job_id(job_id)[0] for job_id in queue.queued_job_ids())
    return [places[queue.parse_job_id(job_id)[0]][0] for job_id in queue.queued_job_ids()]


def test_one_persons_many_wait_behind_anothers_few(valkey):
    """Two of the first person's workflows, then all of the second's two, then the rest of the first's."""
    many = [post("ayse") for _ in range(6)]
    few = [post("mehmet") for _ in range(2)]
    assert order() == [*many[:2], *few, *many[2:]]
    assert queue_view.snapshot().queues[0].ready == 8, "to people it is one queue"


def test_the_next_one_moves_up_when_one_ends(valkey):
    """As a person's workflow ends, the oldest that waits takes its turn, once, with all its steps."""
    many = [post("ayse") for _ in range(5)]
    assert turns.move_up() == 0
    steps.cancel(many[0])
    queue.drop_jobs(step.job_id for step in steps.of_workflow(many[0]))
    assert turns.move_up() == 1 and turns.move_up() == 0
    last = post("mehmet")
    assert order() == [many[1], many[2], last, many[3], many[4]]
    moved = [step.job_id for step in steps.of_workflow(many[2])]
    assert queue.in_lane(moved, queue.QUEUE) == moved
    assert set(queue.deferred_job_ids()) >= set(moved[1:])


def test_where_nobody_signs_in_there_are_no_turns(valkey):
    """Work without a person behind it is done in the order in which it came."""
    ids = [post("") for _ in range(5)]
    assert order() == ids and turns.move_up() == 0


def test_people_come_before_sweeps_before_schedules_before_retraining(valkey):
    """Whatever was posted first; a priority in between goes with the lane before it."""
    posted = {level: post("ayse", priority=level) for level in sorted(Priority, reverse=True)}
    between = post("ayse", priority=15)
    assert order() == [
        posted[Priority.person],
        posted[Priority.sweep],
        between,
        posted[Priority.schedule],
        posted[Priority.retraining],
    ]


def test_every_lane_is_looked_after(valkey):
    """The reconciler leaves alone what waits in any lane, hands over to the same lane what got lost, and drops jobs of
    steps that are over from all of them."""
    ids = [post("ayse", priority=level) for level in Priority] + [post("ayse"), post("ayse")]
    reconciler = reconcile.Reconciler()
    reconciler._waiting.seconds = lambda looks: dict.fromkeys(looks, 100.0)
    assert not reconciler.round()
    before = order()
    for lane in queue.LANES:
        valkey.delete(queue.rq_queue(lane).key)
    assert dict(reconciler.round()) == {"handed_over": len(ids)}
    assert sorted(order()) == sorted(before) and len(set(order())) == len(ids)
    first = {lane: len(queue.rq_queue(lane).get_job_ids()) for lane in queue.LANES}
    assert first == dict(zip(queue.LANES, (2, 1, 1, 1, 1), strict=True))
    for workflow_id in ids:
        steps.cancel(workflow_id)
    assert dict(reconciler.round()) == {"dropped": 2 * len(ids)}


@pytest.mark.slow
def test_a_crowd_does_not_keep_another_person_waiting(tmp_path, monkeypatch):
    """Forty workflows of one person and one worker: another person's single one completes among the first few."""
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_WORKERS", "1")
    forget()
    schema.prepare()
    with presence.using(), actors.acting(actors.operator()):
        crowd = [post("ayse", number=3 + each, pause=0.05) for each in range(40)]
        only = post("mehmet", number=2)
        begun = time.monotonic()
        assert finish(only, 60) == Status.completed
        over = sum(workflows.get(each).status.over for each in crowd)
        assert over <= 4 * lanes.TURNS and time.monotonic() - begun < 40
        for each in crowd:
            if not workflows.get(each).status.over:
                steps.cancel(each)
    forget()
