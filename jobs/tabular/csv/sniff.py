"""Sniff: other formats, the delimiter, the marks in numbers and the header, from the first lines of a file."""

import csv
import io
import re
from collections import Counter
from itertools import chain, zip_longest

from jobs.tabular.csv.dialect import DELIMITERS, Overrides
from jobs.tabular.csv.lines import LONGEST_FIELD, SAMPLE, unified_lines
from jobs.tabular.limits import MISSING, MISSING_WORDS
from jobs.tabular.units import without_unit
from store.errors import RequestError
from store.messages import Message, Notice

# Cells by which the decimal mark is detected, and the rows they are taken from.
MARKED_CELLS = 2_500
MARKED_ROWS = 500
# The first bytes of other formats, and the code of the refusal.
_MAGIC = (
    (b"PK\x03\x04", "file_is_excel"),
    (b"\xd0\xcf\x11\xe0", "file_is_old_excel"),
    (b"\x1f\x8b", "file_is_gzip"),
    (b"BZh", "file_is_bzip2"),
    (b"\xfd7zXZ", "file_is_xz"),
    (b"\x28\xb5\x2f\xfd", "file_is_zstd"),
    (b"7z\xbc\xaf", "file_is_sevenzip"),
    (b"Rar!\x1a", "file_is_rar"),
    (b"\x89PNG", "file_is_png"),
    (b"\xff\xd8\xff", "file_is_jpeg"),
    (b"GIF8", "file_is_gif"),
    (b"%PDF", "file_is_pdf"),
    (b"PAR1\x15", "file_is_parquet"),
    (b"ARROW1\0", "file_is_arrow"),
    (b"SQLite format 3", "file_is_sqlite"),
)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_COMMA_DECIMAL = re.compile(r"[+-]?\d*,\d+")
_POINT_DECIMAL = re.compile(r"[+-]?\d*\.\d+")
# No number begins with a group of zeros: 0.510 is a half.
_POINT_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")


def refuse_other_formats(head: bytes) -> None:
    """Refuse files that their first bytes show to be of another format."""
    if not head.strip(b"\r\n\t \xef\xbb\xbf"):
        raise RequestError(Message("file_empty" if len(head) < SAMPLE else "file_begins_empty"), "file")
    for magic, code in _MAGIC:
        if head.startswith(magic):
            raise RequestError(Message(code), "file")


def refuse_other_texts(text: str) -> None:
    """Refuse web pages, XML and JSON."""
    start = text.lstrip()[:400]
    if re.match(r"<(!doctype|html|head|body|\?xml)", start, re.IGNORECASE):
        is_xml = start.startswith("<?xml") and "<html" not in start.casefold()
        raise RequestError(Message("file_is_xml" if is_xml else "file_is_web_page"), "file")
    if re.match(r"[\[{]\s*([\[{\"\]}]|-?\d+\s*,\s*$)", start):
        raise RequestError(Message("file_is_json"), "file")


