"""Everything the sandbox remembers, in one place that each vendor is given."""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox import credentials
from sandbox.catalogue import Catalogue
from sandbox.draws import Dice, Director, Draw
from sandbox.ids import Ids
from sandbox.journal import Entry, Journal, Kind
from sandbox.mailbox import Mailbox
from sandbox.models import MODELS
from sandbox.openrouter.generations import Generations
from sandbox.outcomes import require_known
from sandbox.scenario import Scenario, Step
from sandbox.stripe_account import StripeAccount
from sandbox.wire import Ending, Script, play

OVERRIDE_HEADER = "x-sandbox-outcome"


@dataclass(slots=True)
class World:
    """`opening` is the scenario a reset returns to."""

    opening: Scenario
    director: Director
    journal: Journal
    catalogue: Catalogue = field(default_factory=lambda: Catalogue(MODELS))
    generations: Generations = field(default_factory=Generations)
    mailbox: Mailbox = field(default_factory=Mailbox)
    stripe: StripeAccount = field(default_factory=StripeAccount)
    ids: Ids = field(default_factory=lambda: Ids(random.Random()))

    @classmethod
    def of(cls, scenario: Scenario, *, latency_scale: float = 1.0) -> World:
        journal = Journal(kept_bodies=scenario.kept_messages)
        return cls(scenario, Director(scenario, latency_scale), journal)

    @property
    def scenario(self) -> Scenario:
        return self.director.scenario

    def follow(self, scenario: Scenario) -> None:
        """Start `scenario` from its beginning; what happened so far is kept."""
        self.director.replace(scenario)
        self.journal.kept_bodies = scenario.kept_messages

    def recording(
        self, kind: Kind, request: web.Request, *, vendor: str, key: str, body: bytes = b""
    ) -> AbstractContextManager[Entry]:
        """Journal this request while the block runs."""
        return self.journal.recording(
            kind,
            body,
            vendor=vendor,
            method=request.method,
            path=request.path_qs,
            key_suffix=credentials.suffix(key),
        )

    def amend(self, changes: Mapping[str, Any]) -> None:
        """Change parts of the scenario. Raises pydantic.ValidationError."""
        self.director.amend(changes)
        self.journal.kept_bodies = self.scenario.kept_messages

    def reset(self) -> None:
        self.follow(self.opening)
        self.journal.clear()
        self.generations.clear()
        self.mailbox.clear()
        self.stripe.clear()


def drawn(request: web.Request, dice: Dice) -> Draw:
    """The next draw, or the one the request asks for by header, which uses up nothing.

    Raises UnknownOutcomeError.
    """
    name = request.headers.get(OVERRIDE_HEADER)
    if name is None:
        return dice.draw()
    return dice.override(Step(name=require_known(name, dice.rule.known)))


async def perform(request: web.Request, entry: Entry, script: Script) -> web.StreamResponse:
    """Play `script` and note in the journal what the caller sees of it."""
    entry.status = script.visible_status
    response = await play(request, script)
    if script.ending is Ending.RESET:
        entry.ended = "reset"
    return response
