"""Reading amounts and price ranges the way German-speaking people and models write them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LOWEST: Final = 50
"""Whole units. A pony given away for a protective fee still costs about this much."""

HIGHEST: Final = 15_000_000
"""Whole units. The dearest riding horses on record changed hands for about ten million euro."""

_CHEAP: Final = 1000
_WIDEST: Final = 5.0
_WIDEST_CHEAP: Final = 10.0
_ELIDED_FROM: Final = 20
_NEAR_HEIGHT_CM: Final = 15
_ROUND_STEP: Final = 50
_LABEL_GAP: Final = 60

_CURRENCY_NAMES: Final = {
    "EUR": r"€|eur(?:o|os)?\b",
    "CHF": r"chf\b|s?fr\.|sfr\b|(?:schweizer )?franken\b",
    "other": r"us-dollar|us\$|\$|usd\b|dollar\b|£|gbp\b|pfund\b|dkk\b|pln\b|złoty",
}
_CURRENCY: Final = "|".join(_CURRENCY_NAMES.values())
_SCALES: Final = {"t": 1000, "k": 1000, "m": 1_000_000}
_SCALE: Final = (
    r"tausend|tsd\.?|teuro\b|t(?=\s?(?:€|eur))|k(?=\s?(?:€|eur|chf)|\b)|mio\.?|millionen|million"
)
_DIGITS: Final = r"\d{1,3}(?:[.,' ]\d{3}){1,3}(?!\d)|\d{1,9}"
_CENTS: Final = r"(?:[.,](?:\d{1,2}(?!\d)|-{1,2}))?"
_HEDGE: Final = r"(?:ca\.|circa|etwa|rund|ungefähr|gut|knapp|maximal|max\.|zu|unter|über|rd\.|~|≈)"


def _amount(end: str) -> str:
    return (
        rf"(?P<before_{end}>{_CURRENCY})?\s?(?P<digits_{end}>{_DIGITS})(?P<cents_{end}>{_CENTS})\s"
        rf"?(?P<scale_{end}>{_SCALE})?\s?(?P<after_{end}>{_CURRENCY})?"
    )


_LONE: Final = re.compile(rf"(?<![\d.,'])(?:{_HEDGE}\s?)*{_amount('low')}", re.IGNORECASE)
_RANGE: Final = re.compile(
    rf"(?<![\d.,'/-]){_amount('low')}(?:\s?\([^()\n]{{0,40}}\))?\s*(?:-{{1,3}}\s?bis|-{{1,3}}|bis"
    rf"|und|\.\.\.|/|~)\s*(?:{_HEDGE}\s?){{0,2}}{_amount('high')}",
    re.IGNORECASE,
)
_OTHER_UNIT: Final = re.compile(
    r"\s?(?:cm|m|mm|kg|km|jahre?\w*|j\b|jährig\w*|monat\w*|wochen?|tagen?|stunden?|minuten|uhr|%"
    r"|prozent|punkte?|stück|interessenten|x\b|(?:(?:pro|je|/) ?)(?:monat|woche|tag|stunde|jahr)"
    r"|monatlich|jährlich)(?![\w€])|[.,]?\d|\s?(?:-{1,3}|bis)\s?(?:\d{1,3}[.,' ]\d{3}|\d{5})",
    re.IGNORECASE,
)
"""What follows a range that is no price, or that is none because a third amount follows."""

_GROUPED: Final = re.compile(r"\d[.,' ]\d{3}")


@dataclass(frozen=True, slots=True)
class Price:
    """A range in whole units of `currency`, which is EUR, CHF or "other"; None when not named.

    `start` and `end` are positions in the text it was read from.
    """

    low: int
    high: int
    currency: str | None
    start: int
    end: int


def ranges(text: str) -> Iterator[Price]:
    """Find price ranges in a plain text; numbers of another unit such as cm are left out."""
    for match in _RANGE.finditer(text):
        if not _OTHER_UNIT.match(text, match.end()) and (price := _price(match)):
            yield price


def single_amount(text: str) -> tuple[int, str | None] | None:
    """Read a text that is one amount and nothing else; None when it is not.

    Returns whole units and the currency, as in `Price`.
    """
    match = _LONE.fullmatch(text.strip())
    if match is None:
        return None
    value = _value(match, "low", match["scale_low"])
    return (int(value), _currency(match, "low")) if value == int(value) else None


def labelled(text: str, label: re.Pattern[str], currency: str | None) -> Iterator[tuple[str, int]]:
    """Find the amounts of that currency shortly behind a label; yields label and whole units."""
    for match in label.finditer(text):
        amount = _LONE.search(text, match.end(), match.end() + _LABEL_GAP)
        if amount is None or "\n" in text[match.end() : amount.start()]:
            continue
        if label.search(text, match.end(), amount.start()) or _currency(amount, "low") != currency:
            continue
        yield match[0], round(_value(amount, "low", amount["scale_low"]))


def faults(low: int, high: int, height_cm: int) -> Iterator[str]:
    """Say what makes a range unfit to be sold as the value of a horse of that height."""
    if low > high:
        yield "price_reversed"
    elif low < LOWEST or high > HIGHEST:
        yield "implausible_price"
    elif high / low > (_WIDEST_CHEAP if low < _CHEAP else _WIDEST):
        yield "price_range_too_wide"
    if _is_height(low, high, height_cm):
        yield "price_is_height"


def _is_height(low: int, high: int, height_cm: int) -> bool:
    """A window around the height is a height; a crooked number equal to it is one too."""
    if max(abs(low - height_cm), abs(high - height_cm)) <= _NEAR_HEIGHT_CM:
        return True
    return height_cm in (low, high) and height_cm % _ROUND_STEP != 0


def _price(match: re.Match[str]) -> Price | None:
    low_scale, high_scale = match["scale_low"], match["scale_high"]
    high = _value(match, "high", high_scale)
    low = _value(match, "low", low_scale)
    unscaled_high = _value(match, "high", None)
    named = _currency(match, "low"), _currency(match, "high")
    if any(_has_lost_digits(match, end) for end in ("low", "high")):
        return None
    if named[0] and named[1] and named[0] != named[1]:
        return None
    if high_scale and not low_scale and low <= unscaled_high:
        low *= _factor(high_scale)
    elif _is_elided(low, high):
        low *= 1000
    return Price(round(low), round(high), named[0] or named[1], match.start(), match.end())


def _has_lost_digits(match: re.Match[str], end: str) -> bool:
    """In "180.00" the point stands where German has it before thousands: a digit is missing."""
    cents = match[f"cents_{end}"] or ""
    return bool(re.fullmatch(r"\.\d\d", cents)) and not _GROUPED.search(match[f"digits_{end}"])


def _is_elided(low: float, high: float) -> bool:
    """Tell "18 - 28.000" from "800 - 1.200": only the first leaves out its thousands."""
    return 0 < low < _CHEAP and high / low > _ELIDED_FROM and low * 1000 <= high


def _value(match: re.Match[str], end: str, scale: str | None) -> float:
    """Read one amount. A scaled one may have a decimal fraction: "1,2 Mio."."""
    digits, cents = match[f"digits_{end}"], match[f"cents_{end}"] or ""
    whole = re.sub(r"\D", "", digits)
    fraction = re.sub(r"\D", "", cents)
    value = float(f"{whole}.{fraction or 0}")
    return value * _factor(scale)


def _factor(scale: str | None) -> int:
    return _SCALES[scale[0].lower()] if scale else 1


def _currency(match: re.Match[str], end: str) -> str | None:
    written = (match[f"before_{end}"] or match[f"after_{end}"] or "").lower()
    if not written:
        return None
    return next(
        name for name, spelling in _CURRENCY_NAMES.items() if re.fullmatch(spelling, written)
    )
