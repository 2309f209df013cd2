"""What is said of predictions of new rows, and why rows are not predicted."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # Before the model is asked.
    "predict_not_completed": "Workflow {workflow:d} is {status}; it predicts new rows once it is completed.",
    "predict_not_offered": "Workflow {workflow:d} has no model that can predict new rows here.",
    "predict_rows_not_given": "Send at least one row.",
    "predict_row_not_object": "Row {row} is not a set of values by column.",
    "predict_too_many_rows": "{count} rows are too many for one request; send at most {most}, or a file.",
    "predict_too_many_to_explain": "{count} rows are too many to explain in one request; send at most {most}.",
    "predict_no_rows": "The file has no rows below the column names.",
    "predict_value_not_plain": "Row {row}: {column} must be a number, a text, true, false or null.",
    "predict_columns_missing": Plural(
        "The column {columns} is missing, which the model needs. Add it; its cells may be empty.",
        "{count} columns are missing that the model needs: {columns}. Add them; their cells may be empty.",
    ),
    "no_predictions": "Workflow {workflow:d} has no file with predictions; it is {status}.",
    "predicting_rows": "{rows} rows predicted",
    # What is strange in the rows.
    "predict_column_alike": "{given} is read as the column {column}.",
    "predict_columns_unknown": Plural(
        "The column {columns} was not there in training; it is ignored.",
        "{count} columns were not there in training; they are ignored: {columns}.",
    ),
    "predict_column_taken": "The file already has a column {column}; the new one is called {name}.",
    "predict_gaps": Plural(
        "{column}: 1 missing value, filled as in training.", "{column}: {count} missing values, filled as in training."
    ),
    "predict_texts_missing": Plural(
        "{column}: 1 text is missing and counts as one without words.",
        "{column}: {count} texts are missing and count as texts without words.",
    ),
    "predict_unknown_words": Plural(
        "{column}: 1 text has no word that the model counts ({examples}).",
        "{column}: {count} texts have no word that the model counts (such as {examples}).",
    ),
    "predict_unreadable_numbers": Plural(
        "{column}: 1 cell is not a number ({examples}) and counts as missing.",
        "{column}: {count} cells are not numbers (such as {examples}) and count as missing.",
    ),
    "predict_unreadable_dates": Plural(
        "{column}: 1 cell is not a date as in training ({examples}) and counts as missing.",
        "{column}: {count} cells are not dates as in training (such as {examples}) and count as missing.",
    ),
    "predict_unseen_values": Plural(
        "{column}: 1 cell has a value that the model has not seen in training ({examples}).",
        "{column}: {count} cells have values that the model has not seen in training (such as {examples}).",
    ),
    "predict_rare_values": Plural(
        "{column}: 1 cell has a value that is too rare in training to be told from other rare ones.",
        "{column}: {count} cells have values that are too rare in training to be told from other rare ones.",
    ),
    "predict_other_marks": (
        "Numbers have the decimal mark {given} here and {usual} in training; they are read as they are written here."
    ),
    "predict_other_dates": (
        "{column}: dates are written differently here than in training (such as {example}); they are read as they are "
        "written here."
    ),
    "predict_not_utf8": (
        "The file is not UTF-8; it was read as {encoding}. If letters look wrong, save the file as UTF-8."
    ),
    "predict_thousands_mark": "Numbers such as 1{mark}234 were read as 1234.",
    "predict_other_sheets": (
        "Sheet {sheet} was read. The workbook also has {others}; to predict one of them, save it as a workbook of its "
        "own."
    ),
    "predict_far_numbers": Plural(
        "{column}: {value:,.6g} is far from all that was learned from ({low:,.6g} to {high:,.6g}).",
        "{column}: {count} numbers are far from all that was learned from ({low:,.6g} to {high:,.6g}), such as "
        "{value:,.6g}.",
    ),
    "predict_other_encoding": "The predictions cannot be written in {encoding}; the file is written in UTF-8.",
    "predict_too_wide_for_excel": "An Excel sheet holds {most} columns. Take the predictions as CSV.",
    "predict_too_long_for_excel": "An Excel sheet holds {most} rows. Take the predictions as CSV.",
    "predict_without_probability": "This algorithm gives no chances, only classes.",
    "predict_cells_quoted": Plural(
        "1 cell begins like a formula; an apostrophe stands before it, so that no spreadsheet runs it.",
        "{count} cells begin like formulas; an apostrophe stands before them, so that no spreadsheet runs them.",
    ),
    "predict_cells_cut": Plural(
        "1 cell has more characters than the {most} that Excel holds; the rest of it is cut off. As CSV it is whole.",
        "{count} cells have more characters than the {most} that Excel holds; the rest of them is cut off. As CSV they "
        "are whole.",
    ),
    # Why the model could not predict.
    "predict_busy": (
        "Other predictions take all places right now; try again in a minute. A file can wait in the queue instead: "
        "send it as a job, with job=true or --job."
    ),
    "predict_file_too_big": (
        "Files above {most:bytes} are not predicted at once; add job=true to have this one predicted as a workflow."
    ),
    "predict_needs_memory": (
        "Predicting needs more than {memory:bytes} of memory and was stopped. Split the file, or use fewer columns."
    ),
    "predict_too_slow": "Predicting took too long and was stopped. Split the file into smaller ones.",
    "predict_crashed": "The model could not be used ({reason}). Train it again with Restart.",
}
