"""Tables as old programs exported them: 28 languages in the code pages of their time.

Each language is a sentence of a place, a person, a word from a form; `files` makes three files of it.
"""

import random
from dataclasses import dataclass

# Language, code page, then words as they stand in columns of such files: names, cities, goods, answers.
LANGUAGES = (
    (
        "Turkish",
        "cp1254",
        "müşteri şehir İstanbul Ağrı Muğla Çanakkale Şükrü Gül Kadıköy evet hayır kırmızı yeşil Öztürk",
    ),
    ("Turkish", "iso-8859-9", "açıklama ürün çay peynir yoğurt Iğdır Şırnak Diyarbakır Çağla Işıl Doğan öğrenci değil"),
    (
        "French",
        "cp1252",
        "prénom société Étienne Hélène François Nîmes Orléans café crème été dû œuvre février août reçu déjà",
    ),
    (
        "French",
        "latin-1",
        "numéro libellé réglé Besançon Angoulême Béziers Chloé Noël forêt où connaître élève très près",
    ),
    ("German", "cp1252", "Straße Größe München Köln Düsseldorf Jürgen Käthe Müller Weiß Tür grün fünf ungültig Gebühr"),
    ("German", "latin-1", "Vorgänger Österreich Zürich Übung Bär Fuß Schlüssel Geräte Rückgabe Käufer Äpfel Öl"),
    (
        "Spanish",
        "latin-1",
        "año niño señor España Córdoba Málaga Cádiz José María teléfono dirección número López Núñez",
    ),
    (
        "Spanish",
        "cp1252",
        "descripción código país León Gijón Peña Muñoz García Martínez ratón corazón sí mañana pequeño",
    ),
    (
        "Portuguese",
        "latin-1",
        "São Paulo coração endereço João José Conceição não informação preço Goiânia Maceió avó açúcar",
    ),
    (
        "Italian",
        "latin-1",
        "città perché più qualità quantità Forlì Cantù Niccolò martedì caffè virtù già così società",
    ),
    (
        "Dutch",
        "latin-1",
        "België cliënt financiële coördinaten reünie Andreë ideeën categorieën oriënteren geïnd coöperatie",
    ),
    (
        "Catalan",
        "latin-1",
        "Barcelona adreça català Gràcia Sant Martí plaça col·legi Núria preu única història família",
    ),
    (
        "Swedish",
        "cp1252",
        "Malmö Göteborg Västerås Åsa Björn Märta längd färg grön röd blå år kön före Skåne Östersund",
    ),
    (
        "Finnish",
        "latin-1",
        "määrä väri sähkö Jyväskylä Hämeenlinna Päivi Väinö kyllä tyttö pöytä käyttäjä hyvä lähetys",
    ),
    ("Danish", "latin-1", "København Århus Ærø Søren Jørgen Bjørn størrelse grøn rød blå år pålæg ålborg køb bestået"),
    (
        "Norwegian",
        "cp1252",
        "Tromsø Ålesund Bodø Åse Øystein Sæther bestått måned størrelse Ås kjønn høyde på før grønn",
    ),
    (
        "Icelandic",
        "latin-1",
        "Reykjavík Ísafjörður Þórður Guðrún Björk nafn hæð aldur já þyngd fæðing staður Höfn Æsa ég",
    ),
    (
        "Polish",
        "cp1250",
        "Łódź Kraków Wrocław Gdańsk Białystok Święta Małgorzata Żółw miesiąc płeć wartość ilość śnieg",
    ),
    (
        "Polish",
        "iso-8859-2",
        "nazwisko imię Józef Wąsik Łukasz Częstochowa Poznań źródło ścieżka łąka żaba główny dźwięk",
    ),
    ("Czech", "cp1250", "Plzeň České Žďár Jiří Řehoř příjmení město číslo věk měsíc růže žlutý dítě muž žena kůň stůl"),
    ("Czech", "iso-8859-2", "Ústí Děčín Třebíč Bohumír Věra Šárka zákazník množství částka úplný řádek květen září"),
    (
        "Slovak",
        "cp1250",
        "Košice Žilina Prešov Ľubica Ľudovít Štefan dĺžka stĺpec mäso kôň žltý červený meno mesto vek",
    ),
    (
        "Hungarian",
        "cp1250",
        "Győr Székesfehérvár Miskolc Erzsébet Gergő fűtő születési összeg mennyiség fő piros zöld nő",
    ),
    (
        "Croatian",
        "cp1250",
        "Šibenik Đurđa Čakovec Ivančić Đaković količina mjesečno žuto plaća šifra čaša životinja đak",
    ),
    (
        "Romanian",
        "cp1250",
        "Timişoara Braşov Iaşi Constanţa Ştefan Ţăran oraş vârstă vânzări preţ lună roşu câine pâine",
    ),
    (
        "Russian",
        "cp1251",
        "Москва Казань Екатеринбург имя фамилия возраст город да нет красный Иванова Сергей количество",
    ),
    (
        "Ukrainian",
        "cp1251",
        "Київ Львів Харків ім'я прізвище вік місто так ні Олексій Наталія Її кількість гривня ґанок",
    ),
    (
        "Bulgarian",
        "cp1251",
        "София Пловдив Варна Бургас име град възраст мъж жена брой цена Георги Ивайло червен зелен",
    ),
    ("Greek", "cp1253", "Αθήνα Πάτρα Θεσσαλονίκη Ηράκλειο όνομα πόλη ηλικία ναι όχι Γιώργος Ελένη ποσότητα κόκκινο"),
    ("Hebrew", "cp1255", "שלום ירושלים חיפה תל אביב באר שבע שם עיר גיל כן לא דוד שרה מחיר כמות אדום ירוק מוצר לקוח"),
    (
        "Arabic",
        "cp1256",
        "القاهرة الرياض دمشق بغداد الاسم المدينة العمر نعم كلا محمد فاطمة السعر الكمية أحمر أخضر عميل",
    ),
    (
        "Lithuanian",
        "cp1257",
        "Šiauliai Panevėžys Kėdainiai Žemaitija vardas miestas amžius mėnuo Jonas Eglė lytis ąžuolas kūnas",
    ),
    ("Latvian", "cp1257", "Rīga Jūrmala Liepāja Daugavpils vārds pilsēta vecums mēnesis Jānis Zaķis ļoti šķīvis Ādaži"),
    (
        "Estonian",
        "cp1257",
        "Tartu Pärnu Jõhvi Põlva õun nimi vanus jah šokolaad žürii sõna öö Jüri Õnne küsimus väärtus",
    ),
)
SIZES = {"few letters": 40, "short": 60, "long": 4_000}


