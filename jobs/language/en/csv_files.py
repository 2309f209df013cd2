"""Why a file is refused, and why a table, a target and an algorithm do not fit together."""

from jobs.language.template import Plural, Template

SENTENCES: dict[str, Template] = {
    # Files of other formats.
    "file_is_excel": "This is an Excel workbook or a zip file, not CSV; leave the format to be detected.",
    "file_is_old_excel": "This is an old Excel file (.xls). In Excel choose File > Save As > Excel Workbook (.xlsx).",
    "file_is_binary_excel": "This is a binary Excel file (.xlsb). In Excel save it as Excel Workbook (.xlsx).",
    "file_is_open_document": "This is an OpenDocument file (.ods). Save the table as Excel workbook (.xlsx) or as CSV.",
    "file_is_document": "This is a document, not a table; save the table as Excel workbook (.xlsx) or as CSV.",
    "file_is_zip": "This is a zip file but no Excel workbook; unpack it first.",
    "file_has_password": (
        "The workbook is protected with a password. In Excel remove it (File > Info > Protect Workbook) and save."
    ),
    "workbook_broken": (
        "This Excel workbook or zip file is damaged. Open it in Excel, which may repair it, and save it again."
    ),
    "workbook_bomb": "The workbook unpacks to {size:bytes}, far more than its own size; save the table as CSV.",
    "workbook_without_sheet": "The workbook has no sheet with cells.",
    "sheet_empty": "Sheet {sheet} is empty; choose another sheet.",
    "no_such_sheet": "The workbook has no sheet {given!r}; its sheets are {known}.",
    "parquet_has_password": "The Parquet file is encrypted; save it without encryption.",
    "parquet_broken": "The Parquet file cannot be read: {reason}.",
    "line_not_json": "Line {line:d} is not valid JSON; each line must hold one whole object.",
    "line_not_object": "Line {line:d} holds no JSON object; each line must hold one.",
    "file_is_gzip": "This is a compressed (gzip) file; unpack it first.",
    "file_is_bzip2": "This is a compressed (bzip2) file; unpack it first.",
    "file_is_xz": "This is a compressed (xz) file; unpack it first.",
    "file_is_zstd": "This is a compressed (zstd) file; unpack it first.",
    "file_is_sevenzip": "This is a compressed (7z) file; unpack it first.",
    "file_is_rar": "This is a compressed (rar) file; unpack it first.",
    "file_is_png": "This is a picture (PNG), not a table.",
    "file_is_jpeg": "This is a picture (JPEG), not a table.",
    "file_is_gif": "This is a picture (GIF), not a table.",
    "file_is_pdf": "This is a PDF document, not a table; save the table as CSV or Excel workbook (.xlsx).",
    "file_is_parquet": "This is a Parquet file, not CSV; leave the format to be detected.",
    "file_is_arrow": "This is an Arrow file; save the table as Parquet or CSV.",
    "file_is_sqlite": "This is a SQLite database; export a table as CSV.",
    "file_is_xml": "This is an XML file, not a table; the link may lead to a login page.",
    "file_is_web_page": "This is a web page, not a table; the link may lead to a login page.",
    "file_is_json": "This is one JSON document; save the table as JSON lines, one object a line, or as CSV.",
    "file_is_binary": (
        "The file holds binary data (a zero byte at position {position}); it is no CSV, Excel, Parquet or JSON file."
    ),
    # Files that are malformed.
    "file_empty": "The file is empty.",
    "file_begins_empty": "The file begins with very many empty lines; remove them.",
    "file_unreadable": "The file cannot be read: {reason}.",
    "no_cells": "Every cell of the file is missing.",
    "no_rows": "The file has no rows below the column names; at least {fewest} are needed.",
    "too_few_rows": Plural(
        "The file has only 1 row below the column names; at least {fewest} are needed.",
        "The file has only {count} rows below the column names; at least {fewest} are needed.",
    ),
    "too_many_columns": "The file has {count} columns; at most {most} are allowed.",
    "first_line_too_long": "The first line is longer than 1 MB; this does not look like a table.",
    "line_too_long": "Line {line:d} is longer than {most:bytes}; make its texts shorter.",
    "line_after_title": (
        "Line {line:d} has {count} fields, more than the 1 of the first line; remove any lines above the column names."
    ),
    "line_too_wide": "Line {line:d} has {count} fields, more than the {expected} of the first line.",
    "line_too_wide_comma": (
        "Line {line:d} has {count} fields, more than the {expected} of the first line; a text with a comma in it must "
        "be in quotation marks."
    ),
    "line_too_narrow": Plural(
        "Line {line:d} has 1 field, fewer than the {expected} of the first line.",
        "Line {line:d} has {count} fields, fewer than the {expected} of the first line.",
    ),
    "line_undecodable": "Line {line:d} has bytes that are not {encoding} text; choose another encoding.",
    "byte_undecodable": "Line {line:d} has bytes that are not {encoding} text ({byte}); choose another encoding.",
    "quote_never_closed": "A quotation mark that opens in line {line:d} is never closed.",
    "field_longer_than_1_mb": (
        "Line {line:d} has a field longer than 1 MB; a quotation mark that opens there may never be closed."
    ),
    "field_of_column_too_long": ("A field in column {column} is longer than 1 MB; a quotation mark may be missing."),
    # How a file is read.
    "format_unknown": "format must be one of {known}, not {given!r}.",
    "sheet_of_no_workbook": "Only an Excel workbook has sheets; this is a {format} file.",
    "setting_of_text_files": "{name} is a setting of CSV files; this is a {format} file.",
    "no_such_reading_setting": "There is no reading setting {given!r}; there are {known}.",
    "marks_equal": "The decimal mark and the thousands mark must differ.",
    "encoding_unknown": "encoding must be one of {known}, not {given!r}.",
    "encoding_wrong": "The file is not {encoding} text; choose another encoding.",
    "delimiter_unknown": "delimiter must be one of comma, semicolon, tab, bar, not {given!r}.",
    "decimal_unknown": "decimal must be a comma or a point, not {given!r}.",
    "thousands_unknown": "thousands must be a comma, a point or nothing, not {given!r}.",
    "missing_unknown": "missing must be one of {known}, or none, not {given!r}.",
    "reading_setting_not_bool": "{name} must be yes or no, not {given!r}.",
    # The process that analyses files.
    "file_needs_memory": (
        "The file needs more than {memory:bytes} of memory to be analysed; give it fewer columns or shorter texts, and "
        "try again."
    ),
    "file_too_slow": ("The file took too long to analyse; it may be damaged. Save the table again and try once more."),
    "file_crashed_reader": ("The file crashed its reader ({reason}); save the table again and try once more."),
    "sandbox_busy": "Other files are being analysed right now, for minutes already; try again later.",
    "sandbox_away": "Files cannot be analysed right now; try again in a moment.",
    # A target and an algorithm.
    "no_such_algorithm": "There is no algorithm {given!r}; there are {known}.",
    "no_target_suggested": "No column of {dataset} suggests itself as the target; choose one.",
    "target_to_choose": (
        "The names in {dataset} do not say which column to predict. Choose the target; it may be one of {columns}."
    ),
    "target_not_in_dataset": "{dataset} has no column {target!r}; choose the target from {columns}.",
    "target_not_in_wide_dataset": (
        "{dataset} has no column {target!r}; choose the target from {columns} and {more} more."
    ),
    "target_of_dates": "{target!r} is a column of dates and cannot be predicted; choose another.",
    "target_of_empty_cells": "{target!r} is a column of empty cells and cannot be predicted; choose another.",
    "algorithm_needs_number": "{target!r} is not a number; {algorithm} predicts numbers. Choose from {others}.",
    "too_many_numbers_for_classes": (
        "{target!r} has {count} different values, too many for classes; choose from {others}."
    ),
    "too_many_texts_for_classes": (
        "{target!r} has {count} different values, too many for classes; choose another target."
    ),
    "no_features_chosen": "Every column is left out; choose at least one besides the target.",
    "only_empty_columns": "Every chosen column is empty; choose others.",
    "no_other_column": "{dataset} has no column besides {target}, so there is nothing to learn from.",
    "no_usable_columns": (
        "Every column besides {target} is left out, as an id, as always the same, as empty, or by hand: {columns}. "
        "Choose one all the same, or set its kind."
    ),
    "no_such_column": "{dataset} has no column {column!r}.",
}
