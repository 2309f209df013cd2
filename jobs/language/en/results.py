"""What a training on a table left, drawn on pages and in reports: titles, axes and heads."""

from jobs.language.template import Template

SENTENCES: dict[str, Template] = {
    "result_training_rows": "Training rows",
    "result_validation_rows": "Validation rows",
    "result_test_rows": "Test rows",
    "result_predictions": "Predictions",
    "result_predictions_help": "Each point is a row; on the dotted line the prediction is right.",
    "result_actual": "Actual",
    "result_predicted": "Predicted",
    "result_rows": "Rows",
    "result_per_class": "Per class",
    "result_class": "Class",
    "result_precision": "Precision",
    "result_recall": "Recall",
    "result_f1": "F1",
    "result_confusion": "Confusion matrix",
    "result_roc": "ROC",
    "result_false_alarms": "False alarms",
    "result_found": "Found",
    "result_precision_and_recall": "Precision and recall",
    "result_found_recall": "Found (recall)",
    "result_right_precision": "Right (precision)",
    "result_importance": "Importance",
    "result_importance_drop": "Drop in score when this column is shuffled",
    "result_importance_points": "Drop in accuracy when this column is shuffled, in points",
    "result_importance_help": "How much worse predictions become when a column's values are shuffled.",
    "result_importance_on_test": "Measured on test rows. A bar's line is its standard error.",
    "result_importance_on_folds": (
        "Measured in each fold, on rows that its model has not learned from. A bar's line is its standard error."
    ),
    "result_importance_on_val": "Measured on validation rows. A bar's line is its standard error.",
    "result_importance_on_before": (
        "Measured by an older version on validation rows, from which a model of few rows has learned, too. Run again "
        "from Evaluate to measure it on test rows."
    ),
}
