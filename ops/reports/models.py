"""The chain as it is configured, and how its models answered. Pure."""

from collections.abc import Sequence
from datetime import date
from statistics import fmean
from typing import Final

from pydantic import BaseModel, computed_field

from domain.answer import Tier, Usage
from llm.catalogue import ModelSpec
from llm.listing import ListedModel
from llm.pricing import Price
from llm.slugs import check_slugs

FASTEST: Final = 5


class ModelLine(BaseModel):
    """One model in its place. Prices in USD per million tokens; `via` is whose key pays."""

    tier: Tier
    model: str
    via: str
    max_tokens: int
    price_in: float | None
    price_out: float | None
    expires: date | None
    concerns: list[str]


class ChainList(BaseModel):
    """`list_read` says whether OpenRouter's own list could be read for it."""

    models: list[ModelLine]
    list_read: bool


class Probe(BaseModel):
    """One tiny question to one model."""

    tier: Tier | None
    model: str
    via: str
    answered: bool
    model_served: str | None = None
    latency_ms: int
    usage: Usage = Usage()
    error: str | None = None


class ProbeRun(BaseModel):
    """A test of models: all probes, and their summary."""

    probes: list[Probe]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def success_rate(self) -> float:
        return _answered(self.probes) / len(self.probes) if self.probes else 0.0

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def average_latency_ms(self) -> float | None:
        """Return the mean of those that answered."""
        times = [probe.latency_ms for probe in self.probes if probe.answered]
        return round(fmean(times), 1) if times else None

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def total_cost_usd(self) -> float:
        return sum(probe.usage.cost_usd for probe in self.probes)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def failures(self) -> list[str]:
        return [f"{p.model}: {p.error}" for p in self.probes if not p.answered]

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def fastest(self) -> list[str]:
        answered = sorted((p for p in self.probes if p.answered), key=lambda p: p.latency_ms)
        return [probe.model for probe in answered[:FASTEST]]


def chain_of(
    specs: Sequence[tuple[ModelSpec, str]], models: Sequence[ListedModel] | None, today: date
) -> ChainList:
    """Describe the chain; `specs` come with the account that is asked, `models` may be unknown."""
    listed = {model.id: model for model in models or ()}
    return ChainList(
        models=[_line(spec, via, listed, today) for spec, via in specs],
        list_read=models is not None,
    )


def _line(spec: ModelSpec, via: str, listed: dict[str, ListedModel], today: date) -> ModelLine:
    model = None
    if spec.tier is not Tier.EMERGENCY:
        model = listed.get(spec.slug) or listed.get(spec.slug.partition(":")[0])
    price: Price | None = (model.price if model else None) or spec.price
    concerns = check_slugs([spec], listed.values(), today) if listed else []
    return ModelLine(
        tier=spec.tier,
        model=spec.slug,
        via=via,
        max_tokens=spec.max_tokens,
        price_in=price.per_million_in if price else None,
        price_out=price.per_million_out if price else None,
        expires=model.expires if model else None,
        concerns=[concern.detail for concern in concerns],
    )


def _answered(probes: Sequence[Probe]) -> int:
    return sum(probe.answered for probe in probes)
