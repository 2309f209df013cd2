"""What the sandbox does with a model: predict rows, or those of a file, which it writes with their predictions; or
write the model itself, with its threshold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.tabular.predict.request import Answer

# A prediction adds less than this to a file, or the disk is full first.
FILE_SIZE = 1 << 40


def prepare() -> None:
    """Import what every child needs."""
    import joblib  # noqa: F401
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.neural_network  # noqa: F401

    from jobs.tabular.predict import files, scoring  # noqa: F401


def done(request: Mapping[str, Any], _line: object) -> Answer:
    """Return what the model says of the rows in the request, or of those in a file; without rows, write the model."""
    from jobs.tabular.predict import files, model_file, rows
    from jobs.tabular.predict.scoring import Scorer

    if "written" in request and "source" not in request:
        model_file.write(Path(request["model"]), Path(request["written"]), request["cut"])
        return {}
    scorer = Scorer(request)
    if "source" in request:
        return files.predict(scorer, Path(request["source"]), Path(request["written"]))
    return rows.predict(scorer, request["rows"])
