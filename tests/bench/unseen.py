"""What a reported score is worth: beside the score of the same model on rows that were never uploaded.

    python -m tests.bench.unseen [--short]

A third of each table is kept away. From the rest a model is made with the default settings, and one by a script as a
practitioner writes it; both are then asked about the rows that were kept away. The tables are those that scikit-learn
and Plotly ship, and made ones of which it is known how much of the answer is chance.

Optimism is the reported score less the one on rows never uploaded. Few rows are easy or hard by chance, so that alone
moves it by several points from split to split. The script has the same training and test rows, and nothing of it is
chosen: its own difference is that chance and nothing else, and is taken off. Parity is how far ours is ahead of the
script on rows never uploaded.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.bench.drawn import Line, dots
from tests.bench.figures import ROOT, Figure, Found, home, run

CLASSES = ("logistic_regression", "hist_gradient_boosting", "mlp")
NUMBERS = ("sgd_regressor", "hist_gradient_boosting_regressor")
# The script has nothing of the kind; it stands beside the script's linear model.
WITHOUT_COUNTERPART = ("mlp",)
KEPT_AWAY = 1 / 3
TEST_SIZE = 0.2
SEEDS, SHORT_SEEDS = 8, 1
# Of these sizes the reported score is to be within half a point; larger tables have more test rows.
SMALL = 2_000
PLOT = ROOT / "docs" / "unseen.svg"


@dataclass(frozen=True, slots=True)
class Case:
    """One table, whether its answers are classes, and one seed."""

    name: str
    frame: pd.DataFrame
    classes: bool
    seed: int

    @property
    def small(self) -> bool:
        return len(self.frame) * (1 - KEPT_AWAY) < SMALL


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

    @property
    def optimism(self) -> float:
        return self.reported - self.unseen - (self.script_reported - self.script_unseen)

    @property
    def ahead(self) -> float:
        return self.unseen - self.script_unseen


def measure(short: bool) -> Found:
    with home(TRAINYARD_WORKERS="0", OMP_NUM_THREADS="1"):
        from jobs.pipelines import registry
        from store import actors, schema

        schema.prepare()
        registry.load_built_in()
        with actors.acting(actors.operator()):
            outcomes = [each for case in cases(short) for each in outcomes_of(case)]
    if not short:
        PLOT.write_text(plot(outcomes))
    return Found([*_optimism(outcomes), *_parity(outcomes)])


def _optimism(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    # R² of some tens of rows moves too much by chance to be held to half a point.
    for classes, unit, target in ((True, "points", 0.5), (False, "points of R²", None)):
        own = [each for each in outcomes if each.case.small and each.case.classes is classes]
        mean, error = _over_cases(own, lambda each: 100 * each.optimism)
        plain = 100 * np.mean([each.reported - each.unseen for each in own])
        scripts = 100 * np.mean([each.script_reported - each.script_unseen for each in own])
        yield Figure(
            f"how far reported scores are from those on rows never uploaded, {_task(classes)}, under {SMALL:,} rows",
            abs(mean),
            unit,
            target,
            beside=f"{mean:+.2f} ± {error:.2f}, {len(own)} models; with chance {plain:+.2f}, the script {scripts:+.2f}",
        )
        if target is not None:
            yield Figure(
                f"by how much reported scores are surely too high, {_task(classes)}, under {SMALL:,} rows",
                max(mean - 2 * error, 0.0),
                unit,
                target,
                beside="the mean above less two standard errors",
                held_to_target=True,
            )


def _parity(outcomes: Sequence[Outcome]) -> Iterator[Figure]:
    for algorithm in (*CLASSES, *NUMBERS):
        own = [each for each in outcomes if each.algorithm == algorithm]
        mean, error = _over_cases(own, lambda each: 100 * each.ahead)
        by_table = {name: _over_cases(each, lambda one: 100 * one.ahead)[0] for name, each in _by_table(own).items()}
        last = min(by_table, key=lambda name: by_table[name])
        optimism, _ = _over_cases(own, lambda each: 100 * each.optimism)
        yield Figure(
            f"ahead of the script on rows never uploaded, {algorithm}",
            mean,
            "points",
            None if algorithm in WITHOUT_COUNTERPART else -1,
            at_least=True,
            beside=f"± {error:.2f}; least {by_table[last]:+.1f} ({last}); optimism {optimism:+.2f}; ours "
            f"{np.median([each.seconds for each in own]):.2f} s, the script's "
            f"{np.median([each.script_seconds for each in own]):.2f} s",
        )
    wrong = [1 - np.mean([getattr(each, name) for each in outcomes]) for name in ("unseen", "script_unseen")]
    yield Figure(
        "what is left to explain on rows never uploaded", wrong[0] / wrong[1], guarded=True, beside="the script"
    )


def _over_cases(outcomes: Sequence[Outcome], value: Callable[[Outcome], float]) -> tuple[float, float]:
    """The mean over tables and seeds, and its standard error; models of one table and seed are not independent."""
    cases: dict[tuple[str, int], list[float]] = {}
    for each in outcomes:
        cases.setdefault((each.case.name, each.case.seed), []).append(value(each))
    means = [float(np.mean(values)) for values in cases.values()]
    return float(np.mean(means)), float(np.std(means) / max(1, len(means) - 1) ** 0.5)


def _by_table(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for each in outcomes:
        found.setdefault(each.case.name, []).append(each)
    return found


def _task(classes: bool) -> str:
    return "classes" if classes else "numbers"


def plot(outcomes: Sequence[Outcome]) -> str:
    """A line for each table: the mean of what is reported, of what is reached, and of what the script reaches."""
    lines = []
    for name, own in _by_table(outcomes).items():
        reached, optimism = (float(np.mean([getattr(one, each) for one in own])) for each in ("unseen", "optimism"))
        lines.append(
            Line(
                f"{name} ({'accuracy' if own[0].case.classes else 'R²'})",
                {
                    "reported, less chance": reached + optimism,
                    "on rows never uploaded": reached,
                    "a practitioner's script, there": float(np.mean([one.script_unseen for one in own])),
                },
            )
        )
    return dots("Reported scores, and what they are worth on rows never uploaded", lines)


def cases(short: bool) -> Iterator[Case]:
    """Every table with every seed."""
    for name, (make, classes) in tables().items():
        for seed in range(SHORT_SEEDS if short else SEEDS):
            yield Case(name, make(seed), classes, seed)


def tables() -> dict[str, tuple[Callable[[int], pd.DataFrame], bool]]:
    """Tables by name: how one is made, and whether its answers are classes. The answer is the column `answer`."""
    import plotly.data
    from sklearn import datasets

    def shipped(load: Callable[..., Any], answer: str, classes: bool) -> Callable[[int], pd.DataFrame]:
        frame = load().rename(columns={answer: "answer"})
        if classes:
            frame["answer"] = [f"c{value}" for value in frame["answer"]]
        return lambda _seed: frame

    def of_scikit_learn(load: Callable[..., Any], classes: bool) -> Callable[[int], pd.DataFrame]:
        return shipped(lambda: load(as_frame=True).frame, "target", classes)

    return {
        "iris": (of_scikit_learn(datasets.load_iris, True), True),
        "wine": (of_scikit_learn(datasets.load_wine, True), True),
        "breast cancer": (of_scikit_learn(datasets.load_breast_cancer, True), True),
        "digits": (of_scikit_learn(datasets.load_digits, True), True),
        "tips, lunch or dinner": (shipped(plotly.data.tips, "time", True), True),
        "made, a fifth is chance": (lambda seed: made(600, 0.2, seed), True),
        "made, 40 % is chance": (lambda seed: made(400, 0.4, seed), True),
        "made, 12 classes": (lambda seed: made_classes(4_500, seed), True),
        "diabetes": (of_scikit_learn(datasets.load_diabetes, False), False),
        "tips": (shipped(plotly.data.tips, "tip", False), False),
        "gapminder, life expectancy": (shipped(plotly.data.gapminder, "lifeExp", False), False),
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


def made_classes(rows: int, seed: int) -> pd.DataFrame:
    """Eight numbers and twelve classes, each likelier the further a row lies in its direction."""
    random = np.random.default_rng([seed, rows])
    numbers = random.normal(size=(rows, 8)).round(3)
    pull = 2 * numbers @ np.random.default_rng(12).normal(size=(8, 12))
    frame = pd.DataFrame(numbers, columns=list("abcdefgh"))
    frame["answer"] = [f"c{number}" for number in (pull + random.gumbel(size=pull.shape)).argmax(axis=1)]
    return frame


def made_numbers(rows: int, seed: int) -> pd.DataFrame:
    """As of classes, with a number as the answer."""
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
    scripts: dict[bool, tuple[float, float, float]] = {}
    for algorithm in CLASSES if case.classes else NUMBERS:
        begun = time.perf_counter()
        reported, reached, tested = ours(case, given, unseen, algorithm)
        seconds, boosted = time.perf_counter() - begun, algorithm.startswith("hist")
        if boosted not in scripts:
            scripts[boosted] = script(case, given, tested, unseen, boosted)
        yield Outcome(case, algorithm, reported, reached, *scripts[boosted][:2], seconds, scripts[boosted][2])


def ours(case: Case, given: pd.DataFrame, unseen: pd.DataFrame, algorithm: str) -> tuple[float, float, np.ndarray]:
    """The reported score, that of the model on rows that were kept away, and which rows were tested."""
    import joblib
    from helpers.writing import written

    from jobs.engine import runner
    from jobs.tabular.row_hash import KEPT, share_of
    from jobs.verbs import datasets, workflows
    from store import files, steps

    dataset = datasets.add(io.BytesIO(given.to_csv(index=False).encode()), f"{case.name} {case.seed}.csv")
    features = [name for name in given if name != "answer"]
    chosen = {"random_state": case.seed, "features": features, "target": "answer", "algorithm": algorithm}
    proposed = workflows.propose("tabular", {"data": dataset.id}, chosen | {"test_size": TEST_SIZE})
    workflow = written("tabular", proposed, {"data": dataset.id}, "unseen")
    for step in steps.of_workflow(workflow):
        runner.run_step(step.id, step.attempt)
    upload, _preprocess, train, evaluate = steps.of_workflow(workflow)

    def path(step_id: int, name: str) -> Path:
        return files.path_of(steps.artifacts_of(step_id)[name].sha256)

    hashes = np.fromfile(path(upload.id, "row_hashes"), KEPT)
    raw = pd.read_csv(io.BytesIO(unseen.to_csv(index=False).encode()))
    answered = joblib.load(path(train.id, "model")).predict(raw)
    main = "accuracy" if case.classes else "r2"
    reached = score(case, raw["answer"].to_numpy(), answered)
    return evaluate.scores[main], reached, share_of(hashes, case.seed) >= 1 - TEST_SIZE


def script(
    case: Case, given: pd.DataFrame, tested: np.ndarray, unseen: pd.DataFrame, boosted: bool
) -> tuple[float, float, float]:
    """What a practitioner's script reports on the same test rows, reaches on those kept away, and takes."""
    begun = time.perf_counter()
    x, y = given.drop(columns="answer"), given["answer"]
    model = practitioners(x, case.classes, boosted).fit(x[~tested], y[~tested])
    reached = score(case, unseen["answer"].to_numpy(), model.predict(unseen.drop(columns="answer")))
    return float(model.score(x[tested], y[tested])), reached, time.perf_counter() - begun


def practitioners(x: pd.DataFrame, classes: bool, boosted: bool) -> Any:
    """What one would write in an afternoon."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers = [name for name in x if pd.api.types.is_numeric_dtype(x[name])]
    words = [name for name in x if name not in numbers]
    if boosted:
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
        kinds = [False] * len(numbers) + [True] * len(words)
        boosting = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        return make_pipeline(
            ColumnTransformer([("n", "passthrough", numbers), ("c", codes, words)]),
            boosting(random_state=0, categorical_features=kinds if words else None),
        )
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encode = ColumnTransformer([("n", scaled, numbers), ("c", OneHotEncoder(handle_unknown="ignore"), words)])
    return make_pipeline(encode, LogisticRegression(max_iter=1_000) if classes else Ridge())


def score(case: Case, actual: np.ndarray, answered: np.ndarray) -> float:
    """Accuracy, or R²."""
    if case.classes:
        return float((actual == answered).mean())
    return 1 - float(((actual - answered) ** 2).sum() / ((actual - actual.mean()) ** 2).sum())


if __name__ == "__main__":
    run(measure, __doc__)
