import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.measures import AGE_YEARS, HEIGHT_CM, read_age_years, read_height_cm

HEIGHTS = [
    (165, 165),
    ("165", 165),
    ("168cm", 168),
    ("168 cm", 168),
    ("165m", 165),
    ("165 m", 165),
    (1.65, 165),
    ("1.65", 165),
    ("1.65 m", 165),
    ("1,65", 165),
    ("1,68 m", 168),
    ("1,70m", 170),
    ("1m68", 168),
    ("1 m 68 cm", 168),
    (1650, 165),
    ("1.700", 170),
    (16500, 165),
    (17000, 170),
    ("165-170", 165),
    ("160 / 165", 160),
    (0.95, 95),
    ("0.95m", 95),
    ("0,95 m", 95),
    ("0.95 m", 95),
    ("ca. 165", 165),
    ("14.2 hh", 147),
    ("15 hands", 152),
    (" 168 ", 168),
    ("Stm. 168", 168),
    ("Stockmaß: 1,68 m", 168),
    ("168 cm groß", 168),
    ("168cm (Bandmaß)", 168),
]
NO_HEIGHTS = [
    16.5, "16.5", 2.6, 49, 251, 300, 2600, 3000, -168, "-168", 0, "0", "", " ", None, True, False,
    math.nan, math.inf, "groß", "1e3", [], {}, "170-160", "x" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize(("typed", "cm"), HEIGHTS)
def test_heights_are_read_as_people_mean_them(typed: object, cm: int) -> None:
    """Metres, centimetres, millimetres, hands and old repairs all end in centimetres."""
    assert read_height_cm(typed) == cm


@pytest.mark.parametrize("typed", NO_HEIGHTS)
def test_what_is_no_height_is_refused(typed: object) -> None:
    """Nothing silently becomes zero or a guess."""
    assert read_height_cm(typed) is None


@given(st.integers(*HEIGHT_CM))
def test_every_legal_height_reads_the_same_in_every_unit(cm: int) -> None:
    """Centimetres, metres with either separator and millimetres agree."""
    spellings: list[object] = [cm, str(cm), f"{cm} cm", f"{cm / 100:.2f} m", cm * 10, cm * 100]
    spellings.append(f"{cm / 100:.2f}".replace(".", ","))

    assert {read_height_cm(spelling) for spelling in spellings} == {cm}


@given(st.one_of(st.floats(), st.integers(), st.text(), st.binary(), st.none()))
def test_any_input_gives_a_legal_height_or_none(value: object) -> None:
    """Reading never raises and never leaves the window."""
    height = read_height_cm(value)

    assert height is None or HEIGHT_CM[0] <= height <= HEIGHT_CM[1]


@pytest.mark.parametrize(
    ("typed", "years"),
    [
        (0, 0.0),
        (8, 8.0),
        (8.5, 8.5),
        ("8", 8.0),
        ("8,5", 8.5),
        ("8 Jahre", 8.0),
        ("8-jährig", 8.0),
        ("ca. 12 Jahre", 12.0),
        (50, 50.0),
    ],
)
def test_ages_are_read_in_years(typed: object, years: float) -> None:
    """A foal is 0, half years count."""
    assert read_age_years(typed) == years


@pytest.mark.parametrize("typed", [-1, 51, "", None, True, "1e3", math.inf, math.nan, 2015, "alt"])
def test_what_is_no_age_is_refused(typed: object) -> None:
    """A birth year or a blank is not an age."""
    assert read_age_years(typed) is None


@given(st.one_of(st.floats(), st.integers(), st.text(), st.none()))
def test_any_input_gives_a_legal_age_or_none(value: object) -> None:
    """Reading never raises and never leaves the window."""
    age = read_age_years(value)

    assert age is None or AGE_YEARS[0] <= age <= AGE_YEARS[1]
