"""Pieces of text without one of which a pattern can not match: a cheap look before the dear one."""

import re
from collections.abc import Iterable
from re import _parser  # CPython's own reading of a pattern
from typing import Any, Final, NamedTuple

_MOST_SPELLINGS: Final = 64
_MOST_LETTERS: Final = 6
_REACH: Final = 10
"""Letters. Longer pieces are hardly rarer, and many patterns share how they begin."""

_NOTHING: Final[frozenset[str]] = frozenset()
_EMPTY: Final = frozenset({""})


class _Part(NamedTuple):
    """What is known of a piece of a pattern.

    `spellings` are all texts it matches, None when there are many. Every match contains one of
    `needed`, unless that is empty and nothing is known.
    """

    spellings: frozenset[str] | None
    needed: frozenset[str]


_UNKNOWN: Final = _Part(None, _NOTHING)
_NO_WIDTH: Final = _Part(_EMPTY, _NOTHING)


def fold(text: str) -> str:
    """Give letters that `re.IGNORECASE` holds for equal one spelling each."""
    return text.replace("\u0130", "i").lower().replace("\u0131", "i").replace("\u017f", "s")


def needles(pattern: re.Pattern[str]) -> frozenset[str]:
    """Return texts one of which is in every folded match of the pattern; none when unknown."""
    needed = _sequence(_parser.parse(pattern.pattern, pattern.flags)).needed
    begun = frozenset(text[:_REACH] for text in needed)
    return frozenset(text for text in begun if not _has_any(text, begun - {text}))


def _has_any(text: str, pieces: frozenset[str]) -> bool:
    return any(piece in text for piece in pieces)


def _sequence(parsed: Iterable[tuple[Any, Any]]) -> _Part:
    run, needed, whole = _EMPTY, _NOTHING, True
    for operator, argument in parsed:
        part = _part(str(operator), argument)
        needed = _rarer(needed, part.needed)
        if part.spellings and len(run) * len(part.spellings) <= _MOST_SPELLINGS:
            run = frozenset(head + tail for head in run for tail in part.spellings)
        else:
            needed = _rarer(needed, run)
            run, whole = part.spellings or _EMPTY, False
    return _Part(run if whole else None, _rarer(needed, run))


def _part(operator: str, argument: Any) -> _Part:
    part = _UNKNOWN
    match operator:
        case "LITERAL":
            part = _letters([(operator, argument)])
        case "IN":
            part = _letters(argument)
        case "AT" | "ASSERT" | "ASSERT_NOT":
            part = _NO_WIDTH
        case "SUBPATTERN":
            part = _sequence(argument[-1])
        case "BRANCH":
            part = _branch([_sequence(choice) for choice in argument[1]])
        case "MAX_REPEAT" | "MIN_REPEAT":
            part = _repeated(*argument)
    return part


def _letters(members: list[tuple[Any, Any]]) -> _Part:
    if len(members) > _MOST_LETTERS or any(str(kind) != "LITERAL" for kind, _ in members):
        return _UNKNOWN
    return _Part(frozenset(fold(chr(letter)) for _, letter in members), _NOTHING)


def _branch(choices: list[_Part]) -> _Part:
    spellings = _union([choice.spellings for choice in choices])
    needed = _union([choice.needed or None for choice in choices])
    return _Part(spellings, needed or _NOTHING)


def _union(sets: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [one for one in sets if one is not None]
    return _NOTHING.union(*known) if len(known) == len(sets) else None


def _repeated(least: int, most: int, repeated: Iterable[tuple[Any, Any]]) -> _Part:
    part = _sequence(repeated)
    if least == 0:
        if part.spellings is None or int(most) > 1:
            return _UNKNOWN
        return _Part(part.spellings | _EMPTY, _NOTHING)
    return part if least == most == 1 else _Part(None, part.needed)


def _rarer(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return min(one, other, key=_expected)


def _expected(texts: frozenset[str]) -> float:
    """Estimate how often one of the texts is met: long ones are rare, the empty one is anywhere."""
    return sum(8.0 ** -len(text) for text in texts) if texts and "" not in texts else 8.0
