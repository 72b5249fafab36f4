"""Sparing many patterns a look at a text that lacks what they need."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from domain.acceptance.needles import fold, needles

_HEAD: Final = 4
"""Letters by which a needle is looked up; four are rare enough and few needles are shorter."""


class Guarded:
    """One pattern that is searched in long texts."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern: Final = pattern
        self._needed: Final = tuple(needles(pattern))

    def is_in(self, text: str, folded: str) -> bool:
        """Say whether the pattern matches anywhere in the text, given that text folded, too."""
        may_match = not self._needed or any(needle in folded for needle in self._needed)
        return may_match and self.pattern.search(text) is not None


class Sieve:
    """Many patterns that are searched in one short text after another."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        wanting: dict[str, list[int]] = defaultdict(list)
        for number, pattern in enumerate(patterns):
            for needle in needles(pattern) or {""}:
                wanting[needle].append(number)
        self._short: Final = [found for found in wanting.items() if len(found[0]) < _HEAD]
        self._long: Final[dict[str, list[tuple[str, list[int]]]]] = defaultdict(list)
        for needle, numbers in wanting.items():
            if len(needle) >= _HEAD:
                self._long[needle[:_HEAD]].append((needle, numbers))
        self._heads: Final = frozenset(self._long)

    def candidates(self, text: str) -> list[int]:
        """Return the numbers of all patterns that may match, in their order."""
        folded = fold(text)
        heads = {folded[start : start + _HEAD] for start in range(len(folded))}
        known = [found for head in self._heads & heads for found in self._long[head]]
        return sorted(
            {
                number
                for needle, numbers in (*known, *self._short)
                if needle in folded
                for number in numbers
            }
        )
