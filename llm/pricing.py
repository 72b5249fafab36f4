"""What a call cost: as charged, or from a price list when the provider does not say."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from domain.answer import Usage

_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """Usage as reported. `output` includes `reasoning`; `cost` in USD, None when not told."""

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens; reasoning is billed as output."""

    per_million_in: float
    per_million_out: float


def usage_from(tokens: Tokens | None, price: Price | None) -> Usage:
    """Return what goes on record; without reported tokens there is nothing to estimate."""
    if tokens is None:
        return Usage()
    estimate = 0.0
    if price is not None:
        spent = tokens.input * price.per_million_in + tokens.output * price.per_million_out
        estimate = spent / _MILLION
    return Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        reasoning_tokens=tokens.reasoning,
        cached_tokens=tokens.cached,
        cost_usd=estimate if tokens.cost is None else float(tokens.cost),
        cost_estimated=tokens.cost is None,
    )
