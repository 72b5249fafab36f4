"""Finding the JSON object a model was asked for in whatever it wrote around it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

_OPENING: Final = re.compile(r"\{\s*[\"}]|\[\s*[{\"]")
_DECODER: Final = json.JSONDecoder(strict=False)
_MAX_OPENINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Truncated:
    """An object begins and the text ends before it does."""


@dataclass(frozen=True, slots=True)
class Found:
    """The objects in their order, at least one, and the text outside of them."""

    objects: tuple[dict[str, Any], ...]
    around: str


def find_objects(text: str, *, wanted: str) -> Found | Truncated | None:
    """Return the complete objects that have the key `wanted`.

    Bare, fenced, between sentences or as the only member of another object makes no difference;
    an object inside a list is none, since nothing says that it is the only one.
    """
    found = list(_objects(text, wanted))
    if found:
        edges = [0, *(edge for start, end, _ in found for edge in (start, end)), len(text)]
        pieces = (text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))
        return Found(tuple(value for _, _, value in found), "\n\n".join(pieces))
    return Truncated() if _is_open(text) else None


def _objects(text: str, wanted: str) -> Iterator[tuple[int, int, dict[str, Any]]]:
    end = 0
    for match in islice(_OPENING.finditer(text), _MAX_OPENINGS):
        if match.start() < end:
            continue
        try:
            value, end = _DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and wanted not in value and len(value) == 1:
            value = next(iter(value.values()))
        if isinstance(value, dict) and wanted in value:
            yield match.start(), end, value


def _is_open(text: str) -> bool:
    """Count braces and quotes from the first object on, as a JSON reader would."""
    start = _OPENING.search(text)
    if start is None:
        return text.rstrip("` \n").endswith(("{", "["))
    depth, quoted, escaped = 0, False, False
    for char in text[start.start() :]:
        if quoted:
            quoted = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            quoted = True
        else:
            depth += (char in "{[") - (char in "}]")
            if depth == 0:
                return False
    return True
