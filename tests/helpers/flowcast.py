"""Flows that tests play: each shows one thing that a flow can do."""

import asyncio
import contextlib
import os
import random
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy
import pandas

from trainyard import (
    allow_failure,
    ask,
    flow,
    get_run_logger,
    get_step_context,
    once,
    pipeline,
    step,
    task,
    transaction,
    unmapped,
    wait,
)


@task
def double(number: int) -> int:
    return 2 * number


@task
def add(numbers: list[int]) -> int:
    return sum(numbers)


@task
def refuse(text: str = "no") -> int:
    raise ValueError(text)


@flow
def looks(first: int = 1) -> int:
    """Doubles until it is large."""
    while first < 20:
        first = double(first)
    return first


@flow
def maps(numbers: list[int]) -> int:
    return add(double.map(numbers))


@task
def scale(number: int, factors: list[int]) -> int:
    return number * sum(factors)


@flow
def names_copies() -> list[int]:
    return scale.map([1, 2], unmapped([3, 4]), map_key=lambda number: f"n{number}").result()


@flow
def crosses() -> list[int]:
    return scale.product([1, 2], [[1], [10]]).result()


@flow
def empty_map() -> int:
    return add(double.map([]).result())


@flow
def catches() -> str:
    try:
        refuse("not today")
    except ValueError as error:
        return f"caught: {error}"
    return "nothing"


@flow
def fails() -> int:
    return refuse()


@flow
def states() -> list[str]:
    one, two = double.submit(1), refuse.submit()
    wait([one, two])
    return [one.state.type, two.state.type, double(5, return_state=True).name]


@task
def explain(given: object) -> str:
    return f"{type(given).__name__}: {given}"


@flow
def allows() -> str:
    return explain(allow_failure(refuse.submit("broken")))


@flow
def skips() -> str:
    later = double.submit(refuse.submit())
    return "skipped" if later.state.failed else "done"


@flow
def orders() -> list[str]:
    first = double.submit(1)
    second = double.submit(2, wait_for=[first])
    return [second.invocation_id, str(second.result())]


@flow
def inner(numbers: list[int]) -> int:
    return add(double.map(numbers).result())


@flow
def outer() -> int:
    return inner([1, 2]) + inner([3])


@flow
def remembers() -> list[float]:
    drawn = once(lambda: random.random())
    double(1)
    return [drawn, once(lambda: random.random())]


@flow
def wanders() -> int:
    for _ in range(3):
        double(int(time.time() * 1_000_000))
    return 0


@dataclass
class Release:
    version: str
    share: float = 0.5


@flow
def asks() -> str:
    if not ask(bool, "Release it?"):
        return "kept"
    release = ask(Release, "Which one?")
    return f"{release.version} at {release.share}"


@flow
def asks_kind() -> str:
    return ask(Literal["red", "blue"], "Which colour?")


@flow
def asks_briefly(seconds: float = 0.1) -> str:
    try:
        return str(ask(int, "How many?", timeout=seconds))
    except TimeoutError:
        return f"nobody; {ask(int, 'And now?', timeout=seconds, default=7)}"


@task
async def later(number: int) -> int:
    await asyncio.sleep(0)
    return number + 1


@flow
async def gathers() -> list[int]:
    first = await asyncio.gather(later(1), later(2))
    return [*first, await later(first[0])]


@flow
async def inner_async(number: int) -> int:
    return await later(await later(number))


@flow
async def outer_async() -> list[int]:
    return list(await asyncio.gather(inner_async(1), inner_async(10)))


@task
def frame(rows: int) -> pandas.DataFrame:
    return pandas.DataFrame({"x": range(rows), "y": numpy.arange(rows) / 2})


@task
def total(of: pandas.DataFrame, by: tuple) -> float:
    assert isinstance(by, tuple)
    return float(of["x"].sum() * by[0])


@flow
def passes_frames() -> float:
    made = frame(10)
    made["x"] += 1  # changed in the flow, and passed on as it is now
    return total(made, (2, "b"))


@task
def both(number: int) -> tuple[Annotated[int, "less"], Annotated[int, "more"]]:
    return number - 1, number + 1


@flow
def several() -> list[int]:
    less, more = both(5)
    future = both.submit(8)
    return [less, more, add([future[0], future[1]])]


def undone() -> Path:
    return Path(os.environ["TRAINYARD_HOME"]) / "undone.txt"


@task
def book(what: str) -> str:
    return what


@book.on_rollback
def unbook(kept):
    with undone().open("a") as file:
        file.write(f"{kept['what']}\n")


@flow
def undoes() -> str:
    try:
        with transaction() as trip:
            trip.set("what", "flight")
            book("flight")
            refuse("no hotel")
    except ValueError:
        return undone().read_text()
    return "all booked"


@flow
def from_a_thread() -> int:
    seen = []

    def other():
        try:
            double(1)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            seen.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    raise RuntimeError(seen[0])


@flow(retries=1)
def tries_again() -> int:
    print("a turn begins")
    return flaky(once(lambda: random.random()))


