"""Tables to learn from, and workflows that run without a queue."""

import contextlib

import numpy as np
from sqlalchemy import update

from jobs.engine import runner
from jobs.tabular import algorithms
from jobs.tabular.matrix import Matrix
from store import db, files, steps
from store.tables import steps as step_table


def turkish(rows=240, seed=3):
    """A Turkish export: cp1254, semicolons, decimal commas, gaps, a constant column, the target in the middle."""
    random = np.random.default_rng(seed)
    lines = ["müşteri no;yaş;şehir;kayıt tarihi;abone mi;gelir;ülke;puan;posta kodu"]
    for number in range(rows):
        age, income = random.integers(18, 80), random.normal(30_000, 9_000)
        city = random.choice(["İstanbul", "Ağrı", "Muş", "Çanakkale"])
        points = random.normal(5, 2)
        yes = (age - 45) / 12 + (income - 30_000) / 9_000 + 2 * (city == "Ağrı") + random.normal(0, 0.4) > 0.5
        cells = [
            str(1000 + number),
            str(age) if random.random() > 0.08 else "",
            city if random.random() > 0.05 else "NA",
            f"{random.integers(1, 28):02d}.{random.integers(1, 13):02d}.{random.integers(2015, 2026)}",
            "Evet" if yes else "Hayır",
            f"{income:.2f}".replace(".", ",") if random.random() > 0.07 else "",
            "TR",
            f"{points:.3f}".replace(".", ","),
            random.choice(["06100", "34000", "04100"]),
        ]
        lines.append(";".join(cells))
    return ("\r\n".join(lines) + "\r\n").encode("cp1254")


def numbers(rows=300, seed=5):
    """An English table with a number to predict."""
    random = np.random.default_rng(seed)
    lines = ["size,rooms,kind,price"]
    for _ in range(rows):
        size, rooms, kind = random.normal(100, 30), random.integers(1, 7), random.choice(["flat", "house", "loft"])
        price = 1_000 * size + 20_000 * rooms + 50_000 * (kind == "house") + random.normal(0, 9_000)
        lines.append(f"{size:.2f},{rooms},{kind},{price:.2f}")
    return ("\n".join(lines) + "\n").encode()


@contextlib.contextmanager
def unchecked():
    """Let the built-in pipeline write what it would refuse, as if what is known of a dataset had been wrong."""
    from jobs.tabular.builtin import PIPELINE

    usual = PIPELINE.check
    object.__setattr__(PIPELINE, "check", lambda _params, _inputs: [])
    try:
        yield
    finally:
        object.__setattr__(PIPELINE, "check", usual)


def workflow(dataset, target, algorithm, train=None, **params):
    """A workflow written and not handed over; returns its steps by name. `train` changes params of that step alone."""
    algorithm = algorithms.get(algorithm).key
    from helpers.writing import written

    chosen = {**params, "target": target, "algorithm": algorithm}
    workflow_id = written("tabular", chosen, {"data": dataset.id}, "test")
    found = {step.name: step for step in steps.of_workflow(workflow_id)}
    if train:
        with db.writing() as connection:
            values = {"params": found["train"].params | train}
            connection.execute(update(step_table).where(step_table.c.id == found["train"].id).values(values))
    return {name: steps.get(step.id) for name, step in found.items()}


def run(dataset, target, algorithm, until="evaluate", **params):
    """Run a workflow here and now; returns its steps as they ended, by name."""
    written = workflow(dataset, target, algorithm, **params)
    for name, step in written.items():
        try:
            runner.run_step(step.id, step.attempt)
        except runner.StepFailedError:
            break
        if name == until:
            break
    return {name: steps.get(step.id) for name, step in written.items()}


def file_of(step, name):
    """The file that a step left."""
    return files.path_of(steps.artifacts_of(step.id)[name].sha256)


def matrix_of(ended, name, compact=False):
    """All rows that preprocess left under a name, as they are learned from; `compact` as boosting takes them."""
    kept = Matrix(file_of(ended["preprocess"], name), compact)
    return kept.part(0, kept.rows)
