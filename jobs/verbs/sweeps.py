"""The verbs: what a button, a command and a request can do to sweeps, whatever pipeline they are of.

A sweep starts one workflow a trial. Its row holds all trials before the first one starts. The tick starts what a killed
process did not start, lets those begin whose shared steps another one has done, and keeps the budget.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import Any, Literal

from jobs.engine import handover, queue
from jobs.pipelines import registry
from jobs.pipelines.definition import Pipeline
from jobs.pipelines.params import Param, Params, short
from jobs.pipelines.planned import Prepared
from jobs.pipelines.preparation import prepare
from jobs.verbs import shares, workflows
from jobs.verbs.permission import deed
from jobs.verbs.workflows import NAME_LENGTH, Inputs
from store import actors, datasets, people, sweeps
from store.actors import Actor, Role
from store.errors import ConflictError, InvalidError, RequestError, TooManyError, UnavailableError
from store.messages import Message
from store.sweeps import NewSweep, Sweep, Trial
from store.tables import Priority

log = logging.getLogger(__name__)

EVERY = "all"
Method = Literal["each", "grid"]
# What to try: values by the name of a param, or all that fit.
Values = Mapping[str, Sequence[Any] | str]
MOST_TRIALS = 200
MOST_MINUTES = 365 * 24 * 60
MOST_TRIED = 20
# So many workflows of a sweep are open at once; the tick starts more as they end.
AT_ONCE = 20
ORIGIN = "sweep"
# A sweep that fails at every look for so long is stopped. Someone who is editing a pipeline needs some of it.
PATIENCE_SECONDS = 1800.0
# Why a sweep was stopped, where its running trials are cancelled; otherwise they run to their end.
CANCEL_RUNNING = ("sweep_stopped", "sweep_stopped_by", "sweep_out_of_time", "sweep_failed")

# Since when each sweep fails, in the process that drives them.
_failing: dict[int, float] = {}


@dataclass(frozen=True, slots=True)
class Budget:
    """When a sweep ends by itself: after so many trials, or so many minutes."""

    trials: int | None = None
    minutes: float | None = None

    def check(self) -> None:
        if self.trials is not None and self.trials < 1:
            raise InvalidError(Message("budget_without_trials"), "budget.trials")
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise InvalidError(Message("budget_without_minutes"), "budget.minutes")
        if self.minutes is not None and self.minutes > MOST_MINUTES:
            raise InvalidError(Message("budget_of_years", {"most": MOST_MINUTES}), "budget.minutes")


@deed("start", "sweep")
def start(
    pipeline: str,
    params: Params | None = None,
    inputs: Inputs | None = None,
    values: Values | None = None,
    name: str | None = None,
    request: str | None = None,
    *,
    method: Method = "each",
    budget: Budget = Budget(),
) -> Sweep:
    """Write a sweep with all its trials, then start them. The same request twice starts it once."""
    budget.check()
    planned = plan(pipeline, params, inputs, values, method, budget.trials)
    shares.check_waiting()
    queue.connection()  # a setting that leads to no queue is refused before anything is written
    new = NewSweep(
        name=((name or "").strip() or _title(registry.get(pipeline), inputs or {}, planned))[:NAME_LENGTH],
        pipeline=pipeline,
        method=method,
        params=params or {},
        inputs=inputs or {},
        trials=planned.trials,
        most_trials=budget.trials and min(budget.trials, MOST_TRIALS),
        most_minutes=budget.minutes,
    )
    sweep_id = sweeps.insert_new(new, request)
    with suppress(RequestError):  # the sweep is written, and the tick goes on with it
        _go_on(sweep_id)
    return sweeps.get(sweep_id)


@deed("stop", "sweep")
def stop(sweep_id: int) -> Sweep:
    """Start no further trial, and cancel those that have not ended."""
    sweeps.get(sweep_id)
    name = actors.name()
    why = Message("sweep_stopped_by", {"name": name}) if name else Message("sweep_stopped")
    if not sweeps.stop(sweep_id, why):
        raise ConflictError(Message("sweep_over", {"sweep": sweep_id}))
    _go_on(sweep_id)
    return sweeps.get(sweep_id)


@deed("describe", "sweep")
def describe(sweep_id: int, name: str) -> Sweep:
    """Change what a sweep is called."""
    sweeps.get(sweep_id)
    if not name.strip():
        raise InvalidError(Message("sweep_unnamed"), "name")
    sweeps.rename(sweep_id, name.strip()[:NAME_LENGTH])
    return sweeps.get(sweep_id)


@deed("delete", "sweep")
def remove(sweep_id: int, with_workflows: bool = False) -> None:
    """Delete a sweep that is over. Its workflows stay as workflows of their own, unless they are to go with it."""
    if sweeps.get(sweep_id).ended_at is None:
        raise ConflictError(Message("sweep_running", {"sweep": sweep_id}))
    if with_workflows:
        workflows.remove(sweeps.members([sweep_id])[sweep_id])
    if not sweeps.remove(sweep_id):
        raise ConflictError(Message("sweep_running", {"sweep": sweep_id}))


def go_on() -> int:
    """Do for every open sweep what is due, as the tick does; returns how many there were."""
    open_ids = sweeps.open_ids()
    for sweep_id in open_ids:
        try:
            _go_on(sweep_id)
        except Exception as error:  # one bad sweep must not keep the others waiting
            if sweep_id not in _failing:
                log.exception("could not go on with sweep %s", sweep_id)
            if time.monotonic() >= _failing.setdefault(sweep_id, time.monotonic()) + PATIENCE_SECONDS:
                _give_up(sweep_id, error)
        else:
            _failing.pop(sweep_id, None)
    return len(open_ids)


def _give_up(sweep_id: int, error: Exception) -> None:
    """Stop a sweep that fails at every look: with its workflows, unless only its trials cannot be started."""
    try:
        if isinstance(error, RequestError):
            sweeps.stop(sweep_id, _refused(error))
            return
        sweeps.stop(sweep_id, Message("sweep_failed", {"error": type(error).__name__}))
        _cancel_open(sweep_id)
        sweeps.end_if_over(sweep_id)
    except Exception:
        log.exception("could not stop sweep %s", sweep_id)


def _refused(error: RequestError) -> Message:
    return Message("sweep_refused", {"reason": error.message.as_json()})


def _go_on(sweep_id: int) -> None:
    """Bring a sweep as far as it can be now, from whatever state it was left in."""
    sweep = sweeps.get(sweep_id)
    if sweep.ended_at is not None:
        return
    if sweep.out_of_time:
        sweeps.stop(sweep_id, Message("sweep_out_of_time", {"minutes": sweep.most_minutes}))
    elif not sweep.stopped:
        _start_trials(sweep)
    stopped = sweeps.get(sweep_id).stopped
    if stopped and stopped.code in CANCEL_RUNNING:
        _cancel_open(sweep_id)
    with suppress(queue.QueueDownError):  # the reconciler hands over when the queue is back
        for workflow_id in sweeps.release(sweep_id):
            handover.hand_over(workflow_id)
    sweeps.end_if_over(sweep_id)


def _start_trials(sweep: Sweep) -> None:
    """Start the next trials, as the person who started the sweep."""
    room = AT_ONCE - len(sweeps.open_members(sweep.id))
    due = range(sweep.started, min(len(sweep.trials), sweep.started + room))
    if due and actors.current() is actors.TICK and (why := _why_not_for_starter(sweep)):
        sweeps.stop(sweep.id, why)
        return
    with actors.acting(_starter(sweep)):
        for number in due:
            trial = sweep.trials[number]
            try:
                workflows.start(
                    sweep.pipeline,
                    trial.params,
                    sweep.inputs,
                    trial.name,
                    priority=Priority.sweep,
                    origin=ORIGIN,
                    trial=(sweep.id, number),
                )
            except (ConflictError, TooManyError):
                return  # another process goes on with it, or the tick does later
            except RequestError as refused:
                if _may_pass(refused):
                    raise  # the tick tries again
                sweeps.stop(sweep.id, _refused(refused))
                return


def waits_for(sweep: Sweep) -> Message | None:
    """Return why the next trials of a sweep cannot start now, but may later: the module of its pipeline is broken."""
    if sweep.ended_at is not None or sweep.stopped or sweep.started >= len(sweep.trials):
        return None
    try:
        registry.get(sweep.pipeline)
    except RequestError as refused:
        return Message("sweep_waits", {"reason": refused.message.as_json()}) if _may_pass(refused) else None
    return None


def _may_pass(refused: RequestError) -> bool:
    """Return whether a trial may start later that is refused now, as when a pipeline of one's own is being edited."""
    return isinstance(refused, UnavailableError) or refused.message.code == registry.UNKNOWN_BESIDE_FAULTS


