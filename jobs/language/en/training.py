"""Training and evaluation."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
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
    "stopped_by_person": Plural(
        "Stopped by a person after 1 of {epochs} epochs; epoch {best} is kept. The training is not complete.",
        "Stopped by a person after {done} of {epochs} epochs; epoch {best} is kept. The training is not complete.",
        by="done",
    ),
    "best_epoch": "Epoch {epoch} is the best and is published.",
    # Evaluation.
    "measuring_validation": "predicting the validation rows",
    "learned_anew": "Trained anew on training and validation rows together: {rows} rows, {epochs} epochs.",
    "testing_fold": "fold {fold} of {folds}",
    "measuring_test": "predicting the test rows",
    "measuring_importance": "measuring which columns matter",
    "importance_measured": "importance of {column}",
    "validation_too_large": (
        "Some validation rows have numbers too large to compute with; set scaling to standard, or leave out the "
        "columns that have them."
    ),
    "test_too_large": (
        "Some test rows have numbers too large to compute with; set scaling to standard, or leave out the "
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
        "The model scores {training:.0f} % on rows that it learned from, and {validation:.0f} % on validation rows. "
        "Expect of new rows what the test score says."
    ),
    "rare_class": (
        '"{label}" is rare ({percent:.1f} % of the rows), so accuracy says little about it; look at recall and at '
        "balanced accuracy."
    ),
    "never_recognised": 'The model never recognised "{label}".',
    "never_recognised_several": 'The model never recognised "{label}" and {more} more.',
    "few_test_rows": "There are only {count} test rows, so chance alone may move the score a lot.",
    # How good a model is.
    "found_rows": "Finds {right} of the {rows} whose {target} is {label}, with {alarms} among the other {others}",
    "count_rows": Plural("1 row", "{count} rows"),
    "count_columns": Plural("1 column", "{count} columns"),
    "count_false_alarms": Plural("1 false alarm", "{count} false alarms"),
    "headline_accuracy": "Accuracy {value:percent}",
    "headline_accuracy_against": "Accuracy {value:percent} ({against})",
    "headline_r2": "R² {value:score}",
    "headline_r2_against": "R² {value:score} ({against})",
    "usual_error": "Predictions are off by about {error:score} on average.",
    "points_over": "+{points} points over {against}",
    "points_below": "−{points} points against {against}",
    "no_better_than": "no better than {against}",
    "errors_smaller": "errors {percent} % smaller than {against}",
    "errors_larger": "errors {percent} % larger than {against}",
    "errors_no_smaller": "errors no smaller than {against}",
    "the_baseline": "the baseline",
    "bounds_of_share": "{measure} on other rows of the kind: {low:percent} to {high:percent}, 19 times of 20.",
    "bounds_of_number": "{measure} on other rows of the kind: {low:score} to {high:score}, 19 times of 20.",
    "few_validation_rows": "There are only {count} validation rows, so chance alone may move the scores a lot.",
}
