"""English: one template per message code, grouped by who sends them."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # What a step says of itself in free words.
    "text": "{text}",
    "refused": "{text}",
    # How attempts end.
    "completed": "Completed.",
    "cancelled": "Cancelled.",
    "worker_lost": "The worker was lost while it ran this step.",
    "stopped": "Trainyard was stopped while this step ran.",
    "backed_up": "The backup was made while this step ran.",
    "frozen": "The process of this step stood still and was killed.",
    "timeout": "The step exceeded its time limit.",
    "timeout_killed": "The step exceeded its time limit, ignored the request to stop, and was killed.",
    "exited": "The process of this step exited by itself (exit code {exit_code}).",
    "signalled": "The process of this step was killed ({signal}).",
    "killed": (
        "The process of this step was killed after it had used up to {gigabytes} GB (SIGKILL; often because memory "
        "ran out)."
    ),
    "out_of_memory": "The step ran out of memory. Use fewer columns or rows.",
    "disk_full": "The disk is full. Free some space, then retry.",
    "error": "The step stopped with an error: {reason}",
    "retryable": "{reason}",
    "code_gone": (
        "The code of step {step} of pipeline {pipeline} cannot be loaded. Bring it back (TRAINYARD_PIPELINES names the "
        "modules), then retry. {reason}"
    ),
    # What a step's log says of its attempts.
    "next_attempt": "Attempt {number} follows.",
    "continues": "Attempt {number} continues from epoch {epoch}.",
    "checkpoint_unusable": "The previous checkpoint is damaged or outdated; starting over.",
    "curve_lost": "The numbers up to the previous checkpoint are lost; starting over.",
    "score_not_finite": "Score {name} is {value} and is left out.",
    "metric_not_finite": "{name} of epoch {epoch} is {value} and is left out.",
    # What a file says of itself.
    "not_utf8": "The file is not UTF-8; it was read as {encoding}. If letters look wrong, choose another encoding.",
    "thousands_mark": (
        "Numbers such as 1{mark}234 were read as 1234; if they have decimals instead, choose another decimal mark."
    ),
    "no_header": "The first line holds only numbers, so columns were named column_1, column_2, ...",
    "column_unnamed": "Column {position} has no name; it is called {name}.",
    "column_repeated": "There is more than one column {written}; column {position} is called {name}.",
    # Why a column is not proposed as a feature: beside the column, and as a notice.
    "all_missing": "every cell is missing",
    "constant": "the same value in every row",
    "id_numbers": "looks like an id: every row has its own number",
    "id_or_free_text": "looks like an id or free text: too many distinct values",
    "not_chosen": "not chosen",
    "left_out_all_missing": "{column} is left out: every cell is missing.",
    "left_out_constant": "{column} is left out: the same value in every row.",
    "left_out_id_numbers": "{column} is left out: looks like an id: every row has its own number.",
    "left_out_id_or_free_text": "{column} is left out: looks like an id or free text: too many distinct values.",
    # What is noticed in the cells of a column.
    "cells_without_number": Plural(
        "{column}: 1 cell without a number counted as missing.",
        "{column}: {count} cells without a number counted as missing.",
    ),
    "cells_without_date": Plural(
        "{column}: 1 cell without a date counted as missing.",
        "{column}: {count} cells without a date counted as missing.",
    ),
    "cells_too_large": Plural(
        "{column}: 1 cell with an infinite or absurdly large number counted as missing.",
        "{column}: {count} cells with an infinite or absurdly large number counted as missing.",
    ),
    "words_missing": Plural(
        "{column}: 1 cell with {words} counted as missing.",
        "{column}: {count} cells with {words} counted as missing.",
    ),
    "words_missing_unless_target": Plural(
        "{column}: 1 cell with {words} counted as missing; when this column is predicted, {words} is a value.",
        "{column}: {count} cells with {words} counted as missing; when this column is predicted, {words} is a value.",
    ),
    "dates_in_several_formats": (
        "{column} looks like dates but is kept as text, because they are not all written in one way; write all of them "
        "such as 2024-03-14."
    ),
    "codes_leading_zeros": "{column} looks like numbers but is kept as text, because some begin with 0.",
    "codes_too_long": (
        "{column} looks like numbers but is kept as text, because they have more digits than a number holds exactly."
    ),
    "share_missing": "{column}: {percent:.0f} % missing.",
    "day_first_assumed": "{column}: dates such as 03/04 were read with the day first.",
    # Why a target is proposed.
    "proposed_by_name": "its name says so",
    "proposed_yes_no": "last yes/no column",
    "proposed_two_values": "last column with two values",
    "proposed_few_values": "last column with few distinct values",
    "proposed_number": "last number column",
    "left_out": "left out",
    # What a step reports while it reads a file.
    "reading_dataset": "Reading {dataset}: {dialect}.",
    "searching_malformed_line": "a line of the file is malformed; searching for it",
    "table_written": "{rows} rows and {columns} columns.",
    "kinds_changed": Plural(
        "Later rows showed that {columns} is of another kind than the first ones; reading again.",
        "Later rows showed that {columns} are of another kind than the first ones; reading again.",
    ),
    "kinds_changed_many": (
        "Later rows showed that {columns} and {more} more columns are of another kind than the first ones; reading "
        "again."
    ),
    # What a step reports while it prepares a table.
    "checking_table": "checking the table",
    "reading_target": "reading the target",
    "rows_read": Plural("1 row read", "{rows} rows read", by="rows"),
    "rows_encoded": Plural("1 row encoded", "{rows} rows encoded", by="rows"),
    "rows_shuffled": Plural("1 row shuffled", "{rows} rows shuffled", by="rows"),
    "fitting": "fitting gaps, scaling and categories",
    "rows_split": "{training} training rows, {validation} validation rows.",
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
    "scaled_standard": "scaled to mean 0 and spread 1",
    "scaled_minmax": "scaled to 0 to 1",
    "date_parts": "split into days, month and weekday",
    "one_column_each": "one column for each of {count} values",
    "rare_values_together": Plural("1 rare value shares one column", "{count} rare values share one column"),
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
    "fitted_on_part": (
        "How to fill gaps, scale and group values was fitted on {fitted} of the {training} training rows, drawn at "
        "random."
    ),
    "few_training_rows": "Only {count} training rows; scores will vary by chance.",
    # Why a table cannot be prepared.
    "no_such_target": "There is no column {column}; choose the target from {columns}.",
    "no_such_feature": "There is no column {column} to learn from.",
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
    "matrix_too_wide": (
        "The columns would become {columns} columns of numbers, more than {most}; choose fewer columns or lower "
        "max_categories."
    ),
    "no_room_for_matrices": (
        "Prepared, the rows take {needed:,.1f} GB, and the disk of the server has {free:,.1f} GB free. Make room and "
        "retry, or choose fewer columns or lower max_categories."
    ),
    # Training.
    "algorithm_cannot_predict": "{algorithm} cannot predict this target.",
    "checkpoint_of_other_version": "The previous checkpoint is of another version; starting over.",
    "epoch_running": "epoch {epoch} of {epochs}",
    "epoch_measured": "Epoch {epoch} of {epochs}: validation {measures}.",
    "learns_from_part": "This algorithm learns from {rows} random rows, as many as it may hold in memory.",
    "labels_too_rare": (
        "Some values of the target are too rare for this algorithm on so many rows; choose another algorithm, or fewer "
        "columns."
    ),
    "training_diverged": (
        "Training diverged. Choose a smaller learning rate than {rate:g}, or set scaling to standard."
    ),
    "training_diverged_by_c": "Training diverged. Choose a smaller C, or set scaling to standard.",
    "stopped_early": Plural(
        "Stopped after epoch {epoch}: no improvement for 1 epoch.",
        "Stopped after epoch {epoch}: no improvement for {patience} epochs.",
        by="patience",
    ),
    "best_epoch": "Epoch {epoch} is the best and is published.",
    # Evaluation.
    "measuring_validation": "predicting the validation rows",
    "measuring_importance": "measuring which columns matter",
    "importance_measured": "importance of {column}",
    "validation_too_large": (
        "Some validation rows have numbers too large to compute with; set scaling to standard, or leave out the "
        "columns that have them."
    ),
    "always_label": 'always answering "{label}"',
    "always_mean": "always answering the mean, {value}",
    "no_better_than_always_label": 'The model is no better than always answering "{label}".',
    "no_better_than_always_mean": "The model is no better than always answering the mean, {value}.",
    "leak_one_column": (
        "{column} alone explains nearly everything. If it is only known after the target is, leave it out."
    ),
    "nearly_perfect": "The score is almost perfect. Check that no column gives the answer away.",
    "overfitted": (
        "The model is much better on training rows ({training:.0f} %) than on validation rows ({validation:.0f} %): it "
        "has learned noise. More rows, fewer columns or a stronger penalty help."
    ),
    "rare_class": (
        '"{label}" is rare ({percent:.1f} % of the rows), so accuracy says little about it; look at recall and at '
        "balanced accuracy."
    ),
    "never_recognised": 'The model never recognised "{label}".',
    "never_recognised_several": 'The model never recognised "{label}" and {more} more.',
    "few_validation_rows": "There are only {count} validation rows, so scores may be off by several points.",
    # Deeds, as the list of who did what shows them, and the same when they were refused.
    "deed_add_dataset": "Add dataset {dataset:d}",
    "deed_add_dataset_refused": "Refused: add",
    "deed_read_again_as_dataset": "Read again as dataset {dataset:d}",
    "deed_read_again_as_dataset_refused": "Refused: read again",
    "deed_delete_dataset": "Delete dataset {dataset:d}",
    "deed_delete_dataset_refused": "Refused: delete",
    "deed_add_sample_dataset": "Add sample dataset {dataset:d}",
    "deed_add_sample_dataset_refused": "Refused: add sample",
    "deed_start_workflow": "Start workflow {workflow:d}",
    "deed_start_workflow_refused": "Refused: start",
    "deed_restart_as_workflow": "Restart as workflow {workflow:d}",
    "deed_restart_as_workflow_refused": "Refused: restart",
    "deed_compose_workflow": "Compose workflow {workflow:d}",
    "deed_compose_workflow_refused": "Refused: compose",
    "deed_run_again_as_workflow": "Run again as workflow {workflow:d}",
    "deed_run_again_as_workflow_refused": "Refused: run again",
    "deed_retry_workflow": "Retry workflow {workflow:d}",
    "deed_retry_workflow_refused": "Refused: retry",
    "deed_cancel_workflow": "Cancel workflow {workflow:d}",
    "deed_cancel_workflow_refused": "Refused: cancel",
    "deed_delete_workflow": "Delete workflow {workflow:d}",
    "deed_delete_workflow_refused": "Refused: delete",
    "deed_describe_workflow": "Describe workflow {workflow:d}",
    "deed_describe_workflow_refused": "Refused: describe",
    "deed_run_workflow": "Run workflow {workflow:d}",
    "deed_run_workflow_refused": "Refused: run",
    "deed_pause_queue": "Pause queue {queue}",
    "deed_pause_queue_refused": "Refused: pause",
    "deed_resume_queue": "Resume queue {queue}",
    "deed_resume_queue_refused": "Refused: resume",
    "deed_stop_step": "Stop step {step:d}",
    "deed_stop_step_refused": "Refused: stop",
    "deed_retry_step": "Retry step {step:d}",
    "deed_retry_step_refused": "Refused: retry",
    "deed_remove_token_token": "Remove token {token:d}",
    "deed_remove_token_token_refused": "Refused: remove token",
    "deed_remove_own_token_token": "Remove own token {token:d}",
    "deed_remove_own_token_token_refused": "Refused: remove own token",
    "deed_add_person": "Add person {name}",
    "deed_add_person_refused": "Refused: add person",
    "deed_change_role_of": "Change role of {name}",
    "deed_change_role_of_refused": "Refused: change role of",
    "deed_set_password_of": "Set password of {name}",
    "deed_set_password_of_refused": "Refused: set password of",
    "deed_change": "Change {name}",
    "deed_change_refused": "Refused: change",
    "deed_remove_person": "Remove person {name}",
    "deed_remove_person_refused": "Refused: remove person",
    "deed_sign_out_everywhere": "Sign out {name} everywhere",
    "deed_sign_out_everywhere_refused": "Refused: sign out everywhere",
    "deed_make_token_for": "Make token for {name}",
    "deed_make_token_for_refused": "Refused: make token for",
    "deed_change_own_password": "Change own password",
    "deed_change_own_password_refused": "Refused: change own password",
    "deed_make_own_token": "Make own token",
    "deed_make_own_token_refused": "Refused: make own token",
    "deed_make_backup": "Make backup",
    "deed_make_backup_refused": "Refused: make backup",
    "deed_restore_backup": "Restore backup",
    "deed_restore_backup_refused": "Refused: restore backup",
    "deed_sign_in": "Sign in",
    "deed_sign_in_through": "Sign in through {through}",
    "deed_sign_out": "Sign out",
    "deed_sign_in_refused": "Refused: sign in as {name}",
    "deed_change_own_password_wrong": "Change own password: wrong {name}",
    "deed_route_refused": "Refused: {route}",
    "deed_refused": "Refused: {what}",
}