def _why_not_for_starter(sweep: Sweep) -> Message | None:
    """Return why nothing more is started for the person who started a sweep; a command or a script has no account."""
    if sweep.person_id is None or sweep.created_by is None:
        return None
    person = people.find(sweep.created_by)
    if person is None or person.id != sweep.person_id:
        return Message("sweep_of_removed_person", {"name": sweep.created_by})
    if not Role(person.role).covers(Role.analyst):
        return Message("sweep_of_viewer", {"name": person.name})
    return None


def _starter(sweep: Sweep) -> Actor:
    """Who starts trials: whoever acts now, and for the tick the person who started the sweep."""
    current = actors.current()
    return Actor(sweep.created_by or "", Role.analyst, current.via) if current is actors.TICK else current


def _cancel_open(sweep_id: int) -> None:
    for workflow_id in sweeps.open_members(sweep_id):
        with suppress(ConflictError):  # it has just ended
            workflows.cancel(workflow_id)


# Which trials there are


@dataclass(frozen=True, slots=True)
class Plan:
    """The trials that a sweep would have, and how many combinations there are in all."""

    trials: Sequence[Trial]
    combinations: int


def plan(
    pipeline: str,
    params: Params | None = None,
    inputs: Inputs | None = None,
    values: Values | None = None,
    method: Method = "each",
    most: int | None = None,
) -> Plan:
    """The trials that a sweep would have, the first `most` of them. Params that only some of them know are left out of
    the others; what cannot work is refused, but for values that are tried because all are."""
    known, given = registry.get(pipeline), {name: value for name, value in (params or {}).items() if value is not None}
    if workflows.missing_inputs(pipeline, inputs or {}):
        raise workflows.problems(pipeline, given, inputs or {})[0]
    wanted = values if values else {param.name: EVERY for param in tried(known, given)}
    if not wanted:
        raise InvalidError(Message("nothing_to_try", {"pipeline": known.shown}), "values")
    if method == "each" and len(wanted) > 1:
        raise InvalidError(Message("each_takes_one_param", {"params": list(wanted)}), "method")
    if len(wanted) > MOST_TRIED:
        raise InvalidError(Message("too_many_params_to_try", {"count": len(wanted), "most": MOST_TRIED}), "values")
    for name in wanted:
        if name in given:
            raise InvalidError(Message("tried_and_set", {"param": name}), f"params.{name}")
    lists = {name: _listed(known, given, name, tried_values) for name, tried_values in wanted.items()}
    count = math.prod(map(len, lists.values()))
    if min(count, most or count) > MOST_TRIALS:
        raise InvalidError(Message("too_many_trials", {"count": count, "most": MOST_TRIALS}), "values")
    every = {name for name, tried_values in wanted.items() if tried_values == EVERY}
    return Plan(_trials(known, given, inputs or {}, lists, every, most), count)


