"""English: one template per message code, a module for each who speaks."""

from jobs.language.en import (
    artifacts,
    authoring,
    csv_files,
    deeds,
    files,
    people,
    pipelines,
    predictions,
    reports,
    requests,
    results,
    steps,
    sweeps,
    tables,
    thresholds,
    training,
    upkeep,
    warnings,
    work,
)
from jobs.language.template import Template

LANGUAGE = "en"
PARTS = (
    steps,
    artifacts,
    files,
    csv_files,
    tables,
    training,
    deeds,
    requests,
    people,
    work,
    pipelines,
    authoring,
    predictions,
    reports,
    results,
    sweeps,
    thresholds,
    upkeep,
    warnings,
)
SENTENCES: dict[str, Template] = {code: template for part in PARTS for code, template in part.SENTENCES.items()}
