"""Driving: the function of a flow runs from the top, turn after turn. What it asks for is written down once, as steps;
what these left is given to it when it asks again; and when it needs what is not there yet, the turn ends.

So a flow waits without a process, and whatever dies, the next turn goes on from what is written down. For a while the
driver may linger instead, when there is another worker that does the steps.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from jobs.authoring import asked, keeping, mapping
from jobs.authoring.arguments import arguments, is_exact
from jobs.authoring.configuration import Configuration
from jobs.authoring.failures import task_failed
from jobs.authoring.futures import AllowFailure, Future, Futures, reason_of
from jobs.authoring.handles import pattern_of
from jobs.authoring.names import filled
from jobs.authoring.options import PipelineOptions, reuses, step_options
from jobs.authoring.paths import Paths
from jobs.authoring.written import WrittenStep
from jobs.pipelines.context import StepContext
from jobs.pipelines.errors import Parked, PipelineError, StepError
from jobs.pipelines.handed import Pattern, references
from store import db
from store.errors import RequestError
from store.messages import Message, Values
from store.outputs import Handed
from store.settings import settings
from store.steps import NewStep, turns
from store.steps.turns import Park, Recorded
from store.tables import Status, StepRole

LOOK_SECONDS, LONGEST_LOOK = 0.003, 0.03
PATIENCE_SECONDS = 0.3  # with steps that nobody takes

group_of: ContextVar[str] = ContextVar("group", default="")


class Run:
    """One turn of a flow."""

    def __init__(
        self,
        context: StepContext,
        options: PipelineOptions,
        config: Configuration,
        again_from: str | None = None,
        before: int | None = None,
    ) -> None:
        self.context = context
        self.options = options
        self.config = config
        self.is_async = self.gives_futures = False
        self.noted: list[Callable[[WrittenStep, str], None]] = []  # who wants to know of calls
        self._again_from, self._again, self._before = again_from, False, before
        self._known: dict[str, Recorded] = {
            each.key: each for each in db.retrying(lambda: turns.recorded(context.claim))
        }
        self._order = list(self._known)
        self._asked: dict[str, WrittenStep | None] = {}
        self._states = {each.key: (each.status, each.result, each.error) for each in self._known.values()}
        self._ids = {each.key: each.id for each in self._known.values()}
        self._left: dict[int, dict[str, Handed]] | None = None
        self._paths = Paths({context.step.key})
        self._new: list[NewStep] = []
        self._handled: list[str] = []
        self._asked_again: list[tuple[str, Message]] = []
        self._parked: Parked | None = None
        self._broken: Exception | None = None
        self._others: bool | None = None
        self._writes = True
        self._lock = threading.RLock()
        self._thread = threading.get_ident()
        self._waited_for = set(db.retrying(lambda: turns.waits_of(context.claim))) if context.step.turn else set()
        if self._waited_for:
            context.mute()

    # What a flow asks for

    def call(
        self,
        step: WrittenStep,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        key: str | None = None,
        after: Any = None,
        label: str | None = None,
        behind: str | None = None,
        chunk: str | None = None,
    ) -> Future:
        """Ask for a step; one of a `chunk` is done `behind` another one, by the same process."""
        self._check(step.name)
        if "<" in step.source:
            raise PipelineError(Message("step_not_importable", {"name": step.name}))
        config = self.config.steps.get(step.name, {})
        options = step_options(step.name, dict(config), step.options)
        key = self._paths.key(group_of.get(), step.name, key, label)
        self._writes = key not in self._known
        try:
            params, handed = arguments(step, args, kwargs, config.get("parameters") or {}, self)
        except RequestError as wrong:
            raise StepError(wrong.message) from None  # whose text is a sentence
        needs = [*(need for need, _ in references(handed)), *asked.needs(args, kwargs), *asked.needs((after,), {})]
        for need in needs:
            if need not in self._asked:
                raise PipelineError(Message("after_unknown", {"step": key, "given": need, "known": list(self._asked)}))
        row: NewStep = {
            "name": step.name,
            "key": key,
            "needs": tuple(dict.fromkeys([*needs, *([behind] if behind else [])])),
            "ended": (*asked.may_fail((*args, *kwargs.values(), after)), *([behind] if behind else [])),
            "params": params,
            "max_attempts": step.definition().max_attempts,
            "timeout": max(1, round(options.timeout_seconds)),
            "fresh": (fresh := self._is_fresh(key, reuses(options, self.options))),
            "source": step.source,
            "label": (filled(options.task_run_name, {**params}) or None) if options.task_run_name else None,
            "group": group_of.get() or None,
            "handed": dict(handed),
            "tags": list(options.tags) or None,
            "policy": asked.policy(step.policy(options, PipelineOptions()), chunk, None if fresh else self._before),
            "kept": keeping.files_of(handed) if self._writes else (),
        }
        if self.is_async and (same := asked.same_among(self._known.values(), row, self._asked)):
            row["key"] = key = same  # coroutines may come in another order than before
        elif self.is_async and key in self._known:
            row["key"] = key = self._paths.key(group_of.get(), step.name, None, label)
        self._ask(row, step)
        for note in self.noted:
            note(step, key)
        return Future(self, key, [output.name for output in step.outputs])

    def map(
        self,
        step: WrittenStep,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        map_key: Any = None,
        after: Any = None,
        chunk: int = 1,
    ) -> Futures:
        """Ask for a step for each item; all are written before any runs. Of `chunk` items in a row each has a row of
        its own, and one process does them."""
        self._check(step.name)
        each = mapping.calls(step.function, step.name, args, kwargs, map_key)
        if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1:
            raise PipelineError(Message("map_chunk", {"step": step.name, "given": repr(chunk)[:40]}))
        name = self._paths.map_name(group_of.get(), step.name)
        made = Futures()
        for number, (label, given) in enumerate(each):
            behind = made[-1].invocation_id if number % chunk else None
            part = f"{group_of.get()}/{name}/{number // chunk}" if chunk > 1 else None
            label = f"{name}[{label}]"
            made.append(self.call(step, (), given, after=after, label=label, behind=behind, chunk=part))
        return made

    def once(self, function: Callable[[], Any]) -> Any:
        """What a function gives the first time; a replay sees the same."""
        name = "once"
        self._check(name)
        key = self._paths.key(group_of.get(), name, None, None)
        if key not in self._known:
            taken = self._taken_over(key, StepRole.once)
            value = taken["value"] if taken else function()
            if not is_exact(value):
                raise StepError(Message("once_not_json", {"kind": type(value).__name__}))
            self._ask(asked.plain_row(group_of.get(), name, key, {}, StepRole.once, result={"value": value}), None)
            self._write()
        else:
            self._ask(asked.plain_row(group_of.get(), name, key, {}, StepRole.once), None)
        return (self._states[key][1] or {}).get("value")

    def question(self, name: str, params: dict[str, Any], deadline: Any, read: Callable[[Any], Any]) -> Any:
        """What a person answers; days cost nothing."""
        self._check(name)
        key = self._paths.key(group_of.get(), name, None, None)
        row = asked.plain_row(group_of.get(), name, key, params, StepRole.question)
        row["deadline"] = deadline
        if key not in self._known:
            row["result"] = self._taken_over(key, StepRole.question)
        self._ask(row, None)
        self.wait([key])
        status, result, error = self._states[key]
        if status is not Status.completed:
            self._note_failure(key)
            raise task_failed(key, reason_of(status, error))
        try:
            return read((result or {}).get("value"))
        except RequestError as wrong:  # the person is asked again
            self._asked_again.append((key, wrong.message))
            raise self._park([key]) from None

    @contextlib.contextmanager
    def group(self, name: str) -> Iterator[None]:
        """Steps that are asked for meanwhile belong to a flow inside this one."""
        token = group_of.set(self._paths.group(group_of.get(), name))
        try:
            yield
        finally:
            group_of.reset(token)

    @contextlib.contextmanager
    def giving_futures(self) -> Iterator[None]:
        """Calls of steps give futures meanwhile, as a pipeline passes on what is not there yet."""
        before, self.gives_futures = self.gives_futures, True
        try:
            yield
        finally:
            self.gives_futures = before

    # What its futures ask

    def status(self, key: str) -> Status:
        return self._states[key][0]

    def has_completed(self, key: str) -> bool:
        """Whether a step completed, after it ended."""
        self.wait([key])
        return self.status(key) is Status.completed

    def wait(self, keys: Sequence[str]) -> None:
        """Return when all of these have ended; else linger, or end the turn."""
        self._check("wait")
        if not self._waited_for.isdisjoint(keys):
            self._waited_for = set()
            self.context.unmute()  # from here on it says something new
        still = self._still(keys)
        if still and not self._linger(still):
            raise self._park(still)

    def value(self, key: str, outputs: Sequence[str]) -> Any:
        """What a completed step left under these names: one value, several, or none."""
        step = self._asked[key]
        assert step is not None
        left = self._left_by(self._ids[key])
        meant = [(left.get(each.name), each.annotation) for each in step.outputs if each.name in outputs]
        values = [handed and keeping.loaded(handed, annotation, self.context) for handed, annotation in meant]
        return values[0] if len(values) == 1 else tuple(values) or None

    def error(self, key: str) -> Exception | None:
        status, _, error = self._states[key]
        if status is Status.completed or not status.over:
            return None
        self._note_failure(key)
        return task_failed(key, reason_of(status, error))

    def pattern_of(self, value: Any) -> Pattern | None:
        return pattern_of(value, self._pattern_of_asked)

    def keep(self, value: Any, annotation: Any, owner: str, name: str) -> Pattern:
        if not self._writes:  # it was kept when it was asked for first
            return {"kept": {}}
        return {"kept": asdict(keeping.kept(value, annotation, self.context, owner, name))}

    # How it ends

    def finish(self) -> None:
        """Wait for everything that was asked for; then what failed was handled."""
        if self._parked or self._broken:
            self._check("the end")
        self.wait(list(self._asked))
        if missed := [key for key in self._order if key not in self._asked]:
            told: Values = {"asked": len(self._asked), "recorded": missed[0]}
            raise StepError(Message("another_end", told))
        self._say_nothing_more()

    def leave_if_parked(self) -> None:
        """End the turn after all, where something has wrapped what does."""
        if self._parked:
            raise self._parked

    def failed(self, error: BaseException) -> None:
        """The function ended with an error; what it asked for meanwhile is forgotten."""
        self._say_nothing_more()
        if self._parked:
            raise self._parked
        culprits = asked.culprits_of(error)
        if self._handled or culprits:
            others = [key for key in self._handled if key not in culprits]
            db.retrying(lambda: turns.note_handled(self.context.claim, others, culprits))

    def _say_nothing_more(self) -> None:
        self.context.meanwhile = None
        self.context.unmute()
        with self._lock:
            pass

    def _park(self, waits: Sequence[str]) -> Parked:
        with self._lock:
            if self.context.step.turn >= self.options.limit:
                self._broken = StepError(Message("too_many_turns", {"most": self.options.limit}))
                raise self._broken
            self.context.meanwhile = None
            park = Park(tuple(self._new), tuple(waits), tuple(self._handled), tuple(self._asked_again))
            self._parked = Parked(park)
            return self._parked

    def _linger(self, keys: Sequence[str]) -> bool:
        """Stay for a while, when another worker does the steps; whether they ended."""
        seconds = settings().linger_seconds
        if seconds <= 0 or all(self._states[key][0] is Status.waiting for key in keys):
            return False
        if sum(not state[0].over for state in self._states.values()) > 1:
            return False  # there is work for this worker, too
        if self._new:
            self._write()
        elif self._others is None:
            self._others = self.context.hand_over()
        if not self._others:
            return False
        begun, pause, taken = time.monotonic(), LOOK_SECONDS, time.monotonic()
        while (moment := time.monotonic()) < begun + seconds:
            time.sleep(pause)
            self.context.check()
            if not (keys := self._still(keys)):
                return True
            if any(self._states[key][0] is Status.running for key in keys):
                taken = moment
            elif moment > taken + PATIENCE_SECONDS:
                return False  # all workers are busy, and this may be the one that is missing
            pause = min(pause * 1.2, LONGEST_LOOK)
        return False

    def _still(self, keys: Sequence[str]) -> list[str]:
        """Those that have not ended."""
        unsure = [key for key in dict.fromkeys(keys) if not self._states[key][0].over and key in self._ids]
        if unsure:
            self._states |= db.retrying(lambda: turns.changed(self.context.claim, unsure))
        return [key for key in dict.fromkeys(keys) if not self._states[key][0].over]

    def _ask(self, row: NewStep, step: WrittenStep | None) -> None:
        key = row["key"]
        with self._lock:
            recorded = self._known.get(key)
            number = len(self._asked)
            expected = self._order[number] if number < len(self._order) else None
            # Coroutines may come in another order than before, and are known by what they ask for.
            if (not self.is_async and expected not in (None, key)) or (recorded and not asked.is_same(recorded, row)):
                self._go_another_way(number, row, self._known[expected] if expected else recorded)
            if len(self._asked) >= self.options.limit:
                self._broken = StepError(Message("too_many_steps", {"most": self.options.limit}))
                raise self._broken
            self._asked[key] = step
            if recorded is None:
                first = Status.waiting if row.get("role") == StepRole.question else Status.pending
                self._states[key] = (Status.completed if row.get("result") else first, row.get("result"), None)
                if not self._new:
                    self._new_since = time.monotonic()
                self._new.append(row)
                if self.context.meanwhile is None and settings().linger_seconds > 0:
                    self.context.meanwhile = self._write_meanwhile

    def _go_another_way(self, number: int, row: NewStep, recorded: Recorded | None) -> None:
        assert recorded is not None
        self._broken = asked.another_way(number + 1, row, recorded)
        raise self._broken

    def _write(self) -> None:
        """Write the steps that were asked for while the function goes on."""
        with self._lock:
            if not self._new:
                return
            self._ids |= db.retrying(lambda: turns.grow(self.context.claim, self._new))
            if any(row.get("result") is None and row.get("role") is None for row in self._new):
                self._others = self.context.hand_over()
            self._new.clear()

    def _write_meanwhile(self) -> None:
        """From the thread that says that the driver is alive: what was asked for begins while the function computes."""
        if self._new and time.monotonic() > self._new_since + PATIENCE_SECONDS and self._lock.acquire(blocking=False):
            try:
                if self.context.meanwhile:
                    self._write()
            finally:
                self._lock.release()

    def _check(self, what: str) -> None:
        if threading.get_ident() != self._thread:
            raise StepError(Message("asked_in_a_thread", {"what": what}))
        if self._parked:
            raise self._parked
        if self._broken:
            raise self._broken

    def _is_fresh(self, key: str, usually_reused: bool) -> bool:
        """Whether it runs in any case. With `run from here`, all that are asked for before the chosen step are reused,
        and it and all after it run again."""
        if self._again_from is None:
            return not usually_reused
        self._again = self._again or self._again_from in (key, self.context.step.key)
        return self._again

    def _pattern_of_asked(self, value: Any) -> Pattern | None:
        if isinstance(value, AllowFailure):
            inner = self.pattern_of(value.value)
            return asked.or_failure(inner) if inner is not None else {"value": value.value}
        if not isinstance(value, Future):
            return None
        parts: list[Pattern] = [{"output": [value.invocation_id, name]} for name in value.outputs]
        if not parts:
            return {"value": None}
        return parts[0] if len(parts) == 1 else {"parts": parts}

    def _taken_over(self, key: str, role: StepRole) -> dict[str, Any] | None:
        """What came out in the run of before, when this one runs again from a later step."""
        if self._is_fresh(key, usually_reused=False) or self._before is None:
            return None
        before = self._before
        return db.retrying(lambda: turns.result_before(before, key, role))

    def _left_by(self, step_id: int) -> dict[str, Handed]:
        if self._left is None:  # all at once, as a replay asks for one after the other
            over = [self._ids[key] for key, state in self._states.items() if state[0].over]
            self._left = db.retrying(lambda: turns.left_by(over))
        if step_id not in self._left:
            self._left |= db.retrying(lambda: turns.left_by([step_id]))
        return self._left.get(step_id, {})

    def _note_failure(self, key: str) -> None:
        """It was told to the flow, which goes on unless it raises it again."""
        if key not in self._handled:
            self._handled.append(key)


_driving: list[Run] = []


def current() -> Run | None:
    """The flow that is driven in this process."""
    return _driving[-1] if _driving else None


@contextlib.contextmanager
def driving(run: Run) -> Iterator[Run]:
    """Let calls of steps ask this run for them meanwhile."""
    _driving.append(run)
    try:
        yield run
    finally:
        _driving.remove(run)
