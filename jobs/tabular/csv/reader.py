"""Reading CSV files: how a file is written, and its cells as text, batch by batch, in bounded memory."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from jobs.tabular.csv.dialect import DELIMITERS, Dialect, read_overrides
from store.errors import Refused

MOST_COLUMNS = 2_000
LONGEST_FIELD = 1 << 20
BLOCK = 4 << 20
SAMPLE = 1 << 18
# Cells that are looked at to find out the decimal mark, and the rows they are taken from.
MARKED_CELLS = 2_500
MARKED_ROWS = 500
TOLD_LINES = 10_000

Told = Callable[[int], object]

_END = "\x00the end"
_MAGIC = (
    (b"PK\x03\x04", "an Excel or zip file; open it and save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file; open it and save the table as CSV"),
    (b"\x1f\x8b", "a compressed (gzip) file; unpack it first"),
    (b"BZh", "a compressed (bzip2) file; unpack it first"),
    (b"\xfd7zXZ", "a compressed (xz) file; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a compressed (zstd) file; unpack it first"),
    (b"7z\xbc\xaf", "a compressed (7z) file; unpack it first"),
    (b"Rar!\x1a", "a compressed (rar) file; unpack it first"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"%PDF", "a PDF document; export the table as CSV"),
    (b"PAR1\x15", "a Parquet file; export the table as CSV"),
    (b"ARROW1\0", "an Arrow file; export the table as CSV"),
    (b"SQLite format 3", "a SQLite database; export a table as CSV"),
)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_COMMA_DECIMAL = re.compile(r"[+-]?\d*,\d+")
_POINT_DECIMAL = re.compile(r"[+-]?\d*\.\d+")
_POINT_GROUPS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_COMMA_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
# The letters beyond ASCII of languages, the most frequent first, by the old encoding they were written in. Where two
# read a file equally well, the upper one wins; Turkish comes first, because latin-1 would read it wrongly. Of the 102
# files of tests/legacy_files.py this reads 100 right, charset-normalizer 3.5 between 54 and 76.
_LETTERS = (
    ("cp1254", ("ıüşçğöİŞÇÖÜĞâîû",)),
    (
        "cp1252",
        (
            "éèàêçùâîôûëïœÉÈÀÇüÊÂÎÔÿæ",
            "áéíóñúüÁÉÍÓÑÚ¿¡ªº",
            "ãçéáóíêõâàúôÃÇÉÁÓÍÊÕÂÀÚ",
            "üäößÄÖÜé",
            "àèéìòùÀÈÉÌÒÙ",
            "åäöéÅÄÖ",
            "æøåÆØÅé",
            "ëïéèöüËÏ",
            "ðáíóþæöéúýÐÁÍÓÞÆÖÉÚÝ",
            "àçèéíïòóúü·",
        ),
    ),
    (
        "cp1250",
        (
            "łążęóśćńźŁĄŻĘÓŚĆŃŹ",
            "íáéěřčžýůšúťňďóŘČŽŠÚÁÍÉ",
            "áéőöóíüúűÁÉŐÖÓÍÜÚŰ",
            "čšžćđČŠŽĆĐ",
            "ăîâşţĂÎÂŞŢ",
            "áíčžýéšľúťôňäďóĺŕČŽŠĽÁÚ",
        ),
    ),
    ("iso-8859-2", ("łążęóśćńźŁĄŻĘÓŚĆŃŹ", "íáéěřčžýůšúťňďóŘČŽŠÚÁÍÉ", "čšžćđČŠŽĆĐ")),
    ("cp1251", ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґОЕАИНТСРВЛКМДПУЯЫЬГЗБЧЙХЖШЮЦЩЭФЪЁІЇЄҐ",)),
    ("cp1253", ("αοιετσνηυρπκμλςίόάήωέύδγχθφβώξζψϊϋΐΰΑΟΙΕΤΣΝΗΥΡΠΚΜΛΩΔΓΧΘΦΒΞΖΨΆΈΉΊΌΎΏ",)),
    ("cp1255", ("יוהלאתרבמשנדםקחעצפטגכסזךןץף",)),
    ("cp1256", ("اليمونترةبدعسفهقكحجشصطخذضثزغىئءأإؤآظ",)),
    ("cp1257", ("šėžųįąūčęŠŽČĖŪ", "āīēšūņļžģķčĀŠŪŽĢĶ", "õäöüšžÕÄÖÜŠŽ")),
)
_OWN_SCRIPT = ("cp1251", "cp1253", "cp1255", "cp1256")
_SIGNS = frozenset("€‚„…‰‹›‘’“”•–—™«»°±²³·½¼¾§©®£×\xa0µ")
_FREQUENT = 12
MANY_LETTERS = 50


@dataclass(frozen=True, slots=True)
class Source:
    """A file that was looked at and can be read."""

    path: Path
    dialect: Dialect
    names: tuple[str, ...]
    written_names: tuple[str, ...]
    notices: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one pass over the bytes tells."""

    size: int
    ascii_only: bool
    utf8: bool
    odd_quotes: bool
    strange: Counter[int]
    strange_sample: bytes
    whole_letters: int

    @property
    def nearly_utf8(self) -> bool:
        """UTF-8 with a few broken bytes; any other encoding would spoil all the letters that are whole."""
        if not self.utf8 and self.whole_letters >= MANY_LETTERS:
            return True
        text = "" if self.utf8 else self.strange_sample.decode("utf-8", "replace")
        broken = text.count("\ufffd")
        return 0 < broken * 10 < sum(not sign.isascii() for sign in text)


