"""What to know before a model is trained or trusted, and what helps."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    # Columns that give the target away.
    "leak_alone": (
        "{column} alone gives {target} away in nearly every row. If it is only known once {target} is, leave it out."
    ),
    "leak_alone_number": (
        "{column} alone explains {percent:.1f} % of {target}. If it is only known once {target} is, leave it out."
    ),
    "leak_sum": "{target} is {first} + {second}. If they are only known once {target} is, leave them out.",
    "leak_difference": "{target} is {first} − {second}. If they are only known once {target} is, leave them out.",
    "leak_product": "{target} is {first} × {second}. If they are only known once {target} is, leave them out.",
    "leak_ratio": "{target} is {first} ÷ {second}. If they are only known once {target} is, leave them out.",
    "leak_pair": (
        "{first} and {second} together give {target} away in nearly every row. If they are only known once {target} "
        "is, leave them out."
    ),
    "leak_pair_number": (
        "{first} and {second} together explain {percent:.1f} % of {target}. If they are only known once {target} is, "
        "leave them out."
    ),
    # How rows are split and tested.
    "few_rows_to_test": (
        "About {count} rows will be tested, so chance alone may move an accuracy by {points} points, up or down."
    ),
    "few_rows_to_test_number": "About {count} rows will be tested, so chance alone may move the score a lot.",
    # What helps, on a button before the start and afterwards.
    "leave_out": "Leave out {columns}",
    "leave_out_and_run": "Leave out {columns} and run again",
    "split_by_time": "Split by {column}",
    "split_by_time_and_run": "Split by {column} and run again",
    "test_in_folds": "Test in {folds} folds",
    "test_in_folds_and_run": "Test in {folds} folds and run again",
}
