"""Sparing many patterns a look at a text that lacks what they need."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from domain.acceptance.needles import fold, needles

_HEAD: Final = 4
"""Letters by which a needle is looked up; four are rare enough and few needles are shorter."""


class Sieve:
    """Many patterns that are searched in one short text after another."""

    def __init__(self, patterns: Iterable[re.Pattern[str]]) -> None:
        self._always: set[int] = set()
        self._short: dict[str, list[int]] = defaultdict(list)
        self._long: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, pattern in enumerate(patterns):
            self._add(number, needles(pattern))

    def _add(self, number: int, needed: frozenset[str]) -> None:
        if not needed:
            self._always.add(number)
        for needle in needed:
            if len(needle) < _HEAD:
                self._short[needle].append(number)
            else:
                self._long[needle[:_HEAD]][needle].append(number)

    def candidates(self, text: str) -> list[int]:
        """Return the numbers of all patterns that may match, in their order."""
        folded = fold(text)
        found = set(self._always)
        for needle, numbers in self._short.items():
            if needle in folded:
                found.update(numbers)
        heads = {folded[start : start + _HEAD] for start in range(len(folded))}
        for head in heads & self._long.keys():
            for needle, numbers in self._long[head].items():
                if needle in folded:
                    found.update(numbers)
        return sorted(found)
