"""What is noticed in a file and in its columns."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # What a file says of itself.
    "not_utf8": "The file is not UTF-8; it was read as {encoding}. If letters look wrong, choose another encoding.",
    "thousands_mark": (
        "Numbers such as 1{mark}234 were read as 1234; if they have decimals instead, choose another decimal mark."
    ),
    "word_means_missing": "{word} counts as missing in every column, as it stands for missing numbers in this file.",
    "rows_above_table": Plural(
        "1 filled row above the column names was skipped.", "{count} filled rows above the column names were skipped."
    ),
    "other_sheets": (
        "Sheet {sheet} was read. The workbook also has {others}; choose another sheet in the reading settings."
    ),
    "nested_values": "{column} holds nested values; they are read as text (JSON).",
    "bytes_as_text": "{column} holds bytes; they are read as text, and as missing where they are none.",
    "no_header": (
        "The first line holds only numbers, so it was read as data and columns were named column_1, column_2, ... If "
        "it holds names, set First line to Column names in the reading settings."
    ),
    "no_header_repeated": (
        "The first line was read as data, because its {cell} occurs again in column {position}; columns were named "
        "column_1, column_2, ... If it holds names, set First line to Column names in the reading settings."
    ),
    "column_unnamed": "Column {position} has no name; it is called {name}.",
    "column_repeated": "There is more than one column {written}; column {position} is called {name}.",
    # Why a column is not proposed as a feature: beside the column, and as a notice.
    "all_missing": "every cell is missing",
    "no_cell_is_number": "no cell can be read as a number",
    "no_cell_is_date": "no cell can be read as a date",
    "constant": "the same value in every row",
    "id_numbers": "looks like an id: rows have numbers of their own",
    "id_or_free_text": "looks like an id: too many distinct values",
    "not_chosen": "not chosen",
    "by_hand": "left out by hand",
    "left_out_by_hand": "{column} is left out by hand.",
    "left_out_all_missing": "{column} is left out: every cell is missing.",
    "left_out_no_cell_is_number": (
        "{column} is left out: no cell of it can be read as a number. Check its decimal mark, or set another kind."
    ),
    "left_out_no_cell_is_date": (
        "{column} is left out: no cell of it can be read as a date. Write dates such as 2024-03-14, or set another "
        "kind."
    ),
    "left_out_constant": "{column} is left out: the same value in every row.",
    "left_out_id_numbers": "{column} is left out: looks like an id: rows have numbers of their own.",
    "left_out_id_or_free_text": "{column} is left out: looks like an id: too many distinct values.",
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
    "dates_among_texts": (
        "{column} is kept as text: {percent:.0f} % of its cells are dates, the others are not. Set its kind to date to "
        "count the others as missing."
    ),
    "codes_leading_zeros": "{column} looks like numbers but is kept as text, because some begin with 0.",
    "codes_too_long": (
        "{column} looks like numbers but is kept as text, because they have more digits than a number holds exactly."
    ),
    "unit_left_aside": "{column}: its numbers are read without the {unit} beside them.",
    "several_units": (
        "{column} looks like numbers but is kept as text, because they have several units: {units}. Write all in one."
    ),
    "share_missing": "{column}: {percent:.0f} % missing.",
    "day_first_assumed": "{column}: dates such as 03/04 were read with the day first.",
    # Why a target is proposed, or may be meant.
    "proposed_by_name": "its name says so",
    "candidate_by_name": "its name may say so",
    "candidate_last": "last column",
    "candidate_last_usable": "last column that can be predicted",
    "candidate_first": "first column, few distinct values",
    "candidate_first_usable": "first column that can be predicted, few distinct values",
    "proposed_yes_no": "last yes/no column",
    "proposed_two_values": "last column with two values",
    "proposed_few_values": "last column with few distinct values",
    "proposed_number": "last number column",
    "left_out": "left out",
    # What a step reports while it reads a file.
    "reading_dataset": "Reading {dataset}: {dialect}.",
    "read_while_arriving": "The rows of {dataset} were read while the file arrived.",
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
}
