"""The table of models on offer.

Figures: OpenRouter model list and vendors' model pages, second half of 2026.
"""

from __future__ import annotations

from typing import Any

from sandbox.catalogue import Model, Price, Tier

_GOOGLE = ("Google", "Google AI Studio")
_ANTHROPIC = ("Anthropic", "Amazon Bedrock", "Google")
_OPENAI = ("OpenAI", "Azure")


def _claude(slug: str, name: str, price: Price, **more: Any) -> Model:
    traits: dict[str, Any] = {"context": 1_000_000, "max_output": 128_000} | more
    return Model(
        slug=slug,
        name=name,
        price=price,
        providers=_ANTHROPIC,
        chars_per_token=2.8,
        native_stop="end_turn",
        **traits,
    )


def _gemini(slug: str, name: str, price: Price, **more: Any) -> Model:
    return Model(
        slug=slug,
        name=name,
        context=1_048_576,
        max_output=65_536,
        price=price,
        providers=_GOOGLE,
        **more,
    )


def _gpt(slug: str, name: str, price: Price, **more: Any) -> Model:
    traits: dict[str, Any] = {"context": 1_050_000, "max_output": 128_000} | more
    return Model(
        slug=slug,
        name=name,
        price=price,
        providers=_OPENAI,
        chars_per_token=3.3,
        native_stop="stop",
        **traits,
    )


MODELS: tuple[Model, ...] = (
    _gemini(
        "google/gemini-2.5-pro",
        "Google: Gemini 2.5 Pro",
        Price("1.25", "10", "0.125", "0.375"),
        tier=Tier(200_001, Price("2.50", "15", "0.25", "0.375")),
        thinks=2850,
        reasoning_mandatory=True,
        expires="2026-12-01",
    ),
    _gemini(
        "google/gemini-2.5-flash",
        "Google: Gemini 2.5 Flash",
        Price("0.30", "2.50"),
        expires="2026-12-01",
    ),
    _gemini("google/gemini-2.5-flash-lite", "Google: Gemini 2.5 Flash Lite", Price("0.10", "0.40")),
    _gemini(
        "google/gemini-3.1-pro-preview",
        "Google: Gemini 3.1 Pro Preview",
        Price("2", "12"),
        canonical="google/gemini-3.1-pro-preview-20260219",
        tier=Tier(200_001, Price("4", "18")),
        thinks=1780,
        reasoning_mandatory=True,
    ),
    _gemini(
        "google/gemini-3.5-flash",
        "Google: Gemini 3.5 Flash",
        Price("1.50", "9"),
        thinks=1200,
        reasoning_mandatory=True,
    ),
    _gemini(
        "google/gemini-3.8-flash",
        "Google: Gemini 3.8 Flash",
        Price("0.75", "3.75", "0.075"),
        thinks=900,
        reasoning_mandatory=True,
    ),
    _claude(
        "anthropic/claude-sonnet-4.5",
        "Anthropic: Claude Sonnet 4.5",
        Price("3", "15", "0.30", "3.75"),
        canonical="anthropic/claude-4.5-sonnet-20250929",
        max_output=64_000,
    ),
    _claude(
        "anthropic/claude-sonnet-4.6",
        "Anthropic: Claude Sonnet 4.6",
        Price("3", "15", "0.30", "3.75"),
        tier=Tier(200_001, Price("6", "22.50", "0.60", "7.50")),
    ),
    _claude(
        "anthropic/claude-sonnet-5",
        "Anthropic: Claude Sonnet 5",
        Price("2", "10", "0.20", "2.50"),
        thinks=800,
        samples=False,
    ),
    _claude(
        "anthropic/claude-sonnet-5.5",
        "Anthropic: Claude Sonnet 5.5",
        Price("2", "10", "0.20", "2.50"),
        thinks=700,
        samples=False,
    ),
    _claude(
        "anthropic/claude-haiku-4.5",
        "Anthropic: Claude Haiku 4.5",
        Price("1", "5", "0.10", "1.25"),
        canonical="anthropic/claude-4.5-haiku-20251001",
        context=200_000,
        max_output=64_000,
    ),
    _gpt(
        "openai/gpt-4o",
        "OpenAI: GPT-4o",
        Price("2.50", "10", "1.25"),
        context=128_000,
        max_output=16_384,
        expires="2027-01-14",
    ),
    _gpt(
        "openai/gpt-4o-mini",
        "OpenAI: GPT-4o mini",
        Price("0.15", "0.60", "0.075"),
        context=128_000,
        max_output=16_384,
        expires="2027-01-14",
    ),
    _gpt(
        "openai/gpt-4.1",
        "OpenAI: GPT-4.1",
        Price("2", "8", "0.50"),
        context=1_047_576,
        max_output=32_768,
        expires="2027-01-14",
    ),
    _gpt(
        "openai/gpt-4.1-mini",
        "OpenAI: GPT-4.1 mini",
        Price("0.40", "1.60", "0.10"),
        context=1_047_576,
        max_output=32_768,
        expires="2027-01-14",
    ),
    _gpt(
        "openai/gpt-6-luna",
        "OpenAI: GPT-6 Luna",
        Price("0.10", "0.50", "0.01"),
        thinks=1100,
        samples=False,
    ),
    _gpt("openai/gpt-6-sol", "OpenAI: GPT-6 Sol", Price("2", "10"), thinks=1500, samples=False),
    _gpt("openai/gpt-6.1-sol", "OpenAI: GPT-6.1 Sol", Price("2", "10"), thinks=1400, samples=False),
)
