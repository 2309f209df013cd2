"""Flows that outlive their processes, and empty ones; light, so that a process that loads them is quickly there."""

import os
import random
import signal
import time
from pathlib import Path

from trainyard import flow, get_step_context, once, pipeline, task, unmapped


def die_once(place: int, here: int) -> None:
    """End this process as a power cut would, the first time that it comes here."""
    died = Path(os.environ["TRAINYARD_HOME"]) / f"died-{place}-{get_step_context().pipeline_run.id}"
    if place == here and not died.exists():
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)


@task
def counted(number: int, seconds: float = 0.0, place: int = -1) -> int:
    """Leaves a line when it is done, so that a test sees how often it was."""
    die_once(place, 100 + number)
    time.sleep(seconds)
    context = get_step_context()
    with (Path(os.environ["TRAINYARD_HOME"]) / f"done-{context.pipeline_run.id}").open("a") as file:
        file.write(f"{context.step_name}\n")
    return number + 1


@flow
def survives(place: int = -1, seconds: float = 0.0) -> int:
    """Is killed at one of its calls, or one of its steps is."""
    die_once(place, 0)
    first = counted.submit(1, seconds, place)
    die_once(place, 1)
    second = counted(2, seconds, place)
    die_once(place, 2)
    more = counted.map([3, 4, 5], unmapped(seconds), unmapped(place))
    die_once(place, 3)
    drawn = once(lambda: random.randrange(10))
    die_once(place, 4)
    total = first.result() + second + sum(more.result()) + drawn - drawn
    die_once(place, 5)
    return total


@task(retries=2)
def stubborn(number: int) -> int:
    """Of a thousand, three fail twice, and one until somebody has mended what it needs."""
    attempt = get_step_context().step_run.attempt
    if number in (3, 250, 998) and attempt < 3:
        raise ConnectionError("busy")
    if number == 500 and not (Path(os.environ["TRAINYARD_HOME"]) / "mended").exists():
        raise ValueError("needs mending")
    return number


@flow
def thousand(count: int = 1_000, chunk: int = 1) -> int:
    return sum(stubborn.map(range(count), chunk=chunk).result())


@task
def nothing(number: int) -> int:
    return number


@flow
def three(number: int = 0) -> int:
    """Waits for three empty tasks, one after the other."""
    for _ in range(3):
        number = nothing(number)
    return number


@pipeline
def traced_three(number: int = 0) -> None:
    """The same three, written down before they run."""
    nothing(nothing(nothing(number)))


@flow
def spreads(count: int = 1_000, chunk: int = 1) -> int:
    """Maps over so many items."""
    return sum(nothing.map(range(count), chunk=chunk).result())
