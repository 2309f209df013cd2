"""The page of a workflow, and workflows of the built-in pipeline in every state, written without a worker."""

from datetime import timedelta

from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from helpers.visitors import APP, checked
from helpers.writing import written
from store import datasets, db, files, steps, tables
from store.steps import Outcome

COLUMNS = [
    {
        "name": name,
        "kind": kind,
        "whole": False,
        "missing": 0,
        "distinct": 2,
        "distinct_exact": True,
        "top": [],
        "histogram": [1, 2],
        "unread": 0,
        "role": "feature",
        "reason": None,
    }
    for name, kind in (("gelir", "number"), ("abone *mi*", "yes_no"))
]


SCORES = {"accuracy": 0.934, "balanced_accuracy": 0.9, "f1": 0.91, "auc": 0.97, "baseline_accuracy": 0.614}


RESULTS = {
    "upload": {
        "rows": 12400,
        "columns": 2,
        "columns_profile": COLUMNS,
        "notices": [],
        "preview": [["1", "Evet"]],
        "size": 1_800_000,
    },
    "preprocess": {
        "task": "classification",
        "target": "abone *mi*",
        "classes": ["Hayır", "Evet"],
        "class_counts": {"Hayır": 61, "Evet": 39},
        "features": ["gelir"],
        "left_out": [],
        "columns": [{"column": "gelir", "did": "868 gaps filled with the median 30,120; scaled"}],
        "train_rows": 9920,
        "validation_rows": 2480,
        "matrix_columns": 1,
        "notices": [],
    },
    "train": {
        "algorithm": "logistic_regression",
        "epochs_run": 50,
        "best_epoch": 40,
        "stopped_early": False,
        "main_metric": "val_accuracy",
        "best": 0.934,
        "model_size": 12,
    },
    "evaluate": {
        "task": "classification",
        "scores": SCORES,
        "baseline": {"words": 'always answering "Hayır"', "accuracy": 0.614},
        "confusion": {"labels": ["Hayır", "Evet"], "counts": [[9, 1], [2, 8]]},
        "curves": [{"label": "Evet", "roc": [[0, 0], [1, 1]], "pr": [[0, 1], [1, 0]], "auc": 0.97, "ap": 0.9}],
        "per_class": [{"label": "Evet", "precision": 0.9, "recall": 0.8, "f1": 0.85, "rows": 10}],
        "residuals": None,
        "importance": [{"column": "gelir", "value": 0.2, "spread": 0.01}],
        "warnings": [{"level": "warning", "text": "Evet is rare."}],
    },
}


def page(**asked):
    """The page at an address, as a reader opens it."""
    seen = AppTest.from_file(APP, default_timeout=20)
    seen.switch_page("workflow.py")
    for name, value in asked.items():
        seen.query_params[name] = str(value)
    return checked(seen.run())


def text(seen):
    """Everything that can be read on the page."""
    found = [
        each.value
        for kind in (seen.header, seen.markdown, seen.caption, seen.error, seen.info, seen.warning)
        for each in kind
    ]
    return "\n".join(map(str, found)).replace("\\", "")


def labels(seen):
    return [button.label for button in seen.button]


def click(seen, label):
    return checked(next(button for button in seen.button if button.label == label).click().run())


def dataset():
    with files.incoming() as stream:
        stream.write(b"gelir,abone *mi*\n1,Evet\n")
        kept = stream.keep()
    return datasets.add(
        "müşteriler",
        kept,
        {
            "dialect": {"delimiter": ","},
            "rows": 12400,
            "exact": True,
            "columns": COLUMNS,
            "preview": [],
            "notices": [],
            "proposal": None,
        },
    )


def tabular(name="churn", parent_id=None, origin="new", **params):
    """A workflow of the built-in pipeline, pending; returns its id."""
    chosen = {"epochs": 50, **params, "target": "abone *mi*", "algorithm": "logistic_regression"}
    inputs = {"data": dataset().id}
    return written("tabular", chosen, inputs, name, origin=origin, parent_id=parent_id)


def step_of(workflow_id, name):
    return next(step for step in steps.of_workflow(workflow_id) if step.name == name)


def claim(workflow_id, name):
    step = step_of(workflow_id, name)
    return steps.claim(step.id, step.attempt, "worker-1")


def began(step_id, seconds_ago):
    with db.writing() as connection:
        connection.execute(
            update(tables.steps)
            .where(tables.steps.c.id == step_id)
            .values(started_at=tables.now() - timedelta(seconds=seconds_ago), heartbeat_at=tables.now())
        )
        then = {"began_at": tables.now() - timedelta(seconds=seconds_ago)}
        rows = tables.attempts.c.step_id == step_id
        connection.execute(update(tables.attempts).where(rows).values(then))
        resumed = rows & tables.attempts.c.resumed_at.is_not(None)
        connection.execute(update(tables.attempts).where(resumed).values(resumed_at=then["began_at"]))


def done(workflow_id, *names, reused_from=None):
    """Let steps complete with the results they would have."""
    for name in names:
        kept = {}
        if name == "train":
            with files.incoming() as stream:
                stream.write(b"a model")
                kept = {"model": stream.keep()}
        points = (
            [
                (epoch, f"{part}_{measure}", epoch / 50)
                for epoch in range(1, 51)
                for part in ("train", "val")
                for measure in ("accuracy", "loss")
            ]
            if name == "train"
            else []
        )
        origin = step_of(reused_from, name).id if reused_from else None
        steps.complete(claim(workflow_id, name), f"{name}-{workflow_id}", Outcome(RESULTS[name], kept, origin), points)
    return workflow_id


def completed(**values):
    return done(tabular(**values), "upload", "preprocess", "train", "evaluate")
