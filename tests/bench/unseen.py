"""What a reported score is worth: beside the score of the same model on rows that were never uploaded.

    python -m tests.bench.unseen

A third of each table is kept away. From the rest a model is made with the default settings, and by a script as a
practitioner writes it: both are then asked about the rows that were kept away. Optimism is the reported score less the
one there; parity is how far ours is ahead of the script there. The tables are those that scikit-learn ships, and made
ones of which it is known how much of the answer is chance.
"""

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tests.bench.figures import Figure, Found, home, run

CLASSES = ("logistic_regression", "hist_gradient_boosting", "mlp")
NUMBERS = ("sgd_regressor", "hist_gradient_boosting_regressor")
KEPT_AWAY = 1 / 3


@dataclass(frozen=True, slots=True)
class Case:
    """One table, whether its answers are classes, and one seed."""

    name: str
    frame: pd.DataFrame
    classes: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model reported and reached; the script's likewise; and the seconds of both."""

    case: Case
    algorithm: str
    reported: float
    unseen: float
    script_reported: float
    script_unseen: float
    seconds: float
    script_seconds: float


def measure(short: bool) -> Found:
    with home(TRAINYARD_WORKERS="0"):
        from jobs.pipelines import registry
        from store import actors, schema

        schema.prepare()
        registry.load_built_in()
        with actors.acting(actors.operator()):
            outcomes = [each for case in cases(2 if short else 8, short) for each in outcomes_of(case)]
    small = [each for each in outcomes if each.case.classes]
    figures = [
        Figure(
            "reported less reached on rows never uploaded, classes, under 2,000 rows",
            100 * float(np.mean([each.reported - each.unseen for each in small])),
            "points",
            0.5,
            beside=f"the script's: {100 * np.mean([each.script_reported - each.script_unseen for each in small]):.2f}; "
            f"{len(small)} models",
        ),
        Figure(
            "the same for numbers, R²",
            float(np.mean([each.reported - each.unseen for each in outcomes if not each.case.classes])),
            "",
            0.02,
        ),
    ]
    for algorithm in (*CLASSES, *NUMBERS):
        own = [each for each in outcomes if each.algorithm == algorithm]
        ahead = 100 * float(np.mean([each.unseen - each.script_unseen for each in own]))
        optimism = 100 * float(np.mean([each.reported - each.unseen for each in own]))
        figures.append(
            Figure(
                f"ahead of the script on rows never uploaded, {algorithm}",
                ahead,
                "points",
                -1,
                at_least=True,
                beside=f"optimism {optimism:+.2f}; ours {np.median([each.seconds for each in own]):.2f} s, "
                f"the script {np.median([each.script_seconds for each in own]):.2f} s",
            )
        )
    return Found(figures)


def cases(seeds: int, short: bool) -> Iterator[Case]:
    """Every table with every seed."""
    for name, (make, classes) in tables().items():
        for seed in range(seeds):
            yield Case(name, make(seed), classes, seed)


def tables() -> dict[str, tuple[Callable[[int], pd.DataFrame], bool]]:
    """Tables by name: how one is made, and whether its answers are classes. The answer is the column `answer`."""
    from sklearn import datasets

    def shipped(load: Callable[..., object], classes: bool) -> Callable[[int], pd.DataFrame]:
        frame = load(as_frame=True).frame.rename(columns={"target": "answer"})  # type: ignore[attr-defined]
        if classes:
            frame["answer"] = [f"c{value}" for value in frame["answer"]]
        return lambda _seed: frame

    return {
        "iris": (shipped(datasets.load_iris, True), True),
        "wine": (shipped(datasets.load_wine, True), True),
        "breast cancer": (shipped(datasets.load_breast_cancer, True), True),
        "digits": (shipped(datasets.load_digits, True), True),
        "diabetes": (shipped(datasets.load_diabetes, False), False),
        "made, a fifth is chance": (lambda seed: made(600, 0.2, seed), True),
        "made, 40 % is chance": (lambda seed: made(400, 0.4, seed), True),
        "made, numbers": (lambda seed: made_numbers(500, seed), False),
    }