def tried(pipeline: Pipeline, chosen: Params) -> list[Param]:
    """The params of which one button tries every choice; none or one."""
    return [param for param in pipeline.params(chosen).values() if param.try_all and param.choices][:1]


def _listed(pipeline: Pipeline, given: Params, name: str, wanted: Sequence[Any] | str) -> list[Any]:
    """The values to try of one param; each once, as the param reads it."""
    param = pipeline.params(given).get(name)
    if wanted == EVERY:
        if param is None or not param.choices:
            raise InvalidError(Message("param_without_choices", {"param": name}), f"values.{name}")
        return list(param.choices)
    listed = [wanted] if isinstance(wanted, str) else list(wanted)
    if not listed:
        raise InvalidError(Message("no_values_to_try", {"param": name}), f"values.{name}")
    if len(listed) > MOST_TRIALS:
        many = Message("too_many_values_to_try", {"param": name, "count": len(listed), "most": MOST_TRIALS})
        raise InvalidError(many, f"values.{name}")
    read = [param.read(value) if param is not None else value for value in listed]
    return [value for place, value in enumerate(read) if value not in read[:place]]


def _trials(
    pipeline: Pipeline,
    given: Params,
    inputs: Inputs,
    lists: Mapping[str, Sequence[Any]],
    every: set[str],
    most: int | None,
) -> list[Trial]:
    # A larger grid is tried only as far as a budget says, which takes fewer than these.
    first = islice(product(*lists.values()), MOST_TRIALS)
    combined = [dict(zip(lists, each, strict=True)) for each in first]
    known = [set(pipeline.params({**given, **values})) for values in combined]
    if foreign := [name for name in given if not any(name in names for names in known)]:
        all_known = sorted(set().union(*known))
        raise InvalidError(Message("no_such_param", {"given": short(foreign[0]), "known": all_known}), foreign[0])
    made: list[tuple[Trial, Prepared]] = []
    unfit: list[RequestError] = []
    for values, names in zip(combined, known, strict=True):
        if len(made) == most:
            break
        chosen = {name: value for name, value in given.items() if name in names} | values
        params = workflows.propose(pipeline.name, inputs, chosen)
        prepared = prepare(pipeline, params, {name: datasets.get(each) for name, each in inputs.items()})
        if blocking := [problem for problem in prepared.problems if problem.field not in every]:
            raise blocking[0]
        unfit += prepared.problems
        if not prepared.problems:
            made.append((Trial(values, params), prepared))
    if not made:
        raise unfit[0]
    return list(_named(pipeline, made))


def _named(pipeline: Pipeline, made: Sequence[tuple[Trial, Prepared]]) -> Iterator[Trial]:
    """Trials with names that tell them apart, where those that follow from their params do not."""
    distinct = len({prepared.title for _, prepared in made}) == len(made)
    for trial, prepared in made:
        differs = ", ".join(f"{name} {value}" for name, value in trial.values.items())
        yield trial if distinct else Trial(trial.values, trial.params, f"{prepared.title}, {differs}"[:NAME_LENGTH])


def _title(pipeline: Pipeline, inputs: Inputs, planned: Plan) -> str:
    """What a sweep is called unless its user says so: customers, 6 choices of algorithm, or the first 20 of 240."""
    first, count = planned.trials[0], len(planned.trials)
    known = pipeline.params(first.params)
    names = " and ".join(_inside(known[name].label) if name in known else name for name in first.values)
    data = [datasets.get(dataset_id).name for dataset_id in inputs.values()]
    which = str(count) if planned.combinations <= MOST_TRIALS else f"{count} of {planned.combinations:,}"
    return ", ".join([*(data or [pipeline.shown]), f"{which} choices of {names}"])


def _inside(label: str) -> str:
    """A label within a name, with a small first letter unless it is an abbreviation."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
