"""What pages say of a workflow that predicts the rows of a table."""

from jobs.tabular.predict.request import JOB
from pages.parts import words
from pages.parts.presentation import Presentation
from store.steps import Step


class PredictionsPresentation(Presentation):
    """Jobs of prediction on pages."""

    def __init__(self) -> None:
        super().__init__(JOB)

    def summary(self, step: Step) -> list[str]:
        result = step.result or {}
        if "rows" not in result:
            return super().summary(step)
        return [f"{words.count(result['rows'], 'row')} predicted · {words.size(result['size'])}"]
