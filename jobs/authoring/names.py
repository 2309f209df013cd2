"""Names of runs: texts with placeholders for the date, the time and params, such as `etl_{date}_{time}`."""

import string
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jobs.pipelines.errors import PipelineError
from store.messages import Message, Values

LONGEST = 80


def filled(template: str, params: Mapping[str, Any], at: datetime | None = None) -> str:
    """The name that a template stands for; a placeholder that nothing fills is refused."""
    if "{" not in template:
        return template[:LONGEST]
    at = at or datetime.now().astimezone()
    values = {**params, "date": at.strftime("%Y_%m_%d"), "time": at.strftime("%H_%M_%S_%f")}
    try:
        return string.Formatter().vformat(template, (), values)[:LONGEST]
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        told: Values = {"template": template, "reason": str(error).strip("'"), "known": sorted(values)}
        raise PipelineError(Message("name_template_wrong", told)) from None
