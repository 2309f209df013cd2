"""What is compared before a step's result is reused, how old it may be, and how outputs without a name are counted."""

from datetime import timedelta

import pytest
from helpers import authored
from sqlalchemy import update

from jobs.authoring.options import Cache
from jobs.authoring.pipeline import pipeline
from jobs.authoring.step import step
from jobs.pipelines import PipelineError
from jobs.verbs import plans
from store import db, outputs, tables
from store.errors import RequestError

pytestmark = pytest.mark.usefixtures("home", "cheap")


def made(policy, body=lambda value, loud: value, **options):
    """A pipeline of one step under a policy, whose code is that of the body."""
    authored.forget()

    def named(value: int, loud: bool = False) -> int:
        return body(value, loud)

    named.__qualname__ = named.__name__ = "named"
    one = step(cache_policy=policy, **options)(named)

    @pipeline(name="policies")
    def policies(value: int = 1, loud: bool = False) -> None:
        one(value, loud)

    return policies


def reused(workflow):
    return [bool(row.reused_from) for row in authored.rows(workflow).values()] == [True]


def test_inputs_only_and_code_only():
    """Inputs alone, or code alone, can be compared; together they are what is compared by default."""
    inputs, code = Cache.inputs, Cache.code
    authored.run(made(inputs), value=1)
    assert reused(authored.run(made(inputs, lambda value, loud: value + 1), value=1))
    assert not reused(authored.run(made(inputs), value=2))
    first = authored.run(made(code), value=1)
    assert not reused(first) and reused(authored.run(made(code), value=2))
    assert inputs + code == Cache.default
    assert not reused(authored.run(made(inputs + code), value=1))
    assert not reused(authored.run(made(Cache.none), value=1)) and not reused(authored.run(made(Cache.none), value=1))


def test_an_argument_is_left_out():
    """An argument that does not matter is not compared; one that does not exist is refused."""
    policy = Cache.default - "loud"
    authored.run(made(policy), value=1)
    assert reused(authored.run(made(policy), value=1, loud=True))
    assert not reused(authored.run(made(policy), value=2))
    with pytest.raises(PipelineError, match=r"cache_ignores_unknown|takes only"):
        authored.start(made(Cache.default - "volume"))


def test_results_expire():
    """What is older is not reused, also where the newest row is itself a reuse; the plan says the same."""
    policy = Cache.default.expiring(timedelta(hours=1))
    authored.run(made(policy), value=1)
    assert reused(authored.run(made(policy), value=1))
    assert plans.plan("policies", {"value": 1})[0].reused_from is not None
    with db.writing() as connection:
        at = tables.now() - timedelta(hours=2)
        connection.execute(update(tables.steps).where(tables.steps.c.id == 1).values(ended_at=at))
    assert plans.plan("policies", {"value": 1})[0].reused_from is None
    assert not reused(authored.run(made(policy), value=1))
    assert reused(authored.run(made(policy), value=1))


def test_a_configuration_says_it_by_name():
    """`cache_policy` and `cache_expiration` stand in a file, for a run and for one step."""
    plain = made(None)
    authored.run(plain, value=1)
    config = {"options": {"cache_policy": "none"}}
    assert not reused(authored.run(plain, config, value=1))
    config = {"steps": {"named": {"cache_expiration": 3600}}}
    assert reused(authored.run(plain, config, value=1))
    configured = plain.with_options(cache_policy=Cache.code.expiring(60))
    kept = configured.run.as_json()
    first = authored.run(plain, kept, value=5)
    assert not reused(first) and reused(authored.run(plain, kept, value=6))
    assert configured.options.cache == Cache.code.expiring(60)


@pytest.mark.parametrize("wrong", [{"cache_policy": "always"}, {"cache_policy": 3}, {"cache_expiration": "soon"}])
def test_what_is_no_policy_is_refused(wrong):
    with pytest.raises(PipelineError):
        step(**wrong)(lambda: None)


def test_a_step_that_is_not_called_is_refused():
    """A configuration whose `steps` name what the pipeline does not call is refused, with what it calls."""
    with pytest.raises((PipelineError, RequestError), match=r"config_step_not_called|does not call"):
        authored.start(made(None), {"steps": {"nobody": {"enable_cache": False}}})


@step
def other(value: int) -> int:
    return value * 10


@pipeline
def counted(value: int = 1) -> None:
    other(value)
    other(value + 100)


def test_outputs_without_a_name_are_counted_by_step():
    """The third run of a step leaves its third output, whatever other steps leave under the same name."""
    for value in (1, 2):
        authored.run(made(None), value=value)
    authored.run(counted)
    versions = [(each.pipeline, each.step, each.version) for each in outputs.listed("output")]
    assert sorted(versions) == [
        ("counted", "other", 1),
        ("counted", "other_2", 2),
        ("policies", "named", 1),
        ("policies", "named", 2),
    ]
    assert outputs.newest("output").step == "other_2"