def notice(text: str, column: str | None = None, level: str = "info") -> dict[str, Any]:
    return {"level": level, "column": column, "text": text}


def inspect(path: Path, overrides: Mapping[str, Any] | None = None) -> Source:
    """Find out how a file is written, or refuse it; `overrides` decides what it names."""
    chosen = read_overrides(overrides or {})
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    _refuse_other_formats(head)
    scan = _scan(path, utf16=_utf16(head, chosen))
    notices: list[dict[str, Any]] = []
    if "encoding" not in chosen and scan.nearly_utf8:
        explain(path, Dialect())
    encoding = chosen.get("encoding") or _encoding(head, scan, notices)
    text = _decode_head(head, encoding, whole=scan.size <= len(head))
    _refuse_other_texts(text)
    delimiter = chosen.get("delimiter") or _delimiter(text)
    rows = _sample_rows(text, delimiter, whole=scan.size <= len(head))
    if not rows:
        raise Refused("The file is empty.", "file")
    decimal, thousands = _marks(rows, delimiter, chosen)
    if thousands and "thousands" not in chosen:
        notices.append(
            notice(
                f"Numbers such as 1{thousands}234 were read as 1234; if they have decimals instead, "
                "choose another decimal mark."
            )
        )
    dialect = Dialect(
        encoding, delimiter, decimal, thousands, chosen.get("header", _has_header(rows)), chosen.get("day_first")
    )
    written, names = _names(rows[0], dialect.header, notices)
    if scan.odd_quotes:
        explain(path, dialect)
    return Source(path, dialect, names, written, tuple(notices))


def reopen(path: Path, dialect: Mapping[str, Any]) -> Source:
    """A file whose dialect is known already."""
    known = Dialect(**read_overrides(dialect))
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    whole = len(head) < SAMPLE
    rows = _sample_rows(_decode_head(head, known.encoding, whole=whole), known.delimiter, whole=whole, most=1)
    if not rows:
        raise Refused("The file is empty.", "file")
    written, names = _names(rows[0], known.header, [])
    return Source(path, known, names, written)


