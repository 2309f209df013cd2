"""Fitness and proposals: what the built-in pipeline says of params and a dataset before anything is started."""

import io

import pytest
from helpers import tables
from helpers.refusals import refuses

from jobs.language import sentence
from jobs.tabular import algorithms, fitness, proposal
from jobs.tabular.column import Column, columns_of
from jobs.verbs import datasets
from store.errors import RequestError


@pytest.fixture
def customers(home):
    return datasets.add([tables.turkish(rows=120)], "customers.csv")


@pytest.fixture
def prices(home):
    return datasets.add(io.BytesIO(tables.numbers(5_000)), "prices.csv")


@pytest.mark.parametrize(
    ("params", "field", "words"),
    [
        ({"target": "nothing", "algorithm": "LR"}, "target", "has no column 'nothing'; choose the target from müşteri"),
        ({"target": "abone mi", "algorithm": "magic"}, "algorithm", "There is no algorithm 'magic'"),
        ({"target": "abone mi", "algorithm": "LR", "features": ["gelir", "ghost"]}, "features", "no column 'ghost'"),
        ({"target": "abone mi", "algorithm": "LR", "features": []}, "features", "choose at least one"),
        ({"target": "abone mi", "algorithm": "LR", "features": ["abone mi"]}, "features", "choose at least one"),
        ({"target": "abone mi", "algorithm": "sgd_regressor"}, "algorithm", "is not a number"),
        ({"target": "gelir", "algorithm": "LR"}, "algorithm", "different values, too many for classes"),
        ({"target": "müşteri no", "algorithm": "LR"}, "algorithm", "choose from sgd_regressor"),
        ({"target": "kayıt tarihi", "algorithm": "LR"}, "target", "cannot be predicted"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(customers, params, field, words):
    """A target, algorithm or column that does not fit the dataset is one sentence with the field that it is about."""
    (problem,) = fitness.check(params, {"data": customers})
    assert problem.field == field and words in sentence(problem.message)


def test_what_fits_is_not_refused(customers):
    """Nothing is said of params that fit; values that are none of a param's kind are the param's own affair."""
    assert fitness.check({"target": "abone mi", "algorithm": "LR", "features": "gelir"}, {"data": customers}) == []
    assert fitness.check({"target": "abone mi", "algorithm": "LR", "features": 7}, {"data": customers}) == []


def test_every_problem_is_said_at_once(customers):
    """A wrong target, a wrong algorithm: both are said."""
    found = fitness.check({"target": "nothing", "algorithm": "magic"}, {"data": customers})
    assert [problem.field for problem in found] == ["target", "algorithm"] and sentence(found[1].message).startswith(
        "There is no algorithm"
    )


def test_a_sample_is_announced_before_the_start(prices, monkeypatch):
    """An algorithm that needs its rows in memory says beforehand from how many it learns, when they are not all."""
    params = {"target": "price", "algorithm": "hist_gradient_boosting_regressor"}
    assert fitness.sample(params, {"data": prices}) is None
    monkeypatch.setattr(algorithms, "IN_MEMORY_BYTES", 6 * 8 * 3_000)
    assert fitness.sample(params, {"data": prices}).startswith(
        "Boosting (numbers) needs its rows in memory, so it learns from about 3,000 random rows of "
        "the 3,250 that are for learning."
    )
    assert fitness.sample({**params, "features": ["size"]}, {"data": prices}) is None, "one column needs less memory"
    assert fitness.sample({**params, "algorithm": "sgd_regressor"}, {"data": prices}) is None, "it reads in parts"


def test_facets_and_name_follow_from_the_params(customers):
    """Workflows are found by target and algorithm, also where the algorithm was given by its short code."""
    params = {"target": "abone mi", "algorithm": "MLP"}
    assert fitness.facets(params, {"data": customers}) == {"target": "abone mi", "algorithm": "mlp"}
    assert fitness.default_name(params, {"data": customers}) == "customers, neural network"


def test_a_proposal_fills_in_what_is_not_chosen(customers, prices):
    """Target and algorithm are proposed; an algorithm for another target fits that target; the rest stays."""
    small = {"epochs": 100}  # of few rows a linear model needs more passes
    assert proposal.propose(customers) == {"target": "abone mi", "algorithm": "logistic_regression", **small}
    assert proposal.propose(customers, {"target": "gelir", "epochs": 3}) == {
        "target": "gelir",
        "algorithm": "hist_gradient_boosting_regressor",
        "epochs": 3,
    }
    assert proposal.propose(prices, {"algorithm": "SGDR"})["algorithm"] == "SGDR"
    assert proposal.propose(prices, {"target": "nothing"})["algorithm"] == "logistic_regression"


def test_a_table_without_a_likely_target_says_so(home):
    """Where no column suggests itself, nothing is guessed."""
    lines = ["id,note"] + [f"{number},text {number}" for number in range(40)]
    plain = datasets.add(["\n".join(lines).encode()], "plain.csv")
    with refuses(RequestError, match="No column of plain suggests itself as the target"):
        proposal.propose(plain)


def test_a_column_survives_its_json(customers):
    """A column read from what is stored is the same column; fields of other versions are passed over."""
    for column in columns_of(customers):
        assert Column.from_json(column.to_json()) == column
    old = Column.from_json({"name": "x", "kind": "number", "distinct": 3, "whole": True, "later": 1})
    assert (old.classes, old.task, old.missing) == (3, "classification", 0)
