"""What the providers do: their everyday, and what it becomes in an outage."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from sandbox.chaos.plan import Fault

Json = dict[str, Any]

_USUAL: Final = {"lognormal": {"median": 0.25, "p95": 0.45, "max": 0.5}}
_FITTING: Final = {"outcome": "ok", "weight": 94}
_UNFITTING: Final = ("503", "apology", "stream_no_done", "english", "truncated_text", "empty_stop")


def everyday(seed: int) -> Json:
    """Return a scenario in which one call in twenty fails, each in another way."""
    then = [_FITTING, *({"outcome": name, "weight": 1} for name in _UNFITTING)]
    return {
        "seed": seed,
        "models": {"*": {"then": then, "latency": _USUAL}},
        "stripe": {"latency": 0.03},
        "mail": {"latency": 0.1},
    }


def _models(*names: str, pattern: str = "*") -> Json:
    return {"models": {pattern: {"then": list(names), "latency": _USUAL}}}


OUTAGES: Final[Mapping[Fault, Json]] = MappingProxyType(
    {
        Fault.MODELS_429: _models("429_upstream", "429_platform", "429_availability"),
        # Only OpenRouter's slugs have a vendor in front: the direct stage still answers.
        Fault.MODELS_401: _models("401", pattern="*/*"),
        Fault.MODELS_HANG: _models("hang", "stream_stall", "hang_after_pads"),
        Fault.MODELS_EMPTY: _models("empty_stop", "empty_null", "reasoning_exhausted"),
        Fault.MODELS_5XX: _models("500", "502", "503", "529", "52x_html"),
        Fault.MODELS_UNFIT: _models("apology_long", "refusal", "no_price", "price_is_height"),
        Fault.MAIL_DOWN: {"mail": {"then": ["503", "500", "429"], "latency": 0.1}},
        Fault.MAIL_TAKES_AND_DROPS: {
            "mail": {"then": ["accepted_then_reset", "accepted_then_500"], "latency": 0.1}
        },
        Fault.STRIPE_DOWN: {"stripe": {"then": ["503", "500", "reset"], "latency": 0.03}},
    }
)


def under(outages: Iterable[Fault], seed: int) -> Json:
    """Return the everyday with the outages laid over it that are under way."""
    scenario = everyday(seed)
    for fault in outages:
        for part, rule in OUTAGES[fault].items():
            scenario[part] = {**scenario[part], **rule}
    return scenario
