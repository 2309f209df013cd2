"""Whatever a step's process and what it starts print becomes lines of the step's log, also when the process dies."""

import os
from datetime import UTC, datetime
from itertools import count

import pytest
from conftest import forget
from helpers import cast
from helpers.running import finish

from jobs.engine.output import Overheard
from jobs.language import sentence, text_of
from jobs.pipelines import printing
from jobs.pipelines.context import StepContext
from jobs.pipelines.printing import MARK, Printing, split
from jobs.process import printed
from jobs.process.printed import Capture, Printed
from jobs.services import presence
from jobs.verbs import workflows as verbs
from store import actors, db, logs, schema, steps
from store.settings import settings
from store.tables import Status

ROUND = count()
LOGGED = (datetime(2026, 11, 27, 16, tzinfo=UTC), "info", "x")


def start(patch, folder, **choices):
    for name, value in {"HOME": str(folder), "WORKERS": "1", "PIPELINES": "helpers.talkers", **choices}.items():
        patch.setenv(f"TRAINYARD_{name}", value)
    forget()
    schema.prepare()
    return presence.using()


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """Services for steps that print."""
    folder, acting = tmp_path_factory.mktemp("printed"), actors.acting(actors.operator())
    with pytest.MonkeyPatch.context() as patch, start(patch, folder) as use, acting:
        yield use
    forget()


def talk(mood):
    """A step that talks in this way, and the lines of its log."""
    workflow_id = verbs.start("talkers", {"mood": mood, "round": next(ROUND)}).id
    finish(workflow_id, 30)
    step = steps.of_workflow(workflow_id)[0]
    return step, [(line.level, text_of(line.text, line.message)) for line in logs.tail(step.id, 100_000)]


def said(mood):
    """What a step says that completes, after what importing its module says."""
    step, lines = talk(mood)
    assert step.status == Status.completed, (step.error, lines)
    assert lines.pop(0) == ("info", "imported")
    return [text for _, text in lines]


def test_both_streams_in_order_with_the_log(services):
    """Output and error, also a stream held since import, and lines of the context stand as they were written; so it is
    in a fresh process and in one that was forked from another that had loaded the code."""
    for _ in range(2):
        told = said("streams")
        assert told[:5] == ["to stdout", "to stderr", "logged", "to the stream of before", "and on"]
        assert told[5:] == ["logged later", "without an end"]
    told = said("order")
    assert [each for each in told if each[0] != "x"] == [
        f"{'logged' if number % 2 else 'printed'} {number}" for number in range(600)
    ]
    assert [place for place, each in enumerate(told) if each == "x" * 5000] == [200, 401, 602]


def test_logging_and_warnings(services):
    """Records that no handler takes keep their level, basicConfig works as in any process, and what Trainyard logs goes
    to the supervisor's log."""
    _, lines = talk("records")
    assert lines[1:] == [
        ("warning", "careful"),
        ("warning", "UserWarning: mind the gap"),
        ("error", "wrong"),
        ("info", "INFO:root:asked for"),
    ]
    assert "ERROR jobs.talkers from us" in (settings().folder / "logs" / "supervisor.log").read_text()


def test_other_processes(services):
    """Programs, also through /dev/stderr, and forks."""
    told = said("processes")
    assert told == ["from a shell", "from its stderr", "opened again", "UserWarning: of a fork", "logged by a fork"]


def test_a_process_that_outlives_its_step(services):
    """It may finish its line within a moment; the step does not wait for its end."""
    step, lines = talk("outlived")
    assert lines[1:] == [("info", "begun"), ("info", "soon")]
    assert (step.ended_at - step.started_at).total_seconds() < 5


def test_native_code(services):
    """Descriptors, and C's own buffer, which keeps its order line by line and is emptied at the end."""
    assert said("native") == ["by a descriptor", "by printf", "logged", "held back to the end"]


def test_threads(services):
    """What a thread dies of."""
    assert said("thread")[-1] == "RuntimeError: a thread broke"


def test_rubbish(services):
    """Bytes that are no text, zero bytes, colours, and a line of ten megabytes."""
    told = said("rubbish")
    assert told[:4] == ["M\\xfc\\xfeteri", "zero", "half a character: \\ud83d", "red"]
    assert "".join(told[4:-1]) == "x" * 10_000_000 and told[-1] == "after"


def test_a_flood(services):
    """No line is lost and none doubled."""
    assert said("flood") == [f"line {number}" for number in range(50_000)]
    assert said("binary")[-1] == "after"


def test_a_bar(services):
    """Two thousand states of a bar are a line."""
    assert said("bars") == ["all done"]


def test_last_words(services):
    """A process that is killed by its own fault: all it printed or logged, where it was, and what killed it."""
    step, lines = talk("crash")
    told = [text for _, text in lines]
    assert told[1:4] == ["almost", "last words", "logged last"]
    assert told[4].startswith("without an endFatal Python error: Segmentation fault")
    assert any("talkers.py" in text and "in crash" in text for text in told)
    assert told[-1] == sentence(step.error) and "SIGSEGV" in told[-1] and told.count("almost") == 1
    assert [text for _, text in talk("leave")[1]][1] == "leaving"
    assert [text for _, text in talk("refuse")[1]][1] == "before it failed"