@task
def flaky(salt: float) -> int:
    from trainyard import get_step_context

    if get_step_context().step_run.attempt == 1:
        raise RuntimeError("the first time")
    return 5


@flow(timeout_seconds=1)
def asks_slowly() -> int:
    ask(bool, "Really?")
    return 1


@flow(limit=5)
def runs_away() -> int:
    number = 1
    while True:
        number = double(number)


@flow
def talks() -> int:
    print("before")
    one = double(1)
    print("between")
    get_run_logger().info("a line")
    two = double(one)
    print("after")
    return two


@task
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return time.time()


@flow
def computes_meanwhile() -> bool:
    done = nap.submit(0.1)
    end = time.time()
    while time.time() < end + 1.5:
        time.sleep(0.01)
    return bool(done.result() < time.time() - 0.5)


@step
def load_numbers(count: int) -> list[int]:
    return list(range(count))


@pipeline(dynamic=True)
def has_handles(count: int = 3) -> int:
    numbers = load_numbers(count)
    if len(numbers.load()) > 2:
        return total_of(numbers).load()
    return 0


@pipeline
def sums(count: int) -> int:
    return total_of(load_numbers(count))


@flow(name="Calls a pipeline")
def calls_a_pipeline() -> int:
    return sums(4).result() + sums(5).result()


@flow
def gives_wrong() -> str:
    try:
        return str(double("x"))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return str(error)


@step
def total_of(numbers: list[int]) -> int:
    return sum(numbers)


@flow
def reuses(count: int = 4) -> int:
    return total_of(load_numbers(count))


@task(retries=2)
def picky(number: int) -> int:
    """Of ten, one fails once and one for good; says in which process it was."""
    context = get_step_context()
    print(f"in process {os.getpid()}")
    if number % 10 == 3 and context.step_run.attempt == 1:
        raise RuntimeError("the first time")
    if number % 10 == 7:
        raise ValueError("never")
    return number


@flow
def in_chunks(count: int = 20, chunk: int = 5) -> list[int]:
    futures = picky.map(range(count), chunk=chunk)
    return [each.result() for each in futures if not each.state.failed]


@flow
def mixes() -> int:
    """Handles one failure, and not the other."""
    with contextlib.suppress(ValueError):
        refuse("handled")
    return refuse("not handled")


@task
def rate_of(settings: dict) -> float:
    return settings["inner"]["rate"]


@flow
def changes_settings() -> list[float]:
    """Changes what it has passed on."""
    settings = {"inner": {"rate": 0.0}}
    futures = []
    for rate in (0.1, 0.2, 0.3):
        settings["inner"]["rate"] = rate
        futures.append(rate_of.submit(settings))
    return [each.result() for each in futures]


@flow
async def task_group() -> list[int]:
    async with asyncio.TaskGroup() as group:
        one = group.create_task(later(1))
        two = group.create_task(later(2))
    return [one.result(), two.result()]


@task
async def refuse_later() -> int:
    raise ValueError("later")


@flow
async def group_fails() -> int:
    async with asyncio.TaskGroup() as group:
        group.create_task(refuse_later())
    return 1


@flow
def maps_a_set() -> list[int]:
    return double.map({30, 10, 20}).result()


@flow
def inner_future():
    return double.submit(4)


@flow
def takes_a_future() -> int:
    return inner_future() + 1


@flow
def asks_with_a_default(seconds: float = 0.1) -> str:
    return ask(Release, "Which one?", timeout=seconds, default=Release("1.0", 0.1)).version


def broken() -> Path:
    return Path(os.environ["TRAINYARD_HOME"]) / "broken"


@task
def needs_mending() -> int:
    if broken().exists():
        raise ValueError("broken")
    return 1


@flow
def wraps() -> int:
    try:
        return needs_mending()
    except ValueError as error:
        raise RuntimeError("load failed") from error


@flow
def asks_for_fewer(count: int = 3) -> int:
    """Asks for fewer steps in each of its turns."""
    turn = get_step_context().recorder.step.turn
    return sum(double(number) for number in range(count if turn < count else 1))


@step
def poll() -> int:
    """Another number in each call."""
    counted = Path(os.environ["TRAINYARD_HOME"]) / "polls"
    counted.write_text(str(int(counted.read_text() if counted.exists() else 0) + 1))
    return int(counted.read_text())


@step
def show(polled: list[int], drawn: float) -> list[float]:
    return [*polled, drawn]


@flow(enable_cache=False)
def polls() -> list[float]:
    drawn = once(lambda: random.random())
    return show([poll(), poll(), poll()], drawn)


@task
async def echo(text: str) -> str:
    return text


@flow
async def swaps(first: float = 0.0) -> list[str]:
    """Its coroutines come in another order in each turn."""
    turn = get_step_context().recorder.step.turn

    async def after(seconds: float, text: str) -> str:
        await asyncio.sleep(seconds)
        return await echo(text)

    pauses = (0.05, 0.0) if turn % 2 else (0.0, 0.05)
    return list(await asyncio.gather(after(pauses[0], "a"), after(pauses[1], "b")))
