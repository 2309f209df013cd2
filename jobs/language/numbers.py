"""Numbers, sizes, times and dates as people of a language write them: the one home of their form.

What is written is English unless `speaking` says otherwise, or the function given to `listen_to` does, as pages do for
their visitor. Commands and answers of the API are English always.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

NONE = "–"
_TYPED = re.compile(r"(?P<sign>[+-]?)(?P<digits>[\d.,'’]*\d[.,]?)(?P<exponent>[eE][+-]?\d{1,3})?", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?P<mark>[.,'])\d{3}(?:(?P=mark)\d{3})*", re.ASCII)
SPACE = "\u202f"  # narrow, and no line breaks there


@dataclass(frozen=True, slots=True)
class Language:
    """How numbers and dates are written; without names of months, dates are 2026-11-21."""

    code: str = "en"
    decimal: str = "."
    thousands: str = ","
    months: tuple[str, ...] = ()


def _language(code: str, decimal: str, thousands: str, months: str = "") -> Language:
    return Language(code, decimal, thousands, tuple(months.split()))


ENGLISH = _language("en", ".", ",", "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
KNOWN = {
    each.code: each
    for each in (
        ENGLISH,
        _language("tr", ",", ".", "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara"),
        _language("de", ",", ".", "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        _language("de-ch", ".", "’", "Jan. Feb. März Apr. Mai Juni Juli Aug. Sept. Okt. Nov. Dez."),
        _language("fr", ",", SPACE, "janv. févr. mars avr. mai juin juil. août sept. oct. nov. déc."),
        _language("es", ",", ".", "ene feb mar abr may jun jul ago sept oct nov dic"),
        _language("es-mx", ".", ",", "ene feb mar abr may jun jul ago sept oct nov dic"),
        _language("it", ",", ".", "gen feb mar apr mag giu lug ago set ott nov dic"),
        _language("pt", ",", ".", "jan. fev. mar. abr. mai. jun. jul. ago. set. out. nov. dez."),
        _language("nl", ",", ".", "jan feb mrt apr mei jun jul aug sep okt nov dec"),
        _language("sv", ",", SPACE, "jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec."),
        _language("da", ",", ".", "jan. feb. mar. apr. maj jun. jul. aug. sep. okt. nov. dec."),
        _language("nb", ",", SPACE, "jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des."),
        _language("pl", ",", SPACE, "sty lut mar kwi maj cze lip sie wrz paź lis gru"),
        *(_language(code, ",", SPACE) for code in ("ru", "uk", "bg", "cs", "sk", "fi", "hu", "lt", "lv", "et")),
        *(_language(code, ",", ".") for code in ("el", "ro", "hr", "sl", "sr", "id", "vi", "az")),
        *(_language(code, ".", ",") for code in ("ja", "ko", "zh", "he", "th", "hi")),
    )
}

_speaking: ContextVar[Language | None] = ContextVar("speaking", default=None)
_heard: list[Callable[[], str | None]] = []


def listen_to(find: Callable[[], str | None]) -> None:
    """Have a function say the language, such as tr-TR, of whom is spoken to; None where it does not know."""
    _heard[:] = [find]


@contextmanager
def speaking(tag: str | None) -> Iterator[None]:
    """Write in this language, whoever is spoken to."""
    before = _speaking.set(language(tag))
    try:
        yield
    finally:
        _speaking.reset(before)


def current() -> Language:
    """The language that is written now."""
    if (chosen := _speaking.get()) is not None:
        return chosen
    return language(_heard[0]()) if _heard else ENGLISH


@lru_cache(maxsize=200)
def language(tag: str | None) -> Language:
    """The language of a tag such as tr-TR or de_CH.UTF-8; English where it is not known."""
    parts = (tag or "").replace("_", "-").partition(".")[0].lower().split("-")
    whole = "-".join(parts[:2])
    return KNOWN.get(whole) or KNOWN.get({"no": "nb", "nn": "nb"}.get(parts[0], parts[0])) or ENGLISH


def local(text: str) -> str:
    """A number that Python wrote with commas and a point, such as 1,234.5, as this language writes it."""
    here = current()
    if here is ENGLISH:
        return text
    return text.translate({ord(","): here.thousands, ord("."): here.decimal})


def day(of: date | datetime) -> str:
    """21 Nov 2026, 21 Kas 2026."""
    months = current().months
    return f"{of.day} {months[of.month - 1]} {of.year}" if months else f"{of:%Y-%m-%d}"


def day_and_month(of: date | datetime) -> str:
    """21 Nov, 21 Kas."""
    months = current().months
    return f"{of.day} {months[of.month - 1]}" if months else f"{of:%m-%d}"


def moment(of: datetime) -> str:
    """21 Nov 2026 14:02:05, as the clock of its own zone shows it."""
    return f"{day(of)} {of:%H:%M:%S}"


def duration(seconds: float | None) -> str:
    """18 ms, 0.4 s, 12 s, 3 m 20 s, 2 h 5 m."""
    if seconds is None:
        return NONE
    if 0 < seconds < 0.1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{local(f'{seconds:.1f}')} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60} s"
    return f"{local(f'{whole // 3600:,}')} h {whole % 3600 // 60} m"


def count(number: float | None, word: str = "", several: str = "") -> str:
    """12,400 rows; `several` for words whose plural is not made with an s."""
    if number is None:
        return NONE
    digits = local(f"{number:,.0f}")
    if not word:
        return digits
    return f"{digits} {word}" if number == 1 else f"{digits} {several or word + 's'}"


def fixed(value: float, digits: int) -> str:
    """1,234.5, with so many digits."""
    return local(f"{value:,.{digits}f}")


def percent(share: float | None, digits: int = 1) -> str:
    """93.4 %."""
    return NONE if share is None else f"{local(f'{share * 100:.{digits}f}')} %"


def number(value: float | None) -> str:
    """A number with about four sensible digits."""
    if value is None:
        return NONE
    if value != value:
        return "not a number"
    if abs(value) >= 1000:
        return local(f"{value:,.0f}")
    if 1e-9 <= abs(value) < 1e-3:
        return local(f"{value:.12f}".rstrip("0"))
    return local(f"{value:.4g}")


def exact(value: float) -> str:
    """A number with all its digits, up to twelve: 1,234.56."""
    return local(f"{value:,.12g}")


def read(text: str) -> float:
    """The number that a person typed, with a comma or a point before the decimals; ValueError where it is none.

    Of two kinds of marks the last stands before the decimals; one that comes twice groups thousands. A single mark
    before three digits can be either: then it is what it is in this language."""
    found = _TYPED.fullmatch("".join(text.split()).replace("−", "-"))
    if not found:
        raise ValueError(f"no number: {text}")
    sign, digits, exponent = found["sign"], found["digits"].replace("’", "'"), found["exponent"] or ""
    marks = [each for each in digits if not each.isdigit()]
    decimal = marks[-1] if marks and marks.count(marks[-1]) == 1 and marks[-1] != "'" else ""
    if len(marks) == 1 and decimal and _GROUPED.fullmatch(digits) and decimal == current().thousands:
        decimal = ""
    whole, _, part = digits.partition(decimal) if decimal else (digits, "", "")
    if not _GROUPED.fullmatch(whole) and not whole.isdigit() and whole:
        raise ValueError(f"no number: {text}")
    return float(f"{sign}{''.join(filter(str.isdigit, whole)) or '0'}.{part or '0'}{exponent}")


def value(of: object) -> str:
    """The value of a setting: on, 0.01, a list of names, or none."""
    if of is None:
        return NONE
    if isinstance(of, bool):
        return "on" if of else "off"
    if isinstance(of, list | tuple):
        return ", ".join(map(str, of))
    if isinstance(of, dict):
        return ", ".join(f"{name}: {each}" for name, each in of.items())
    return number(of) if isinstance(of, float) else str(of)


def size(number_of_bytes: float | None) -> str:
    """512 B, 32 kB, 1.2 MB; units are powers of ten."""
    if number_of_bytes is None:
        return NONE
    for length, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number_of_bytes >= length:
            return f"{local(f'{number_of_bytes / length:,.1f}'.removesuffix('.0'))} {unit}"
    return f"{local(f'{number_of_bytes:g}')} B"


def score(value: float | None, share: bool) -> str:
    """A score in its own unit: shares as percent, the rest as numbers."""
    if share:
        return percent(value)
    return NONE if value is None else local(f"{value:.3f}") if abs(value) < 10 else number(value)


def change(value: float, share: bool) -> str:
    """How much a score differs from another: +2.1 percentage points, or +0.021."""
    if not value:
        return "same"
    if share:
        return local(f"{value * 100:+.1f}")
    return local(f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3f}")
