"""Telling whether a text is about a horse at all."""

import re
from itertools import islice
from typing import Final

from domain.acceptance.text import words

_HORSE: Final = re.compile(
    r"(?!pferdewert)(?!pferdestärke)(?:\w*(?:pferd|pony|stute|wallach|hengst|fohlen"
    r"|stütchen)\w{0,3}|probereiten|\w{0,8}reiter(?:in|innen|n)?|reit(?:en|bar|barkeit|weise)"
    r"|geritten\w{0,2}|unter(?:m)? sattel|galopp\w{0,4}|\w*tölt\w{0,3}|equide\w?|absetzer"
    r"|jährling|maultier\w{0,2}|maulesel|warmblut\w{0,5}|kaltblut\w{0,5}|vollblut\w{0,5}"
    r"|\w*dressur\w{0,8}|rittig\w{0,6}|hufe?n?)"
)
_BREED_WORD: Final = 4


def mentions_horses(shown: str, breed: str, *, times: int) -> bool:
    """Say whether a plain text speaks of horses, or of the named breed, so many times."""
    named = {word[:6] for word in words(breed) if len(word) >= _BREED_WORD}
    hits = (word for word in words(shown) if word[:6] in named or _HORSE.fullmatch(word))
    return len(list(islice(hits, times))) == times
