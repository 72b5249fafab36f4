"""Telling whether a text is about a horse at all."""

import re
from typing import Final

from domain.acceptance.text import plain, words

_HORSE: Final = re.compile(
    r"(?!pferdewert)(?!pferdestärke)(?:\w*(?:pferd|pony|stute|wallach|hengst|fohlen"
    r"|stütchen)\w{0,3}|probereiten|\w{0,8}reiter(?:in|innen|n)?|reit(?:en|bar|barkeit|weise)"
    r"|geritten\w{0,2}|unter(?:m)? sattel|galopp\w{0,4}|\w*tölt\w{0,3}|equide\w?|absetzer"
    r"|jährling|maultier\w{0,2}|maulesel|warmblut\w{0,5}|kaltblut\w{0,5}|vollblut\w{0,5}"
    r"|\w*dressur\w{0,8}|rittig\w{0,6}|hufe?n?)"
)
_BREED_WORD: Final = 4


def mentions_horses(unified: str, breed: str, *, times: int) -> bool:
    """Say whether the text speaks of horses, or of the breed the customer named, so many times."""
    named = {word[:6] for word in words(breed) if len(word) >= _BREED_WORD}
    told = words(plain(unified))
    hits = sum(bool(_HORSE.fullmatch(word)) or word[:6] in named for word in told)
    return hits >= times
