"""The frame that benchmarks share, and the guard that compares their ratios with the recorded ones."""

import json
from dataclasses import replace

import pytest

from tests.bench import __main__ as bench
from tests.bench import unseen
from tests.bench.drawn import Line, dots
from tests.bench.figures import Figure, Found, table


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "RECORDED", tmp_path / "recorded.json")
    bench.RECORDED.write_text(json.dumps({"a: less is better": 1.0, "a: more is better": 1.0}))


def found(less=1.0, more=1.0):
    return {
        "a": Found(
            [
                Figure("less is better", less, guarded=True),
                Figure("not watched", 99.0),
                Figure("more is better", more, at_least=True, guarded=True),
            ]
        )
    }


def test_the_table_says_what_was_missed():
    """A figure beyond its target is marked; one without a target, and one that reaches it, are not."""
    rows = table([Figure("a", 2, target=1), Figure("b", 2, target=1, at_least=True), Figure("c", 2)]).splitlines()[2:]
    assert ["missed" in row for row in rows] == [True, False, False]


@pytest.mark.parametrize("ratios", [{}, {"less": 1.4}, {"less": 0.1}, {"more": 0.7}, {"more": 9.0}])
def test_noise_and_improvements_pass(recorded, ratios):
    """What is a little worse, or better, is no reason to stop."""
    assert bench.worse(found(**ratios)) == {}


@pytest.mark.parametrize("ratios", [{"less": 1.6}, {"more": 0.6}])
def test_what_is_worse_is_measured_again_and_then_fails(recorded, monkeypatch, ratios):
    """One bad measurement is not believed, two are."""
    monkeypatch.setattr(bench, "measured", lambda part, short: found(**ratios)["a"])
    assert bench.guard(found(**ratios)) == 1
    monkeypatch.setattr(bench, "measured", lambda part, short: found()["a"])
    assert bench.guard(found(**ratios)) == 0


def test_reported_scores_are_held_to_their_target(recorded, monkeypatch):
    """A score that is surely half a point too high for rows never uploaded stops the guard, whatever was recorded."""
    cases = [unseen.Case("t", unseen.made(30, 0.2, 0), True, seed) for seed in range(4)]
    for gap, stops in ((0.0, False), (0.02, True)):
        outcomes = [outcome(case, 0.8 + gap, 0.8, 0.8, 0.8) for case in cases]
        measured = {"unseen": Found(list(unseen._optimism([*outcomes, *map(as_numbers, outcomes)])))}
        monkeypatch.setattr(bench, "measured", lambda part, short, known=measured: known[part])
        assert bool(bench.worse(measured)) is stops and bench.guard(measured) == stops
        bench.record(measured)
    assert not [name for name in json.loads(bench.RECORDED.read_text()) if "surely" in name]


def as_numbers(classes):
    return replace(classes, case=replace(classes.case, classes=False))


def test_what_is_recorded_is_kept(recorded):
    """Recording changes the ratios that were measured, and leaves the others as they were."""
    bench.record({"b": found(less=3.0)["a"]})
    assert json.loads(bench.RECORDED.read_text()) == {
        "a: less is better": 1.0,
        "a: more is better": 1.0,
        "b: less is better": 3.0,
        "b: more is better": 1.0,
    }


def outcome(case, reported, reached, script_reported, script_reached):
    return unseen.Outcome(case, "mlp", reported, reached, script_reported, script_reached, 1.0, 1.0)


def test_chance_is_taken_off_a_reported_score():
    """Where the script, of which nothing is chosen, is five points too high by its rows, so is every honest score."""
    case = unseen.Case("t", unseen.made(30, 0.2, 0), True, 0)
    assert outcome(case, 0.85, 0.80, 0.75, 0.70).optimism == pytest.approx(0)
    assert outcome(case, 0.85, 0.80, 0.75, 0.75).optimism == pytest.approx(0.05)


def test_models_of_one_table_are_one_observation():
    """The error of a mean is counted by tables and seeds: three models of the same rows are no three witnesses."""
    cases = [unseen.Case("t", unseen.made(30, 0.2, 0), True, seed) for seed in range(2)]
    own = [outcome(case, 0.8 + 0.1 * case.seed, 0.8, 0.8, 0.8) for case in cases for _ in range(3)]
    mean, error = unseen._over_cases(own, lambda each: each.optimism)
    assert (mean, error) == (pytest.approx(0.05), pytest.approx(0.05))


def test_a_drawing_says_what_its_marks_are():
    """Each line has its label and a mark for each value; negative values fit on it, too."""
    drawn = dots("Scores", [Line("a < b", {"ours": 0.9, "theirs": -0.1}), Line("c", {"ours": 0.5, "theirs": 0.4})])
    assert "a &lt; b" in drawn and "ours" in drawn and "theirs" in drawn
    assert drawn.count("<circle") == 2 * 3 and 'cx="-' not in drawn
