"""Building the fallback chain from the settings."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from random import SystemRandom
from typing import Final

import httpx
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.models import load_models
from config.settings import Settings
from domain.answer import Tier
from domain.ports import Clock
from domain.retry import RetryPolicy
from llm.anthropic import anthropic_provider
from llm.breaker import Breaker
from llm.budgets import Budgets
from llm.catalogue import Catalogue, ModelTraits
from llm.chain import FallbackChain, ModelStage
from llm.completion import Caller
from llm.limiter import Limiter
from llm.openai import openai_provider
from llm.openrouter import Attribution, OpenRouter
from llm.shared import BOUND_S, SharedState
from worker.models import ModelWatch

MAX_REDIS_CONNECTIONS: Final = 20


def build_chain(
    settings: Settings,
    client: httpx.AsyncClient,
    clock: Clock,
    stack: AsyncExitStack,
    *,
    direct_only: Callable[[], bool],
) -> tuple[FallbackChain, ModelWatch | None]:
    """Return the chain, and the watch over OpenRouter's list of models where that is used."""
    catalogue = known_models()
    openrouter = make_openrouter(settings, client, clock)
    listed = listed_stages(settings, openrouter) if openrouter else []
    shared = SharedState(_redis(settings, stack), clock)
    chain = FallbackChain(
        [*listed, *direct_stages(settings, client, clock)],
        catalogue=catalogue,
        budgets=_budgets(settings),
        policy=_policy(settings),
        breaker=Breaker(shared, clock),
        limiter=Limiter(shared, clock, interval_s=settings.openrouter_min_interval_ms / 1000),
        clock=clock,
        rng=SystemRandom(),
        direct_only=direct_only,
    )
    if openrouter is None:
        return chain, None
    slugs = [(stage.slug, stage.tier) for stage in listed]
    return chain, ModelWatch(openrouter.fetch_models, catalogue=catalogue, chain=slugs, clock=clock)


def known_models() -> Catalogue:
    """Return the model table, as it is before OpenRouter's list was read."""
    return Catalogue(
        {slug: ModelTraits.model_validate(traits) for slug, traits in load_models().items()}
    )


def make_openrouter(
    settings: Settings, client: httpx.AsyncClient, clock: Clock
) -> OpenRouter | None:
    """Return None where only the direct providers are asked."""
    if not settings.use_openrouter or settings.openrouter_api_key is None:
        return None
    return OpenRouter(
        client,
        base_url=settings.openrouter_base_url,
        api_key=settings.openrouter_api_key,
        clock=clock,
        attribution=Attribution(site_url=settings.site_url),
    )


def listed_stages(settings: Settings, openrouter: OpenRouter) -> list[ModelStage]:
    """Return the stages that OpenRouter serves, in their order."""
    slugs = {
        Tier.PRIMARY: settings.primary_model,
        Tier.SECONDARY: settings.fallback_model,
        Tier.TERTIARY: settings.tertiary_model,
    }
    return [ModelStage(openrouter, slug, tier) for tier, slug in slugs.items()]


def direct_stages(settings: Settings, client: httpx.AsyncClient, clock: Clock) -> list[ModelStage]:
    """Return the emergency stages that have a key."""
    stages: list[tuple[Caller, str]] = []
    if key := settings.anthropic_api_key:
        base_url = settings.anthropic_base_url
        caller = anthropic_provider(client, base_url=base_url, api_key=key, clock=clock)
        stages.append((caller, settings.emergency_anthropic_model))
    if key := settings.openai_api_key:
        base_url = settings.openai_base_url
        stages.append(
            (
                openai_provider(client, base_url=base_url, api_key=key, clock=clock),
                settings.emergency_openai_model,
            )
        )
    return [ModelStage(caller, slug, Tier.EMERGENCY) for caller, slug in stages]


def _redis(settings: Settings, stack: AsyncExitStack) -> Redis:
    """Return a client without retries: breaker and limiter do without Redis when it is slow."""
    redis: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=BOUND_S,
        socket_connect_timeout=BOUND_S,
        max_connections=MAX_REDIS_CONNECTIONS,
        retry=Retry(NoBackoff(), 0),
    )
    stack.push_async_callback(redis.aclose)
    return redis


def _budgets(settings: Settings) -> Budgets:
    return Budgets(
        connect_s=settings.connect_s,
        attempt_s=settings.openrouter_timeout,
        model_s=settings.model_budget_s,
        chain_s=settings.chain_budget_s,
    )


def _policy(settings: Settings) -> RetryPolicy:
    return RetryPolicy(
        retries=settings.openrouter_retry_attempts,
        backoff_base=settings.openrouter_retry_backoff_base,
        backoff_max=settings.openrouter_retry_backoff_max,
        jitter=settings.openrouter_retry_jitter,
    )
