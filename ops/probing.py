"""Asking models one word each, which costs next to nothing but not nothing."""

from collections.abc import Sequence
from typing import Final

from domain.answer import Tier
from domain.ports import Clock
from llm.catalogue import Catalogue
from llm.chain import ModelStage
from llm.completion import Receipt
from llm.failures import ModelFailure
from llm.pricing import usage_from
from llm.probe import probe
from ops.reports.models import Probe
from ops.running import Desk
from worker.wiring_chain import direct_stages, known_models, listed_stages, make_openrouter

DEADLINE_S: Final = 30.0


class Prober:
    """Asks the very stages that the workers ask, with their keys."""

    def __init__(self, desk: Desk) -> None:
        self._clock: Clock = desk.clock
        self._catalogue: Catalogue = known_models()
        openrouter = make_openrouter(desk.settings, desk.http, desk.clock)
        self.openrouter = openrouter
        self.listed = listed_stages(desk.settings, openrouter) if openrouter else []
        self.direct = direct_stages(desk.settings, desk.http, desk.clock)

    @property
    def chain(self) -> Sequence[ModelStage]:
        return [*self.listed, *self.direct]

    @property
    def catalogue(self) -> Catalogue:
        return self._catalogue

    def others(self, slugs: Sequence[str]) -> list[ModelStage]:
        """Return stages for OpenRouter models outside the chain."""
        if self.openrouter is None:
            return []
        known = {stage.slug for stage in self.listed}
        return [
            ModelStage(self.openrouter, slug, Tier.TERTIARY) for slug in slugs if slug not in known
        ]

    async def ask(self, stage: ModelStage, *, tier: Tier | None) -> Probe:
        """Ask one model. Never raises for what is the provider's fault."""
        spec = self._catalogue.spec_for(stage.slug, stage.tier)
        started, error, receipt = self._clock.monotonic(), None, Receipt()
        try:
            receipt = (await probe(stage.caller, spec, deadline_s=DEADLINE_S)).receipt
        except ModelFailure as failure:
            receipt = failure.receipt
            status = f" ({failure.http_status})" if failure.http_status else ""
            error = f"{failure.kind.value}{status}"
        elapsed_s = self._clock.monotonic() - started
        price = self._catalogue.price_of(receipt.model_served, spec)
        return Probe(
            tier=tier,
            model=stage.slug,
            via=stage.caller.account,
            answered=error is None,
            model_served=receipt.model_served,
            latency_ms=round(elapsed_s * 1000),
            usage=usage_from(receipt.tokens, price),
            error=error,
        )
