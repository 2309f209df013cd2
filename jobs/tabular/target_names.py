"""What the name of a column says of it: whether it is what is to be predicted, in English and Turkish.

Words are written as `_folded` makes them: small, without the marks of Turkish letters. Without any library.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from jobs.tabular.column import Column
from jobs.tabular.limits import MOST_CLASSES

# Two claims that differ by less are rivals: neither of the columns is proposed for its name alone.
MARGIN = 10
# A column is proposed for a claim of at least this much; for less it is a candidate.
SURE = 60
_FAINTLY = 55
# Names of labels claim at least this much, names of amounts less.
LABEL = 85
# An event has few outcomes: it happened or not, or how.
MOST_OUTCOMES = 10


@dataclass(frozen=True, slots=True)
class _Family:
    """Words of one kind, what they claim as the whole name and as a part of it, and which columns they can name."""

    words: frozenset[str]
    whole: int
    part: int
    fits: Callable[[Column], bool]
    # Whether a word also counts at the beginning of a longer name: default payment next month.
    leading: bool = False
    # The most they claim of a column that is not the last one of numbers.
    before_others: int = 110


def _words(text: str) -> frozenset[str]:
    """Return words, or names of several words with + between them."""
    return frozenset(word.replace("+", " ") for word in text.split())


def _any(column: Column) -> bool:
    return column.kind == "number" or 2 <= column.classes <= MOST_CLASSES


def _label(column: Column) -> bool:
    return 2 <= column.classes <= MOST_CLASSES


def _outcome(column: Column) -> bool:
    return 2 <= column.classes <= MOST_OUTCOMES


def _amount(column: Column) -> bool:
    return column.kind in ("number", "yes_no")


_TARGETS = _words(
    "target label labels outcome response output y ground+truth groundtruth dependent+variable target+variable"
    " class+label hedef etiket cikti hedef+degisken bagimli+degisken"
)
_EVENTS = _words(
    "churn churned attrition exited left leave+or+not survived survival+status default defaulted defaulter fraud"
    " fraudulent spam is+spam phishing malware anomaly intrusion attack readmitted readmission cancelled canceled"
    " converted conversion purchase delay defect defects clicked click purchased bought subscribed deposit approved"
    " approval accepted rejected granted hired promoted placed deceased died death dead mortality death+event"
    " malignant diagnosis diagnosed poisonous edible transported potability creditability bankrupt bankruptcy"
    " insolvent failure failed infected recurrence recurred relapse chd cvd cardio won winner rain+tomorrow"
    " raintomorrow loan+status claim+status customer+status credit+risk risk risk+flag delinquent delinquency"
    " not+fully+paid serious+dlqin2yrs returned retained renewed dropout passed admitted graduated delayed occupancy"
    " occupied counterfeit alarm reached+on+time+y+n reached+on+time ayrildi ayrilan ayrilma isten+ayrildi terk"
    " terk+etti musteri+kaybi iptal iptal+edildi iptal+etti odenmedi odemedi temerrut batik batti iflas dolandirici"
    " dolandiricilik sahte hileli hayatta+kaldi yasiyor vefat oldu onay onaylandi onaylanma kabul kabul+edildi"
    " reddedildi satin+aldi tikladi donusum gecti kaldi basarili abone abone+oldu teshis tani hasta riskli ariza"
    " arizali yenilendi yeniledi iade iade+edildi kredi+durumu odeme+durumu siparis+durumu basvuru+sonucu"
    " kredi+sonucu"
)
# A whole table may be about health, and have several of them beside the one that is asked about.
_ILLNESSES = _words(
    "stroke diabetes diabetic cancer disease heartdisease tumor kanser diyabet felc hastalik hastaligi kalp+hastaligi"
)
_KINDS = _words(
    "class species quality sentiment result decision verdict severity satisfaction classification acceptability"
    " price+range class+type cover+type fetal+health direction nobeyesdad nobesity drug emotion sinif sinifi kalite"
    " kalitesi duygu sonuc sonucu karar karari memnuniyet siddet siddeti"
)
_WEAK_KINDS = _words("status variety durum durumu")
_TWO_INCOMES = _words("income salary gelir maas wage")
_AMOUNTS = _words(
    "price salary wage wages rent sales revenue profit msrp charges cost costs medv mpg cnt count demand consumption"
    " yield rings strength emissions emission expectancy tip fare fare+amount trip+duration purchase points prc g3"
    " chance+of+admit house+price selling+price sale+price saleprice fiyat fiyati maas maasi ucret ucreti kira kirasi"
    " satis satisi satislar satislari ciro cirosu hasilat kar kari maliyet maliyeti talep talebi tuketim tuketimi"
    " verim verimi tutar tutari bedel bedeli satis+fiyati satis+tutari"
)
_VALUES = _words("value val score rating deger degeri miktar miktari skor skoru puan puani not notu")
# Many other columns are called so, too: these are only ever candidates.
_FAINT = _words(
    "type category group num condition segment segmentation activity weather genre kind total amount grade duration"
    " delay calories load volume tur turu tip tipi kategori kategorisi grup grubu kosul aktivite segmenti toplam"
    " toplami sure suresi adet adedi kalori"
)

_FAMILIES = (
    _Family(_TARGETS, 110, 100, _any, leading=True),
    _Family(_EVENTS, 100, 90, _outcome, leading=True),
    _Family(_ILLNESSES, 85, 85, _outcome, leading=True),
    _Family(_KINDS, 90, 80, _label),
    _Family(_WEAK_KINDS, 85, 0, _label),
    _Family(_TWO_INCOMES, 90, 0, lambda column: column.kind != "number" and column.classes == 2),
    _Family(_AMOUNTS, 80, 70, _amount),
    _Family(_words("value market+value deger degeri"), 80, 0, _amount),
    _Family(_VALUES, 75, 60, _amount, before_others=_FAINTLY),
    _Family(_FAINT, _FAINTLY, _FAINTLY, _any),
)
# As a part of a longer name these say little: passenger class, page count, the left eye, a pass of risk.
_WEAK_PARTS = _words("class count sinif sinifi")
_WHOLE_ONLY = _words("y left leave tip g3 cnt not kar hasta oldu onay kabul deposit medv mpg rings output cardio click")
# What happened before, or more about what happened, is not what is asked.
_BEFORE = _words("previous prev past prior history historical hist flagged ever family onceki gecmis eski aile")
_ABOUT = _words(
    "reason category score date time type id code count amount rate name by probability day days neden nedeni sebep"
    " sebebi tarih tarihi tur turu no kodu sayisi orani gun gunu"
)
_ASKING = frozenset({"is", "has", "was", "did", "will", "flag"})
# Currencies and other units at the end of a name.
_UNITS = _words("in usd eur euro euros gbp inr try tl lira dollar dollars thousand thousands bin k")
_PARTICLES = frozenset({"mi", "mu"})
_QUESTION = 85
_FOLDED = str.maketrans("ıİşŞğĞüÜöÖçÇâÂîÎ", "iissgguuooccaaii")
_BRACKETS = re.compile(r"[(\[{][^)\]}]*[)\]}]")
_HUMP = re.compile(r"(?<=[a-zçğıöşü0-9])(?=[A-ZÇĞİÖŞÜ])|(?<=[A-ZÇĞİÖŞÜ])(?=[A-ZÇĞİÖŞÜ][a-zçğıöşü])")


def claims(columns: Sequence[Column], usable: Sequence[Column]) -> dict[str, int]:
    """Return how much the name of each usable column claims to be the target; those that claim nothing are left out."""
    names = {_folded(column.name) for column in columns}
    numbers = [column for column in usable if column.kind == "number"]
    found = {column.name: _claim(column, column in numbers[-1:], names) for column in usable}
    return {name: claim for name, claim in found.items() if claim}


def _claim(column: Column, is_last_number: bool, names: Collection[str]) -> int:
    parts, asks = _parts(column.name)
    if not parts or _BEFORE & set(parts) or (parts == ["y"] and _is_place(names)):
        return 0
    claimed = [
        min(_of_family(family, parts), family.whole if is_last_number else family.before_others)
        for family in _FAMILIES
        if family.fits(column)
    ]
    return max([*claimed, _QUESTION if asks and column.classes == 2 else 0])


def _of_family(family: _Family, parts: list[str]) -> int:
    if " ".join(parts) in family.words:
        return family.whole
    known = family.words - _WHOLE_ONLY
    ends = [" ".join(parts[-length:]) for length in (1, 2, 3)]
    if any(end in known for end in ends):
        return min(family.part, _FAINTLY) if parts[-1] in _WEAK_PARTS else family.part
    begins = [" ".join(parts[:length]) for length in (1, 2, 3)]
    leads = family.leading and parts[-1] not in _ABOUT and any(begin in known for begin in begins)
    return family.part if leads else 0


def _parts(name: str) -> tuple[list[str], bool]:
    """Return the words of a name without its unit, and whether it is a question."""
    plain = _HUMP.sub(" ", _BRACKETS.sub(" ", name))
    asks = plain.rstrip().endswith("?")
    parts = re.findall(r"[^\W_]+", _folded(plain))
    while len(parts) > 1 and parts[-1] in _UNITS:
        parts.pop()
    if len(parts) > 1 and parts[-1] in _PARTICLES:
        parts.pop()
        asks = True
    while len(parts) > 1 and parts[0] in _ASKING:
        parts.pop(0)
    if len(parts) > 1 and parts[-1] in _ASKING:
        parts.pop()
    return parts, asks


def _is_place(names: Collection[str]) -> bool:
    """Whether a column y stands beside x and z, or beside x in a table of more than those: a place or a size."""
    return "z" in names or ("x" in names and len(names) > 3)


def _folded(name: str) -> str:
    return name.strip().translate(_FOLDED).casefold()
