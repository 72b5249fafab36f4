"""Turns of phrase that a paid report does not contain, each with how much it proves.

No phrase decides because it is forbidden: horses are called "Sorry", riders give "Anweisungen" and
a horse reacts "prompt". A reason holds when the weights of its signals reach `ENOUGH` together.
"""

from typing import Final

from domain.acceptance.phrases import chat, denial, obedience
from domain.acceptance.phrases.signal import ENOUGH, Signal

ALL: Final[tuple[Signal, ...]] = (*denial.ALL, *chat.ALL, *obedience.ALL)

__all__ = ["ALL", "ENOUGH", "Signal"]
