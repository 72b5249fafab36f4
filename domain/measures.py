"""Reading heights and ages as people type them. One canonical unit each: centimetres, years."""

import math
import re
from typing import Final

HEIGHT_CM: Final = (50, 250)
AGE_YEARS: Final = (0, 50)

_CM_PER_INCH: Final = 2.54
_INCHES_PER_HAND: Final = 4
_HEDGE: Final = r"(?:ca\.?|circa|etwa|rund|ungefähr|~|≈)?\s*"
_NUMBER: Final = r"(\d+(?:[.,]\d+)?)"
_HEIGHT: Final = re.compile(
    rf"(?:stm\.?:?|stockma(?:ß|ss):?)?\s*{_HEDGE}{_NUMBER}\s*(cm|zentimeter|mm|m|meter)?\s*"
    rf"(?:stm\.?|stockma(?:ß|ss)|groß|gross|\([^()]{{0,40}}\))?\.?",
    re.IGNORECASE,
)
_METRES_AND_CM: Final = re.compile(rf"{_HEDGE}([12])\s*m\s*(\d{{2}})(?:\s*cm)?\.?", re.IGNORECASE)
_HANDS: Final = re.compile(
    rf"{_HEDGE}(\d{{1,2}})(?:[.,]([0-3]))?\s*(?:hh|hands?)\.?", re.IGNORECASE
)
_RANGE: Final = re.compile(
    rf"{_HEDGE}{_NUMBER}\s*(?:cm|m)?\s*(?:-|–|/|bis)\s*{_NUMBER}\s*(cm|m)?\.?", re.IGNORECASE
)
_AGE: Final = re.compile(
    rf"{_HEDGE}{_NUMBER}\s*(?:-?\s*(?:jahre?|jährig(?:e[rs]?)?|j\.?|years?))?(?:\s+alt)?\.?",
    re.IGNORECASE,
)


def read_height_cm(value: object) -> int | None:
    """Return the height at the withers in whole centimetres, or None when it is no height.

    Metres, centimetres, millimetres, hands and the historic factor-100 bug are told apart by
    windows that do not overlap; whatever falls between them is refused rather than guessed.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _height_from_number(float(value))
    if isinstance(value, str):
        return _height_from_text(value.strip())
    return None


def read_age_years(value: object) -> float | None:
    """Return the age in years, fractions kept, or None. Zero is a foal and legal."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        match = _AGE.fullmatch(value.strip())
        value = _decimal(match[1]) if match else None
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    low, high = AGE_YEARS
    return float(value) if low <= value <= high else None


def _height_from_text(text: str) -> int | None:
    if hands := _HANDS.fullmatch(text):
        inches = int(hands[1]) * _INCHES_PER_HAND + int(hands[2] or 0)
        return _within(inches * _CM_PER_INCH)
    if split := _METRES_AND_CM.fullmatch(text):
        return _within(int(split[1]) * 100 + int(split[2]))
    if single := _HEIGHT.fullmatch(text):
        return _height_from_number(_decimal(single[1]))
    if span := _RANGE.fullmatch(text):
        low, high = (_height_from_number(_decimal(span[i])) for i in (1, 2))
        return low if low and high and low <= high else None
    return None


def _height_from_number(number: float) -> int | None:
    """Tell the unit by magnitude: people write 165, 1.65, 1650; an old repair wrote 16500."""
    if not math.isfinite(number):
        return None
    for low, high, to_cm in (
        (0.5, 2.5, 100.0),
        (50, 250, 1.0),
        (500, 2500, 0.1),
        (5000, 25000, 0.01),
    ):
        if low <= number <= high:
            return _within(number * to_cm)
    return None


def _within(cm: float) -> int | None:
    low, high = HEIGHT_CM
    rounded = math.floor(cm + 0.5)
    return rounded if low <= rounded <= high else None


def _decimal(text: str) -> float:
    return float(text.replace(",", "."))
