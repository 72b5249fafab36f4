"""Identifiers with the alphabets and lengths seen in the wild."""

from __future__ import annotations

import random
import string
import uuid

_ALNUM = string.digits + string.ascii_letters


class Ids:
    """A maker of ids, given its own generator.

    Not the scenario's seeded one: a database may outlive the sandbox, and ids must not repeat.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def alnum(self, length: int) -> str:
        return "".join(self._rng.choices(_ALNUM, k=length))

    def generation(self, created: int) -> str:
        return f"gen-{created}-{self.alnum(20)}"

    def stripe(self, prefix: str, length: int = 24) -> str:
        return f"{prefix}_{self.alnum(length)}"

    def session(self, *, livemode: bool) -> str:
        return f"cs_{'live' if livemode else 'test'}_a1{self.alnum(56)}"

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