@dataclass(frozen=True)
class LegacyFile:
    """One file: its name, how it is written, and what a reader must see."""

    name: str
    encoding: str
    text: str

    @property
    def content(self) -> bytes:
        return self.text.encode(self.encoding)


def files() -> list[LegacyFile]:
    """Three files of each language: one row with such letters, a short table full of them, a long one."""
    return [
        LegacyFile(f"{language} {encoding} {size}", encoding, _table(words.split(), size, seed))
        for seed, (language, encoding, words) in enumerate(LANGUAGES)
        for size in SIZES
    ]


def _table(words: list[str], size: str, seed: int) -> str:
    """Rows with a number, a date and two words; of few letters, only one row has any that are not ASCII."""
    chance = random.Random(seed)
    special = [word for word in words if not word.isascii()]
    rows = ["id;name;kind;amount;day"]
    for number in range(SIZES[size]):
        name, kind = chance.choice(words), chance.choice(words)
        if size == "few letters":
            name, kind = (chance.choice(special), chance.choice(special)) if number == 20 else ("Anna", "ok")
        rows.append(
            f"{number};{name};{kind};{chance.randrange(9999)},{chance.randrange(99):02};2024-03-{number % 28 + 1:02}"
        )
    return "\r\n".join(rows) + "\r\n"
