"""What one Stripe account holds, with Stripe's rules for lists and cursors."""

from __future__ import annotations

import bisect
import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sandbox.stripe_world import DAY_S, Json

_EVENTS_KEPT_S = 30 * DAY_S
Wanted = Callable[[Json], bool]


class UnknownCursorError(LookupError):
    """A list was to start at an object that does not exist."""


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first."""

    data: list[Json]
    has_more: bool


class Shelf:
    """Objects of one type, ordered by `created`; later arrivals count as newer."""

    def __init__(self) -> None:
        self._objects: dict[str, Json] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._order: list[tuple[int, int, str]] = []

    def put(self, item: Json) -> None:
        place = (item["created"], len(self._order))
        self._objects[item["id"]] = item
        self._places[item["id"]] = place
        bisect.insort(self._order, (*place, item["id"]))

    def get(self, item_id: str) -> Json | None:
        return self._objects.get(item_id)

    def __iter__(self) -> Iterator[Json]:
        return iter(self._objects.values())

    def page(
        self,
        wanted: Wanted,
        *,
        limit: int,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Page:
        """Raises UnknownCursorError."""
        if ending_before is not None:
            newer = islice(self._order, self._index(ending_before) + 1, None)
            found, more = self._taken(newer, wanted, limit)
            return Page(found[::-1], more)
        end = len(self._order) if starting_after is None else self._index(starting_after)
        older = (self._order[index] for index in range(end - 1, -1, -1))
        return Page(*self._taken(older, wanted, limit))

    def _index(self, cursor: str) -> int:
        if cursor not in self._places:
            raise UnknownCursorError(cursor)
        return bisect.bisect_left(self._order, (*self._places[cursor], cursor))

    def _taken(
        self, order: Iterable[tuple[int, int, str]], wanted: Wanted, limit: int
    ) -> tuple[list[Json], bool]:
        matches = (item for *_, key in order if wanted(item := self._objects[key]))
        found = list(islice(matches, limit + 1))
        return found[:limit], len(found) > limit


class StripeAccount:
    """Sessions, events, charges, disputes and refunds.

    Charges are kept per payment intent, so that a partial and a full refund, or a refund and
    a dispute, speak of the same charge. Of refunds the newest is kept per charge.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        self.sessions = Shelf()
        self.events = Shelf()
        self.charges: dict[str, Json] = {}
        self.disputes: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}

    def now(self) -> int:
        return int(self._clock())

    def kept(self, event: Json) -> bool:
        """Stripe serves events of the last 30 days only."""
        return bool(event["created"] > self._clock() - _EVENTS_KEPT_S)


def snapshot(item: Json, overrides: dict[str, Any]) -> Json:
    """The object as an event carries it: a copy that later changes leave alone."""
    return {**copy.deepcopy(item), **overrides}
