"""The report of a workflow: its titles, heads and remarks."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    "report_of_workflow": "Report of workflow #{workflow:d}",
    "report_warning": "Warning.",
    "report_written": "Trainyard {version} · written {at}",
    # Its parts.
    "report_scores": "Scores",
    "report_results": "Results",
    "report_data": "Data",
    "report_settings": "Settings",
    "report_run": "How it ran",
    "report_repeat": "How to repeat it",
    # Scores and curves.
    "report_score": "Score",
    "report_value": "Value",
    "report_range": "95 % range",
    "report_spread": "Spread",
    "report_validation": "Validation",
    "report_training": "Training",
    "report_baseline": "Baseline",
    "report_help": "What it says",
    "report_between": "{low} to {high}",
    "report_by_epoch": "{measure} by epoch",
    "report_epoch": "Epoch",
    # Results by their kinds.
    "report_rows_cut": "The first {most} of {count} rows.",
    "report_columns_cut": "The first {most} of {count} columns.",
    "report_classes_cut": "The first {most} of {count} classes.",
    "report_results_cut": "The first {most} of {count} results.",
    "report_bars_cut": "The first {most} of {count}.",
    "report_confusion": "Rows are the actual class, columns the predicted one.",
    "report_importance": "Importance",
    "report_picture_missing": "The picture {name} is missing.",
    "report_picture_too_large": "The picture {name} is {size:bytes}, too large for this report.",
    # Data, settings and steps.
    "report_dataset": "{title} · {size} · {columns} · SHA-256 {hash}",
    "report_not_default": "Bold: not as proposed.",
    "report_started": "Started",
    "report_ended": "Ended",
    "report_steps": "Steps",
    "report_by": "{at} by {name}",
    "report_took": "{at}, took {time}",
    "report_reused": "{step} (reused)",
    "report_more_steps": Plural("and 1 more step", "and {count} more steps"),
    # Commands.
    "report_command_restart": "Run again as it was",
    "report_command_submit": "Start the same anew",
    "report_command_data": "The data",
    "report_command_model": "The model",
    "report_command_report": "This report",
}