def made(rows: int, chance: float, seed: int) -> pd.DataFrame:
    """Six numbers and two categories; the answer follows from four of them, or by chance."""
    random = np.random.default_rng([seed, rows])
    frame = pd.DataFrame(random.normal(size=(rows, 6)).round(3), columns=list("abcdef"))
    frame["city"], frame["plan"] = (
        random.choice(["İzmir", "Bursa", "Van"], rows),
        random.choice(["basic", "plus"], rows),
    )
    rank = frame.a - 0.7 * frame.b + 0.5 * frame.a * (frame.plan == "plus") + (frame.city == "Van")
    answer = np.where(rank > rank.median(), "yes", "no")
    frame["answer"] = np.where(random.random(rows) < chance, random.choice(["yes", "no"], rows), answer)
    return frame


def made_numbers(rows: int, seed: int) -> pd.DataFrame:
    """The same with a number as the answer."""
    frame = made(rows, 0, seed).drop(columns="answer")
    random = np.random.default_rng([seed, 1])
    frame["answer"] = (3 * frame.a - 2 * frame.b + 2 * (frame.city == "Van") + random.normal(0, 2, rows)).round(3)
    return frame


def outcomes_of(case: Case) -> Iterator[Outcome]:
    """What every algorithm, and the script's counterpart, report and reach on one table."""
    random = np.random.default_rng([case.seed, 7])
    away = np.zeros(len(case.frame), dtype=bool)
    away[random.permutation(len(away))[: int(len(away) * KEPT_AWAY)]] = True
    given, unseen = case.frame[~away].reset_index(drop=True), case.frame[away].reset_index(drop=True)
    for algorithm in CLASSES if case.classes else NUMBERS:
        boosted = algorithm.startswith("hist")
        begun = time.perf_counter()
        reported, reached = ours(case, given, unseen, algorithm)
        middle = time.perf_counter()
        theirs = script(case, given, unseen, boosted)
        yield Outcome(case, algorithm, reported, reached, *theirs, middle - begun, time.perf_counter() - middle)


def ours(case: Case, given: pd.DataFrame, unseen: pd.DataFrame, algorithm: str) -> tuple[float, float]:
    """The reported score, and that of the model on rows that were kept away."""
    import joblib
    from helpers.writing import written

    from jobs.engine import runner
    from jobs.verbs import datasets, workflows
    from store import files, steps

    dataset = datasets.add(io.BytesIO(given.to_csv(index=False).encode()), f"{case.name} {case.seed}.csv")
    features = [name for name in given if name != "answer"]
    chosen = {"random_state": case.seed, "features": features, "target": "answer", "algorithm": algorithm}
    proposed = workflows.propose("tabular", {"data": dataset.id}, chosen)
    workflow = written("tabular", proposed, {"data": dataset.id}, "unseen")
    for step in steps.of_workflow(workflow):
        runner.run_step(step.id, step.attempt)
    made = steps.of_workflow(workflow)
    model = joblib.load(files.path_of(steps.artifacts_of(made[2].id)["model"].sha256))
    raw = pd.read_csv(io.BytesIO(unseen.to_csv(index=False).encode()))
    answered = model.predict(raw)
    main = "accuracy" if case.classes else "r2"
    return made[3].scores[main], score(case, raw["answer"].to_numpy(), answered)


def script(case: Case, given: pd.DataFrame, unseen: pd.DataFrame, boosted: bool) -> tuple[float, float]:
    """What a practitioner's script reports on a fifth, and reaches on rows that were kept away."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.model_selection import train_test_split
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    x, y = given.drop(columns="answer"), given["answer"]
    numbers = [name for name in x if pd.api.types.is_numeric_dtype(x[name])]
    words = [name for name in x if name not in numbers]
    encode = ColumnTransformer(
        [("n", StandardScaler(), numbers), ("c", OneHotEncoder(handle_unknown="ignore", sparse_output=False), words)]
    )
    if boosted:
        last = HistGradientBoostingClassifier(random_state=0) if case.classes else HistGradientBoostingRegressor()
    else:
        last = LogisticRegression(max_iter=1000) if case.classes else Ridge()
    model = make_pipeline(encode, last)
    split = train_test_split(x, y, test_size=0.2, random_state=case.seed, stratify=y if case.classes else None)
    model.fit(split[0], split[2])
    reached = score(case, unseen["answer"].to_numpy(), model.predict(unseen.drop(columns="answer")))
    return float(model.score(split[1], split[3])), reached


def score(case: Case, actual: np.ndarray, answered: np.ndarray) -> float:
    """Accuracy, or R²."""
    if case.classes:
        return float((actual == answered).mean())
    return 1 - float(((actual - answered) ** 2).sum() / ((actual - actual.mean()) ** 2).sum())


if __name__ == "__main__":
    run(measure, __doc__)
