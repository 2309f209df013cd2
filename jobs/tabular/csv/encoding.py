"""Encodings: one pass over the bytes of a file, and the encoding that they are most likely in."""

import codecs
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from jobs.tabular.csv.dialect import Overrides
from jobs.tabular.csv.lines import SAMPLE, Stream
from store.errors import RequestError
from store.messages import Message, Notice

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
class Scan:
    """What one pass over all bytes of a file shows."""

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


def is_utf16(head: bytes, chosen: Overrides) -> bool:
    """Return whether a file is to be read as UTF-16."""
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or chosen.get("encoding") == "utf-16"


def scan_bytes(stream: Stream, utf16: bool) -> Scan:
    """Read every byte once; refuse zero bytes, which no text has."""
    ascii_only, utf8, quotes, size, whole_letters = True, True, 0, 0, 0
    strange: Counter[int] = Counter()
    sample = b""
    decoder = codecs.getincrementaldecoder("utf-8")()
    while chunk := stream.read(1 << 20):
        quotes += chunk.count(b'"')
        if (zero := _zero(chunk, utf16)) is not None:
            raise RequestError(
                Message("file_is_binary", {"position": size + zero + 1}),
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
        utf8 = decodes(decoder, b"", final=True)
    return Scan(size, ascii_only, utf8, quotes % 2 == 1, strange, sample, whole_letters)


def _zero(chunk: bytes, utf16: bool) -> int | None:
    """Return the position of the first zero, which no text has."""
    if not utf16:
        return chunk.index(0) if b"\0" in chunk else None
    zeros = np.flatnonzero(np.frombuffer(chunk, np.uint16, len(chunk) // 2) == 0)
    return int(zeros[0]) * 2 if len(zeros) else None


def _letters(decoder: codecs.IncrementalDecoder, chunk: bytes) -> tuple[int, bool]:
    """Return how many letters beyond ASCII stand before the first broken byte, and whether none is broken."""
    try:
        text, whole = decoder.decode(chunk), True
    except UnicodeDecodeError as error:
        text, whole = bytes(error.object[: error.start]).decode(), False
    return len(text.encode()) - len(text), whole


def decodes(decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False) -> bool:
    """Return whether the next bytes can be decoded."""
    try:
        decoder.decode(chunk, final)
    except UnicodeError:
        return False
    return True


def detect(head: bytes, scan: Scan, notices: list[Notice]) -> str:
    """Return the encoding of a file; one that had to be guessed leaves a notice."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if scan.utf8:
        return "utf-8"
    encoding = _old_encoding(scan)
    notices.append(Notice(Message("not_utf8", {"encoding": "Turkish (cp1254)" if encoding == "cp1254" else encoding})))
    return encoding


def _old_encoding(scan: Scan) -> str:
    """Return the likeliest encoding of bytes that are not UTF-8: the one in which they are letters of one language."""
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
    """Return how well the bytes read as a language: its frequent letters count most, signs not, others against it."""
    likeness = 0.0
    for byte, count in strange.items():
        sign = bytes([byte]).decode(encoding, "replace")
        if sign in letters:
            likeness += count * (1.25 if sign in letters[:_FREQUENT] else 1.0)
        elif sign not in _SIGNS:
            likeness -= count
    return round(likeness, 6)


def _readable(sample: bytes, encoding: str) -> bool:
    try:
        sample.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def decode_head(head: bytes, encoding: str, whole: bool) -> str:
    """Return the first bytes as text; a letter that is cut off is left out unless the head is the whole file."""
    decoder = codecs.getincrementaldecoder(python_encoding(encoding))()
    try:
        return decoder.decode(head, final=whole).lstrip("\ufeff")
    except UnicodeError:
        raise RequestError(Message("encoding_wrong", {"encoding": encoding}), "encoding") from None


def python_encoding(encoding: str) -> str:
    """Return the name of the codec that reads a file from its begin: a mark of UTF-8 is no letter."""
    return "utf-8-sig" if encoding == "utf-8" else encoding
