"""Sparing many patterns a look at a text that lacks what they need."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from domain.acceptance.needles import fold, needles

_HEAD: Final = 4
"""Letters by which a needle is looked up; four are rare enough and few needles are shorter."""

_STRIDE: Final = 3
"""Letters from one look to the next; a needle is listed by each part that a look may meet."""

_SHORTEST: Final = _HEAD + _STRIDE - 1


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
        self._short: Final = {text: wanting[text] for text in wanting if len(text) < _SHORTEST}
        self._long: Final[dict[str, list[tuple[str, list[int]]]]] = defaultdict(list)
        for needle, numbers in wanting.items():
            for start in range(_STRIDE if needle not in self._short else 0):
                self._long[needle[start : start + _HEAD]].append((needle, numbers))
        self._heads: Final = frozenset(self._long)

    def candidates(self, text: str) -> list[int]:
        """Return the numbers of all patterns that may match, in their order."""
        folded = fold(text)
        heads = {folded[start : start + _HEAD] for start in range(0, len(folded), _STRIDE)}
        found = {
            number for needle in self._short if needle in folded for number in self._short[needle]
        }
        for head in self._heads & heads:
            for needle, numbers in self._long[head]:
                if needle in folded:
                    found.update(numbers)
        return sorted(found)
