"""Where the time went: raw stacks of py-spy summed up by what they are about. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "judging the answer": ("domain/acceptance/",),
    "prompt": ("domain/prompting", "jinja2/"),
    "logging": ("structlog/", "logging/__init__", "config/logging"),
    "MongoDB driver (pymongo, Motor, bson)": ("pymongo/", "motor/", "bson/"),
    "Redis for breaker and limiter": ("llm/shared", "llm/breaker", "llm/limiter"),
    "Celery, kombu and Redis": ("celery/", "kombu/", "redis/", "vine/", "doorbell/", "billiard/"),
    "HTTP (httpx, aiohttp)": ("httpx", "aiohttp/", "yarl/", "multidict/"),
    "reading the stream": ("llm/stream", "llm/wire", "llm/openrouter", "llm/lenient"),
    "letters": ("mail/",),
    "reading job documents (pydantic)": ("pydantic", "ledger/documents"),
    "the ledger's own code": ("ledger/",),
    "Celery's thread waits for the loop": ("worker/runtime", "concurrent/futures"),
    "the story's own code": ("worker/", "llm/"),
}
"""Areas by parts of file names. The frame nearest to the leaf that any area knows decides."""

LOOP: Final = "event loop and the rest"


@dataclass(frozen=True, slots=True)
class Cost:
    name: str
    share: float


def costs(lines: Iterable[str]) -> list[Cost]:
    """Return each area's share of all samples, largest first. A line is `a;b;c 12`."""
    return _shares(lines, lambda frames: {_area(frames)})


def functions(lines: Iterable[str], *, of: tuple[str, ...]) -> list[Cost]:
    """Return the share of samples with each function of files beginning with `of` on the stack."""
    return _shares(lines, lambda frames: {_function(one) for one in frames if _within(one, of)})


def _shares(lines: Iterable[str], names: Callable[[list[str]], set[str]]) -> list[Cost]:
    total, counts = 0, Counter[str]()
    for line in lines:
        stack, _, number = line.strip().rpartition(" ")
        if not number.isdigit():
            continue
        total += int(number)
        for name in names(stack.split(";")):
            counts[name] += int(number)
    return [Cost(name, count / total) for name, count in counts.most_common()]


def _area(frames: list[str]) -> str:
    for frame in reversed(frames):
        for area, parts in AREAS.items():
            if any(part in frame for part in parts):
                return area
    return LOOP


def _within(frame: str, folders: tuple[str, ...]) -> bool:
    _, _, place = frame.partition(" (")
    return place.startswith(folders)


def _function(frame: str) -> str:
    """`work (worker/story.py:49)` -> `worker/story.py work`."""
    name, _, place = frame.partition(" (")
    return f"{place.rpartition(':')[0]} {name}"