def batches(source: Source, told: Told = lambda _bytes: None) -> Iterator[pa.RecordBatch]:
    """The rows, every cell as text, empty ones as null; a badly built file is refused with its line, and `told` hears
    how far the search for that is."""
    count = len(source.names)
    keys = [str(position) for position in range(count)]
    skip = source.dialect.header
    stream = _WholeEnds(source)
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(stream, "r"),
            read_options=arrow_csv.ReadOptions(column_names=keys, block_size=BLOCK),
            parse_options=arrow_csv.ParseOptions(delimiter=source.dialect.delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(keys, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in reader:
            if skip:
                batch, skip = batch.slice(1), False
            if batch.num_rows:
                _refuse_long_fields(batch, source, told)
                yield batch
    except (pa.ArrowInvalid, UnicodeError) as error:
        explain(source.path, source.dialect, told)
        raise Refused(f"The file cannot be read: {str(error).splitlines()[0][:200]}.", "file") from None
    finally:
        stream.close()


class _WholeEnds:
    """A file's bytes in UTF-8. No part ends between the two signs of a line end: the reader would drop the second one
    even inside a quoted text."""

    closed = False

    def __init__(self, source: Source) -> None:
        self._stream = source.path.open("rb")
        encoding = source.dialect.encoding
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._held = b""

    def read(self, size: int) -> bytes:
        part = self._stream.read(size)
        found = self._held + (self._decoder.decode(part, not part).encode() if self._decoder else part)
        self._held = b"\r" if part and found.endswith(b"\r") else b""
        return found.removesuffix(self._held) or (self.read(size) if part else b"")

    def close(self) -> None:
        self._stream.close()


def explain(path: Path, dialect: Dialect, told: Told = lambda _bytes: None) -> None:
    """Read slowly, only to say in which line a file is wrong; returns when nothing is."""
    csv.field_size_limit(LONGEST_FIELD)
    width, first, last = 0, 1, 0
    with path.open("rb") as raw, io.TextIOWrapper(raw, _python_encoding(dialect.encoding), newline="") as stream:
        reader = csv.reader(chain(_unified_lines(stream), [_END]), delimiter=dialect.delimiter)
        try:
            for row in reader:
                first, last = last + 1, reader.line_num
                if row == [_END]:
                    return
                if not first % TOLD_LINES:
                    told(raw.tell())
                width = width or len(row)
                if row and row[-1].endswith(_END):
                    raise Refused(f"A quotation mark that opens in line {first} is never closed.", "file")
                if row and len(row) != width:
                    raise Refused(_width_words(first, row, width, dialect), "file")
                if sum(map(len, row)) * 4 > BLOCK and len("".join(row).encode()) > BLOCK:
                    raise Refused(f"Line {first} is longer than {BLOCK >> 20} MB; make its texts shorter.", "file")
        except UnicodeError as error:
            raise Refused(
                f"Line {_undecodable_line(path, dialect.encoding):,} has bytes that are not "
                f"{dialect.encoding} text{_bad_byte(error)}; choose another encoding.",
                "encoding",
            ) from None
        except csv.Error:
            raise Refused(
                f"Line {last + 1} has a field longer than 1 MB; a quotation mark that opens there may never be closed.",
                "file",
            ) from None


def _width_words(line: int, row: list[str], expected: int, dialect: Dialect) -> str:
    got = len(row)
    more = "more" if got > expected else "fewer"
    fields = "1 field" if got == 1 else f"{got:,} fields"
    words = f"Line {line} has {fields}, {more} than the {expected:,} of the first line"
    if expected == 1:
        return f"{words}; remove any lines above the column names."
    if got > expected and dialect.delimiter == ",":
        return f"{words}; a text with a comma in it must be in quotation marks."
    return f"{words}."


def _unified_lines(stream: io.TextIOBase) -> Iterator[str]:
    """Lines, whichever of the three line ends the file uses."""
    for line in stream:
        if "\r" in line.rstrip("\r\n"):
            yield from line.splitlines(keepends=True)
        else:
            yield line


def _undecodable_line(path: Path, encoding: str) -> int:
    decoder = codecs.getincrementaldecoder(_python_encoding(encoding))()
    with path.open("rb") as stream:
        return next((number for number, line in enumerate(stream, start=1) if not _decodes(decoder, line)), 1)


def _bad_byte(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f" (0x{error.object[error.start]:02x})"
    return ""


def _refuse_long_fields(batch: pa.RecordBatch, source: Source, told: Told) -> None:
    if batch.nbytes <= LONGEST_FIELD:
        return
    for position, column in enumerate(batch.columns):
        if column.nbytes > LONGEST_FIELD and (pc.max(pc.utf8_length(column)).as_py() or 0) > LONGEST_FIELD:
            explain(source.path, source.dialect, told)
            raise Refused(
                f"A field in column {source.names[position]} is longer than 1 MB; a quotation mark may be missing.",
                "file",
            )


def _refuse_other_formats(head: bytes) -> None:
    if not head.strip(b"\r\n\t \xef\xbb\xbf"):
        raise Refused(
            "The file is empty." if len(head) < SAMPLE else "The file begins with very many empty lines; remove them.",
            "file",
        )
    for magic, words in _MAGIC:
        if head.startswith(magic):
            raise Refused(f"This is not a CSV file but {words}.", "file")


def _refuse_other_texts(text: str) -> None:
    start = text.lstrip()[:400]
    if re.match(r"<(!doctype|html|head|body|\?xml)", start, re.IGNORECASE):
        kind = "an XML file" if start.startswith("<?xml") and "<html" not in start.casefold() else "a web page"
        raise Refused(f"This is not a CSV file but {kind}; the link may lead to a login page.", "file")
    if re.match(r"[\[{]\s*([\[{\"\]}]|-?\d+\s*,\s*$)", start):
        raise Refused("This is not a CSV file but JSON; export the table as CSV.", "file")


def _utf16(head: bytes, chosen: Mapping[str, Any]) -> bool:
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or chosen.get("encoding") == "utf-16"


def _scan(path: Path, utf16: bool) -> _Scan:
    """Look at every byte once, quickly."""
    ascii_only, utf8, quotes, size, whole_letters = True, True, 0, 0, 0
    strange: Counter[int] = Counter()
    sample = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            quotes += chunk.count(b'"')
            if (zero := _zero(chunk, utf16)) is not None:
                raise Refused(
                    f"The file holds binary data (a zero byte at position {size + zero + 1:,}); it is not a CSV file.",
                    "file",
                )
            size += len(chunk)
            if utf16 or (ascii_only and chunk.isascii()):
                continue
            ascii_only = False
            if utf8:
                letters, utf8 = _letters(decoder, chunk)
                whole_letters += letters
            if not utf8 and len(sample) < SAMPLE:
                strange.update(byte for byte in chunk if byte >= 0x80)
                sample += b"\n".join(line for line in chunk.splitlines() if not line.isascii())[:SAMPLE]
    if utf8 and not ascii_only and not utf16:
        utf8 = _decodes(decoder, b"", final=True)
    return _Scan(size, ascii_only, utf8, quotes % 2 == 1, strange, sample, whole_letters)


def _zero(chunk: bytes, utf16: bool) -> int | None:
    """Where there is a zero, which no text has."""
    if not utf16:
        return chunk.index(0) if b"\0" in chunk else None
    zeros = np.flatnonzero(np.frombuffer(chunk, np.uint16, len(chunk) // 2) == 0)
    return int(zeros[0]) * 2 if len(zeros) else None


def _letters(decoder: codecs.IncrementalDecoder, chunk: bytes) -> tuple[int, bool]:
    """How many letters beyond ASCII there are before the first broken byte, and whether none is broken."""
    try:
        text, whole = decoder.decode(chunk), True
    except UnicodeDecodeError as error:
        text, whole = bytes(error.object[: error.start]).decode(), False
    return len(text.encode()) - len(text), whole


def _decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeError:
        return False
    return True


def _encoding(head: bytes, scan: _Scan, notices: list[dict[str, Any]]) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if scan.utf8:
        return "utf-8"
    found = _old_encoding(scan)
    words = "Turkish (cp1254)" if found == "cp1254" else found
    notices.append(
        notice(f"The file is not UTF-8; it was read as {words}. If letters look wrong, choose another encoding.")
    )
    return found


def _old_encoding(scan: _Scan) -> str:
    """The likeliest encoding of bytes that are not UTF-8: the one in which they are letters of one language."""
    runs = re.findall(rb"[\x80-\xff]+", scan.strange_sample)
    whole_words = sum(map(len, runs)) >= 2 * len(runs)  # nothing but such letters, as in a script of one's own
    scored = [
        (max(_likeness(scan.strange, encoding, letters) for letters in languages), encoding)
        for encoding, languages in _LETTERS
        if whole_words or encoding not in _OWN_SCRIPT
    ]
    best, encoding = max(scored, key=lambda each: each[0])
    if best and encoding != "cp1252":
        return encoding
    windows = any(0x80 <= byte < 0xA0 for byte in scan.strange)
    return "cp1252" if windows and _readable(scan.strange_sample, "cp1252") else "latin-1"


def _likeness(strange: Counter[int], encoding: str, letters: str) -> float:
    """How well strange bytes read as a language: its frequent letters count most, signs a little, others against it."""
    found = 0.0
    for byte, count in strange.items():
        sign = bytes([byte]).decode(encoding, "replace")
        if sign in letters:
            found += count * (1.25 if sign in letters[:_FREQUENT] else 1.0)
        elif sign not in _SIGNS:
            found -= count
    return round(found, 6)


def _readable(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decode_head(head: bytes, encoding: str, whole: bool) -> str:
    decoder = codecs.getincrementaldecoder(_python_encoding(encoding))()
    try:
        return decoder.decode(head, final=whole).lstrip("\ufeff")
    except UnicodeError:
        raise Refused(f"The file is not {encoding} text; choose another encoding.", "encoding") from None


def _python_encoding(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _sample_rows(text: str, delimiter: str, whole: bool, most: int = 2_000) -> list[list[str]]:
    """The first rows, blank lines and a possibly cut last line left out."""
    csv.field_size_limit(LONGEST_FIELD)
    lines = _unified_lines(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                rows.append(row)
            if len(rows) > most:
                return rows[:most]
    except csv.Error:
        if not rows:
            raise Refused("The first line is longer than 1 MB; this does not look like a CSV file.", "file") from None
        return rows
    return rows if whole or len(rows) < 2 else rows[:-1]


def _delimiter(text: str) -> str:
    """The sign that cuts the first lines into the same number of fields, more than one."""
    best, best_score = ",", (0.0, 0)
    whole = len(text) < 1 << 16
    for sign in DELIMITERS:
        try:
            rows = _sample_rows(text[: 1 << 16], sign, whole)
        except Refused:
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


def _marks(rows: list[list[str]], delimiter: str, chosen: Mapping[str, Any]) -> tuple[str, str]:
    """Decimal and thousands marks."""
    stride = max(1, min(MARKED_ROWS * len(rows[0]) // MARKED_CELLS, MARKED_ROWS // 25))
    cells = [
        cell.strip()
        for row in rows[1 : MARKED_ROWS + 1 : stride]
        for cell in row
        if cell[-1:].isdigit() or cell[-1:] == " "
    ]
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
        raise Refused("The decimal mark and the thousands mark must differ.", "dialect")
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


def _has_header(rows: list[list[str]]) -> bool:
    """A first row of nothing but numbers is data."""
    return not (len(rows) > 1 and all(_NUMBER.fullmatch(cell.strip()) for cell in rows[0]))


def _names(first: list[str], header: bool, notices: list[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Column names as pandas would write them, and as used here: trimmed, none blank, none twice."""
    if len(first) > MOST_COLUMNS:
        raise Refused(f"The file has {len(first):,} columns; at most {MOST_COLUMNS:,} are allowed.", "file")
    if not header:
        notices.append(notice("The first line holds only numbers, so columns were named column_1, column_2, ..."))
        numbered = tuple(f"column_{position}" for position in range(1, len(first) + 1))
        return numbered, numbered
    written, names = _unique_names(first), []
    used: set[str] = set()
    others = set(written)
    for position, name in enumerate(first, start=1):
        clean = " ".join(name.replace("\ufeff", "").split())[:200]
        if not clean:
            clean = f"column_{position}"
            notices.append(notice(f"Column {position} has no name; it is called {clean}.", clean))
        # Nor the name another column has in the file: a model renames the file's columns to these.
        final = _free_name(clean, used | (others - {written[position - 1]}))
        if final != clean:
            notices.append(
                notice(f"There is more than one column {clean}; column {position} is called {final}.", final, "warning")
            )
        used.add(final)
        names.append(final)
    return tuple(written), tuple(names)


def _unique_names(first: list[str]) -> list[str]:
    """The names pandas.read_csv would give."""
    used: set[str] = set()
    found = []
    for position, name in enumerate(first):
        found.append(_free_name(name or f"Unnamed: {position}", used))
        used.add(found[-1])
    return found


def _free_name(name: str, used: set[str]) -> str:
    found, number = name, 0
    while found in used:
        number += 1
        found = f"{name}.{number}"
    return found
