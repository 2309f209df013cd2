"""Numbers that people type, with a comma or with a point."""

import pytest

from jobs.language import numbers
from pages.parts import number_field


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400,5", 400.5),
        ("400.5", 400.5),
        ("12,5", 12.5),
        (" 1 000,5 ", 1000.5),
        ("1.234,5", 1234.5),
        ("1,234.5", 1234.5),
        ("1.234.567", 1234567.0),
        ("1'234.5", 1234.5),
        ("1’234", 1234.0),
        ("0,510", 0.51),
        ("0.510", 0.51),
        (",5", 0.5),
        ("5,", 5.0),
        ("-3,25", -3.25),
        ("−3", -3.0),
        ("1e3", 1000.0),
        ("2,5e-3", 0.0025),
        ("1234,567", 1234.567),
    ],
)
@pytest.mark.parametrize("language", ["en", "tr", "fr"])
def test_both_marks_are_read_in_each_language(text, value, language):
    """Where a text can mean one number only, it means that number, whoever typed it."""
    with numbers.speaking(language):
        assert numbers.read(text) == value


def test_one_mark_before_three_digits_is_what_it_is_in_the_language():
    """1.234 groups thousands in Turkish and has decimals in English; 1,234 the other way around."""
    for language, point, comma in (("en", 1.234, 1234.0), ("tr", 1234.0, 1.234)):
        with numbers.speaking(language):
            assert (numbers.read("1.234"), numbers.read("1,234")) == (point, comma)


@pytest.mark.parametrize("text", ["", "abc", "1,2,3", "1.2.3,4", "--1", "1,23,456", "12a", "nan", "inf", "1,,5", "٣"])
def test_what_is_no_number_is_none(text):
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="no number"):
        numbers.read(text)


def test_what_is_written_is_read_back():
    """A number as this program writes it into a field is the same number when it is read."""
    for language in numbers.KNOWN:
        with numbers.speaking(language):
            for value in (0.0, 0.5, -12.25, 1234.5, 1234567.891, 1e-7, 1e15):
                assert numbers.read(numbers.exact(value)) == pytest.approx(value, rel=1e-11)


def test_a_field_says_what_it_read():
    """Only where a mark was typed; a number that is too small is told, an empty field holds nothing."""
    assert number_field.read("400,5").read_as.replace("\\", "") == "Read as 400.5"
    assert number_field.read("400") == number_field.Typed(400.0)
    assert number_field.read("-1", low=0).problem == "Write 0 or more."
    assert number_field.read("  ") == number_field.Typed()