def sample_rows(text: str, delimiter: str, whole: bool, most: int = 2_000) -> list[list[str]]:
    """Return the first rows without blank lines and without a last line that may be cut."""
    csv.field_size_limit(LONGEST_FIELD)
    lines = unified_lines(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > most:
                return rows[:most]
    except csv.Error:
        if not rows:
            raise RequestError(Message("first_line_too_long"), "file") from None
        return rows
    return rows if whole or len(rows) < 2 else rows[:-1]


def delimiter_of(text: str) -> str:
    """Return the sign that cuts the first lines into the same number of fields, more than one."""
    best, best_score = ",", (0.0, 0)
    whole = len(text) < 1 << 16
    for sign in DELIMITERS:
        try:
            rows = sample_rows(text[: 1 << 16], sign, whole)
        except RequestError:
            continue
        widths = Counter(len(row) for row in rows)
        if not widths:
            continue
        width, count = widths.most_common(1)[0]
        if width == 1:
            continue
        agree = count / len(rows)
        fits_header = len(rows[0]) == width
        score = (round(agree, 2) + (0.5 if fits_header else 0.0), width)
        if score > best_score:
            best, best_score = sign, score
    return best


def marks_of(rows: list[list[str]], delimiter: str, chosen: Overrides) -> tuple[str, str]:
    """Return the decimal and the thousands mark."""
    stride = max(1, min(MARKED_ROWS * len(rows[0]) // MARKED_CELLS, MARKED_ROWS // 25))
    given = (without_unit(cell).strip() for row in rows[1 : MARKED_ROWS + 1 : stride] for cell in row)
    cells = [cell for cell in given if cell[-1:].isdigit()]
    decimal = chosen.get("decimal") or _decimal(cells, delimiter)
    if "thousands" in chosen:
        thousands = chosen["thousands"]
    else:
        groups, mark = (_POINT_GROUPS, ".") if decimal == "," else (_COMMA_GROUPS, ",")
        other = _POINT_DECIMAL if decimal == "," else _COMMA_DECIMAL
        grouped = sum(1 for cell in cells if mark in cell and groups.fullmatch(cell))
        # "12.5" in a file with a decimal comma contradicts the point as a thousands mark.
        contrary = sum(1 for cell in cells if other.fullmatch(cell) and not groups.fullmatch(cell))
        thousands = mark if grouped > contrary else ""
    if thousands == decimal:
        raise RequestError(Message("marks_equal"), "dialect")
    return decimal, thousands


def _decimal(cells: list[str], delimiter: str) -> str:
    commas = points = 0
    for cell in cells:
        if "," in cell:
            last_is_comma = cell.rfind(",") > cell.rfind(".")
            if "." in cell:
                commas += 3 * (last_is_comma and bool(_POINT_GROUPS.fullmatch(cell)))
                points += 3 * (not last_is_comma and bool(_COMMA_GROUPS.fullmatch(cell)))
            elif _COMMA_DECIMAL.fullmatch(cell):
                # "1,234" alone is more likely a thousand in a file that separates its fields by commas.
                grouped = delimiter == "," and bool(_COMMA_GROUPS.fullmatch(cell))
                commas += not grouped
                points += grouped
        elif "." in cell and _POINT_DECIMAL.fullmatch(cell):
            grouped = bool(_POINT_GROUPS.fullmatch(cell))
            points += not grouped
    return "," if commas > points else "."


def missing_word_of(text: str, rows: list[list[str]], delimiter: str, notices: list[Notice]) -> str | None:
    """Return the word that stands for a missing value in all columns of a file, and note it: one among the numbers of a
    file with texts, or the NA that R leaves without quotation marks. None where no word is known to."""
    if not set(MISSING_WORDS).intersection(chain.from_iterable(rows)):
        return None
    word = "NA" if _quoted_but_na(text, delimiter) else _word_among_numbers(rows)
    if word:
        notices.append(Notice(Message("word_means_missing", {"word": word})))
    return word


def _quoted_but_na(text: str, delimiter: str) -> bool:
    names = text.partition("\n")[0].strip().split(delimiter)
    if '"NA"' in text or not all(len(name) > 1 and name[0] == name[-1] == '"' for name in names):
        return False
    sign = re.escape(delimiter)
    return re.search(rf"(^|{sign})NA({sign}|\r?$)", text, re.MULTILINE) is not None


def _word_among_numbers(rows: list[list[str]]) -> str | None:
    words: Counter[str] = Counter()
    texts = 0
    for column in zip_longest(*rows[1:], fillvalue=""):
        counts = Counter(column)
        others = {cell.strip(): count for cell, count in counts.items() if cell.strip() not in MISSING}
        numbers = sum(count for cell, count in others.items() if _NUMBER.fullmatch(without_unit(cell)))
        if numbers >= max(5, 0.95 * sum(others.values())):
            words.update({word: counts[word] for word in MISSING_WORDS if counts[word]})
        elif others:
            texts += 1
    return words.most_common(1)[0][0] if words and texts else None


def header_of(rows: list[list[str]], chosen: bool | None, notices: list[Notice]) -> bool:
    """Return whether the first row holds names, as chosen or as its cells say; a header that is missing is noted."""
    if chosen is not None or len(rows) < 2:
        return chosen is not False
    reason = _data_in_first_row(rows)
    if reason:
        notices.append(Notice(reason, "warning"))
    return reason is None


def _data_in_first_row(rows: list[list[str]]) -> Message | None:
    """Return why the first row is data: it holds nothing but numbers, or a cell of it occurs again in its own column.

    On 66 public tables the second was so for all 5 without a header that have texts, and for none of 59 with one."""
    first = [cell.strip() for cell in rows[0]]
    numbers = sum(bool(_NUMBER.fullmatch(without_unit(cell))) for cell in first)
    if numbers == len(first):
        return Message("no_header")
    columns = [[row[place].strip() for row in rows[1:] if place < len(row)] for place in range(len(first))]
    if not numbers and any(map(_is_name_over_numbers, first, columns)):
        return None  # "male" over 1, 0 and a "male" is a header that is repeated, as where files were joined
    for place, (cell, column) in enumerate(zip(first, columns, strict=True), start=1):
        if cell not in MISSING and cell in column:
            return Message("no_header_repeated", {"cell": cell[:60], "position": place})
    return None


def _is_name_over_numbers(name: str, column: list[str]) -> bool:
    others = [cell for cell in column if cell not in MISSING and cell != name]
    numbers = sum(bool(_NUMBER.fullmatch(without_unit(cell))) for cell in others)
    return name not in MISSING and numbers >= max(5, 0.95 * len(others))