def test_plainly_forked(tmp_path):
    """The same without a fork server."""
    acting = actors.acting(actors.operator())
    with pytest.MonkeyPatch.context() as patch, start(patch, tmp_path, FORK_AHEAD="0"), acting:
        assert said("native") == ["by a descriptor", "by printf", "logged", "held back to the end"]
        assert "SIGSEGV" in talk("crash")[1][-1][1]
    forget()


@pytest.fixture
def pipe():
    """A pipe as a process has it, and the end to write to."""
    source, target = printed._pipe(printed.CAPACITY)
    os.set_blocking(source, False)
    yield Printed(source), target
    os.close(target)


def of_claim(pipe):
    claim = steps.claim(steps.of_workflow(cast.play())[0].id, 1, "me")
    return claim, StepContext(claim, lambda: None, "f", printing=Printing(pipe))


def told(claim):
    return [line.text for line in logs.tail(claim.step.id, 1000)]


def test_it_stays_in_the_pipe_until_it_is_recorded(home, pipe, monkeypatch):
    """While the database is away nothing is taken out, so that who prints waits and nothing is lost or doubled."""
    end, target = pipe
    claim, context = of_claim(end)
    os.write(target, b"one\ntwo\nthr")
    context.log("logged")

    def away(*_args, **_kwargs):
        raise db.DatabaseUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(steps, "beat", away)
        with pytest.raises(db.DatabaseUnavailableError):
            context.flush()
    assert end.waiting() == 11
    os.write(target, b"ee\n")
    context.flush()
    assert told(claim) == ["one", "two", "logged", "three"] and end.waiting() == 0


def test_the_worker_helps_where_the_process_cannot(home, pipe):
    """A pipe that stays full, as while native code holds Python's lock, is emptied by the worker, without disorder for
    the process that has looked at it already."""
    end, target = pipe
    claim, context = of_claim(end)
    os.set_blocking(target, False)
    overheard = Overheard(claim, os.dup(end.source))
    os.write(target, b"waits\n")
    for _ in range(2):
        overheard.help()
    assert end.waiting() == 6
    lines = b"".join(b"line %06d\n" % number for number in range(1, 30_000))
    written = os.write(target, lines) // 12 * 12
    seen = context._printing.look()
    for _ in range(2):
        overheard.help()
    assert end.waiting() < end.capacity // 2
    os.write(target, b"\nmore\n")
    context._printing.recorded(seen)
    context.flush()
    lines = [line.text for line in logs.tail(claim.step.id, 100_000)]
    assert lines[: written // 12 + 1] == ["waits", *(f"line {number:06d}" for number in range(1, written // 12 + 1))]
    assert lines[-1] == "more"


def test_a_bar_that_runs_for_long_is_shown_now_and_then(pipe, monkeypatch):
    """Its newest state, ever more rarely; a line that is not ended as well."""
    end, target = pipe
    shown = Printing(end)
    clock = [0.0]
    monkeypatch.setattr(printing.time, "monotonic", lambda: clock[0])
    lines = []
    for second in range(1, 3600):
        clock[0] = float(second)
        os.write(target, b"\r %d s" % second)
        if shown.has_lines():
            seen = shown.look()
            lines += seen.lines
            shown.recorded(seen)
    assert 40 < len(lines) < 80 and end.waiting() < 100


@pytest.mark.parametrize(
    ("data", "lines", "left"),
    [
        (b"a\n\n  b \nc", ["a", "  b"], b"c"),
        (b"a\r\nb\r\n", ["a", "b"], b""),
        (b"\r 1%\r 2%\r 3%", [], b" 3%"),
        (b" 1%\r 2%\r", [], b" 2%\r"),
        (b"\r 1%\r   \rdone\n", ["done"], b""),
        (b"\r   \r\n", [], b""),
        (b"\router 1\n\rinner 1\x1b[A\n\rinner 2\x1b[A\router 2\n", ["outer 2"], b""),
        (b"x" * 25_000, ["x" * 10_000] * 2, b"x" * 5_000),
        ("ü".encode() * 5_000 + b"y\n", ["ü" * 5_000, "y"], b""),
        (b"y" + "ü".encode() * 5_000 + b"\n", ["y" + "ü" * 4_999, "ü"], b""),
        (b"mid" + MARK + b'["2026-11-27T16:00:00+00:00", "info", "x"]\nway\n', ["mid", LOGGED, "way"], b""),
        (b"\r 1%" + MARK + b'["2026-11-27T16:00:00+00:00", "info", "x"]\n\r 2%', [LOGGED], b" 2%"),
        (MARK + b"forged\n", ["\x01line forged"], b""),
        (b"\x80" * 10_001 + b"\n", ["\\x80" * 10_000, "\\x80"], b""),
    ],
)
def test_lines(data, lines, left):
    """Lines, bars, bars below bars, lines that are too long, and such that the step logged."""
    found, length = split(data, whole=False)
    assert [text for _, text in found] == lines
    assert data[length:] == left


def test_capture_ends_at_once_where_nobody_else_writes(capfd):
    """Nothing is waited for, and what is written afterwards goes to where it went before."""
    capture = Capture(b"before\n")
    os.write(1, b"captured\n")
    capture.end()
    os.write(1, b"free\n")
    assert capture.printed.show() == b"before\ncaptured\n"
    assert capfd.readouterr().out == "free\n"
    capture.printed.close()
