"""What a turn of phrase proves, and how much."""

import re
from dataclasses import dataclass
from typing import Final

ENOUGH: Final = 3.0
"""The weight at which a reason holds."""

FACTS: Final = (
    r"(?:angaben|informationen|daten|details|fotos|bilder|videos|unterlagen|fragen|punkte"
    r"|antworten)"
)
"""What a model asks the customer for, as an alternative for patterns."""


@dataclass(frozen=True, slots=True)
class Signal:
    """`pattern` meets one lower-case plain sentence without quoted speech."""

    reason: str
    weight: float
    pattern: re.Pattern[str]


def signals(reason: str, *weighted: tuple[float, str]) -> tuple[Signal, ...]:
    """Build the signals of one reason from pairs of weight and pattern."""
    return tuple(Signal(reason, weight, re.compile(pattern)) for weight, pattern in weighted)
