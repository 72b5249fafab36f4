"""Finding the one price range that is the product among all the amounts of a valuation."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from domain.acceptance.layout import Layout
from domain.acceptance.prices import Price, ranges
from domain.acceptance.text import plain, split_sentences

_SPAN: Final = (
    r"(?:spanne|bereich|rahmen|korridor|band|einschätzung|schätzung|indikation|intervall)"
)
_VALUE_LABEL: Final = re.compile(
    rf"\b(?:(?:markt|verkehrs|schätz|zeit|handels)(?:wert|preis)(?:{_SPAN})?|(?:wert|preis){_SPAN}"
    r"|(?:geschätzt|aktuell|realistisch|ermittelt|voraussichtlich|erzielbar|fair"
    rf"|angemessen)\w{{0,2}} (?:\w{{1,12}}[- ])?(?:\w{{0,10}}wert|\w{{0,10}}preis))(?:e?s|en?)?\b",
    re.IGNORECASE,
)
_SALE_LABEL: Final = re.compile(
    r"\b(?:(?:verkaufs?|angebots|richt|ziel)preis(?:spanne|rahmen|bereich|empfehlung)?|preis"
    r"|wert)(?:e?s|e)?\b|\b(?:gesamt)?bewertung(?=:)",
    re.IGNORECASE,
)
_OTHER_MATTER: Final = re.compile(
    r"vergleich|ähnlich|\büblich|ohne befund|gesund\w* zustand|\bhätte|\bwürde|kost|gebühr|taxe\b"
    r"|miete|unterhalt|monat|wertsteiger|wertzuwachs|wertverlust|zuchtwert|aufschlag|abschlag"
    r"|versicher|material|zubehör|sattel",
    re.IGNORECASE,
)
_ESTIMATING: Final = re.compile(
    r"schätz|taxier|bewerte|veranschlag|einzuordnen|anzusetzen|wert\b|preis", re.IGNORECASE
)
_VALUE_FOLLOWS: Final = re.compile(r"\s*(?:\([^()\n]{0,40}\)|in (?:euro|eur|chf|franken))?\s*[:|=]")
_IN_FRANCS: Final = re.compile(r"\b(?:chf|franken)\b", re.IGNORECASE)
_LABEL_REACH: Final = 250
_LABEL_GAP: Final = 30
_SMALLEST_BARE: Final = 100
_YEARS: Final = range(1990, 2060)
_BARE_YEAR: Final = re.compile(r"(?<![\d.,'])(?:19|20)\d\d(?![\d.,'])")
_ALTERNATIVE: Final = re.compile(r"[\s,;/|(+-]*(?:(?:oder|bzw\.?|und|sowie) ?)?")


def find(layout: Layout) -> Price | None:
    """Return the headline range, from before or within the summary or labelled right after it.

    A label such as "Geschätzter Marktwert" decides. A label without a range is an answer too:
    then only another label in the same part may still give the price.
    """
    top = layout.preamble
    if layout.sections:
        first = layout.sections[0]
        top = f"{top}\n{first.title}\n{first.body}"
    statements = list(_statements(top))
    price = _labelled(statements, _VALUE_LABEL) or _labelled(statements, _SALE_LABEL)
    if price or any(_names_value(statement) for statement in statements):
        return price
    if unlabelled := _estimated(statements):
        return unlabelled
    second = layout.sections[1].body if len(layout.sections) > 1 else ""
    lines = [line for line in _statements(second) if _names_value(line)]
    return _labelled(lines, _VALUE_LABEL)


def _statements(text: str) -> Iterator[str]:
    """Yield sentences; a label that ends its line is joined with the line that follows."""
    label = ""
    for raw in plain(text).split("\n"):
        line = raw.strip(" #|>")
        if not line:
            continue
        line = f"{label} {line}" if label else line
        label = line if _is_bare_label(line) else ""
        if not label:
            yield from split_sentences(line)
    if label:
        yield label


def _is_bare_label(line: str) -> bool:
    if len(line) > _LABEL_REACH or any(char.isdigit() for char in line):
        return False
    label = _VALUE_LABEL.search(line)
    return label is not None and len(line) - label.end() <= _LABEL_GAP and line[-1] not in ".!?"


def _labelled(statements: list[str], label: re.Pattern[str]) -> Price | None:
    for statement in statements:
        for match in label.finditer(statement):
            if _OTHER_MATTER.search(statement, max(0, match.start() - _LABEL_GAP), match.end()):
                continue
            value = statement[match.end() : match.end() + _LABEL_REACH]
            if price := _first_range(value, named=statement[: match.end() + _LABEL_GAP]):
                return price
    return None


def _first_range(value: str, *, named: str) -> Price | None:
    """Take the range a label speaks of, in euro where the headline gives francs and euro."""
    found = [price for price in ranges(value) if _counts(price, value)]
    if not found or _OTHER_MATTER.search(value[: found[0].start]):
        return None
    first = found[0]
    if any(_rivals(first, other, value) for other in found[1:]):
        return None
    if first.currency == "CHF":
        return next((price for price in found if price.currency == "EUR"), first)
    return first if first.currency else replace(first, currency=_assumed_currency(named))


def _rivals(first: Price, other: Price, value: str) -> bool:
    """Two ranges side by side without a word on what the second one is leave the price open."""
    if other.currency != first.currency or first.low <= other.low <= other.high <= first.high:
        return False
    return bool(_ALTERNATIVE.fullmatch(value, first.end, other.start))


def _assumed_currency(named: str) -> str:
    return "CHF" if _IN_FRANCS.search(named) else "EUR"


def _counts(price: Price, value: str) -> bool:
    """Without a currency only what stands directly behind its label is a price."""
    if _is_years(price, value):
        return False
    if price.currency:
        return True
    lead = value[: price.start]
    return ":" in lead and len(lead) <= _LABEL_GAP and price.high >= _SMALLEST_BARE


def _is_years(price: Price, value: str) -> bool:
    if price.low not in _YEARS or price.high not in _YEARS:
        return False
    return len(_BARE_YEAR.findall(value, price.start, price.end)) > 1


def _names_value(statement: str) -> bool:
    """Say whether the statement is a label with a place for its value."""
    label = _VALUE_LABEL.search(statement)
    return bool(label and _VALUE_FOLLOWS.match(statement, label.end()))


def _estimated(statements: list[str]) -> Price | None:
    for statement in statements:
        if _ESTIMATING.search(statement) and not _OTHER_MATTER.search(statement):
            for price in ranges(statement):
                if price.currency and _counts(price, statement):
                    return price
    return None
