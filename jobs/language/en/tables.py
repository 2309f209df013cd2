"""What is reported while a table is prepared, and why one cannot be."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # What a step reports while it prepares a table.
    "reading_target": "reading the target",
    "rows_read": Plural("1 row read", "{rows} rows read", by="rows"),
    "rows_encoded": Plural("1 row encoded", "{rows} rows encoded", by="rows"),
    "rows_shuffled": Plural("1 row shuffled", "{rows} rows shuffled", by="rows"),
    "fitting": "fitting gaps, scaling and categories",
    "rows_split": "{training} training rows, {validation} validation rows.",
    "rows_split_in_three": "{training} training rows, {validation} validation rows, {test} test rows.",
    # What was done with a column.
    "gaps_own_category": Plural("1 gap became a category of its own", "{count} gaps became a category of their own"),
    "gaps_median": Plural(
        "1 gap filled with the median {value:,.6g}", "{count} gaps filled with the median {value:,.6g}"
    ),
    "gaps_mean": Plural("1 gap filled with the mean {value:,.6g}", "{count} gaps filled with the mean {value:,.6g}"),
    "gaps_zero": Plural("1 gap filled with {value:,.6g}", "{count} gaps filled with {value:,.6g}"),
    "gaps_median_date": Plural("1 gap filled with the median date", "{count} gaps filled with the median date"),
    "gaps_mean_date": Plural("1 gap filled with the mean date", "{count} gaps filled with the mean date"),
    "gaps_zero_date": Plural("1 gap filled with zero", "{count} gaps filled with zero"),
    "gaps_most_frequent": Plural(
        "1 gap filled with the most frequent value, {value}",
        "{count} gaps filled with the most frequent value, {value}",
    ),
    "squashed": "squashed, as its tail is long",
    "scaled_standard": "scaled to mean 0 and spread 1",
    "scaled_minmax": "scaled to 0 to 1",
    "date_split": "split into {parts}",
    "date_parts": "split into days, month and weekday",
    "one_column_each": "one column for each of {count} values",
    "rare_values_together": Plural("1 rare value shares one column", "{count} rare values share one column"),
    "words_counted": Plural("its 1 word is counted", "its {count} most frequent words are counted"),
    "gaps_without_words": Plural("1 gap is a text without words", "{count} gaps are texts without words"),
    "most_frequent_have_columns": "one column for each of the {own} most frequent of {count} values",
    "target_of_value": "one that says what the target is with each of {count} values, as other rows show",
    "boosting_takes_values": "boosting takes {count} values as they are",
    "taken_as_is": "taken as it is",
    # What is noticed about the target and the rows.
    "word_is_label": Plural(
        "{column}: {word} is a value of its own, in 1 row. Where it means that nothing is known, empty those cells in "
        "the file.",
        "{column}: {word} is a value of its own, in {count} rows. Where it means that nothing is known, empty those "
        "cells in the file.",
    ),
    "rows_dropped": Plural(
        "1 row was dropped because {column} is missing.", "{count} rows were dropped because {column} is missing."
    ),
    "label_once": "{column}: {labels} occurs only once, so rows were split without regard to it.",
    "fewer_rows_than_classes": (
        "There are fewer validation rows than values of the target, so rows were split at random."
    ),
    "rows_in_order_of_time": (
        "The rows are in order of {column}. A random split tests on rows between those that were learned from; to see "
        "how well later rows are predicted, choose Split time by {column}."
    ),
    "class_not_tested": "No test row is {labels}, so the scores say nothing about it.",
    "classes_not_tested": Plural(
        "No test row is {labels} or 1 other value, so the scores say nothing about them.",
        "No test row is {labels} or {more} other values, so the scores say nothing about them.",
        by="more",
    ),
    "duplicate_rows": Plural(
        "1 row is an exact copy of another ({percent:.3g} %). Copies stay in one part, so none is tested on what it "
        "was learned from.",
        "{count} rows are exact copies of others ({percent:.3g} %). Copies stay in one part, so none is tested on what "
        "it was learned from.",
    ),
    "fitted_on_part": (
        "How to fill gaps, scale and group values was fitted on {fitted} of the {training} training rows, drawn at "
        "random."
    ),
    "few_training_rows": "Only {count} training rows; scores will vary by chance.",
    # Why a table cannot be prepared.
    "no_such_target": "There is no column {column}; choose the target from {columns}.",
    "no_such_feature": "There is no column {column} to learn from.",
    "no_words": (
        "No cell of {column} has a word of two letters or more, so it is no text; leave it out or set another kind."
    ),
    "no_features": "There is no column left to learn from; choose at least one besides the target.",
    "target_not_number": (
        "{column} is not a number column; choose an algorithm for classes, such as logistic regression."
    ),
    "target_constant_number": "{column} has the same value in every row; there is nothing to predict.",
    "target_constant": "{column} has only one value; there is nothing to predict.",
    "target_dates": "{column} holds dates; choose another column to predict.",
    "target_empty": "{column} holds nothing; choose another column to predict.",
    "target_all_different": (
        "{column} has a different value in almost every row, so there is nothing to learn; choose another target."
    ),
    "target_many_numbers": (
        "{column} has many different numbers; choose an algorithm that predicts a number, such as boosting (numbers)."
    ),
    "target_too_many_numbers": (
        "{column} has more than {most} different values; choose a target with fewer or an algorithm that predicts a "
        "number."
    ),
    "target_too_many_classes": "{column} has more than {most} different values; choose a target with fewer.",
    "target_mostly_missing": (
        "{column} is missing in {missing} of {rows} rows; more than half, so there is too little to learn from."
    ),
    "target_too_few_rows": "Only {rows} rows have a value in {column}; at least {fewest} are needed.",
    "no_validation_rows": "No row is left for validation; use more rows or a bigger validation share.",
    "too_few_different_rows": (
        "There are too few different rows for {parts} parts. Use a table with more rows that differ, or another split."
    ),
    "one_time_only": "All rows have the same time, so none of them is later than others. Choose another split.",
    "no_split_column": "A split by {split} needs the column to split by, and there is no column {column}.",
    "split_column_no_time": "{column} has neither dates nor numbers, so its rows have no order in time.",
    "one_fold": "One fold would leave nothing to learn from. Choose 0, 3, 5 or 10 folds.",
    "folds_have_no_time": "Folds of a split by time would be tested on rows before those they learned from. Choose 0.",
    "folds_need_validation": "Folds need a validation share, as each of them chooses its epoch on rows of its own.",
    "too_few_groups_for_folds": Plural(
        "{column} has only 1 group, and each of {folds} folds needs one of its own. Choose 0 folds, or another column.",
        "{column} has {count} groups, and each of {folds} folds needs one of its own. Choose fewer folds, or another "
        "column.",
    ),
    "too_many_rows_for_folds": (
        "Folds are for small tables, of up to {most} rows; with more, one test part says enough. Choose 0 folds."
    ),
    "matrix_too_wide": (
        "The columns would become {columns} columns of numbers, more than {most}; choose fewer columns or lower "
        "max_categories."
    ),
    "no_room_for_matrices": (
        "Prepared, the rows take {needed:,.1f} GB, and the disk of the server has {free:,.1f} GB free. Make room and "
        "retry, or choose fewer columns or lower max_categories."
    ),
}
