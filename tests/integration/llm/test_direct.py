"""The emergency stages over real connections, and the chain that falls down to them."""

from collections.abc import Callable
from random import Random

import httpx
import pytest
from pydantic import SecretStr

from domain.answer import AttemptOutcome, Tier
from domain.ports import Chain
from domain.retry import RetryPolicy
from llm.anthropic import anthropic_provider
from llm.breaker import Breaker
from llm.budgets import Budgets
from llm.catalogue import Catalogue
from llm.chain import FallbackChain, ModelStage
from llm.completion import Caller
from llm.direct import DirectProvider
from llm.failures import FailureKind, ModelFailure
from llm.limiter import Limiter
from llm.openai import openai_provider
from llm.openrouter import OpenRouter
from tests.integration.llm.conftest import RealClock
from tests.integration.llm.wire_server import Line, WireServer, reply, wire_server
from tests.unit.llm.builders import body, call, encoded
from tests.unit.llm.doubles import CLAUDE, DIRECT_CLAUDE, GEMINI, GPT, Diary, NoRedis, ask

Build = Callable[[httpx.AsyncClient, WireServer], Caller]
KEY = SecretStr("sk-secret-0123456789")
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Gut."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 100, "output_tokens": 50},
}


def anthropic(client: httpx.AsyncClient, server: WireServer) -> DirectProvider:
    return anthropic_provider(client, base_url=server.url, api_key=KEY, clock=RealClock())


def openai(client: httpx.AsyncClient, server: WireServer) -> DirectProvider:
    return openai_provider(client, base_url=f"{server.url}/v1", api_key=KEY, clock=RealClock())


async def test_anthropic_answers(client: httpx.AsyncClient) -> None:
    """Path, headers and the receipt are Anthropic's own."""
    async with wire_server(reply(encoded(MESSAGE), request_id="req_1")) as server:
        completion = await anthropic(client, server).complete(call())
    request = server.requests[0]
    assert completion.text == "Gut."
    assert completion.receipt.generation_id == "msg_01"
    assert request.path == "/v1/messages"
    assert request.headers["x-api-key"] == KEY.get_secret_value()
    assert request.headers["anthropic-version"] == "2023-06-01"


async def test_openai_answers(client: httpx.AsyncClient) -> None:
    """Path and header are OpenAI's; the provider is named although the body does not."""
    plain = {key: value for key, value in body().items() if key != "provider"}
    async with wire_server(reply(encoded(plain))) as server:
        completion = await openai(client, server).complete(call())
    assert (completion.text, completion.receipt.provider) == ("Gut.", "OpenAI")
    assert server.requests[0].path == "/v1/chat/completions"
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY.get_secret_value()}"


@pytest.mark.parametrize("build", [anthropic, openai])
async def test_an_overloaded_vendor(client: httpx.AsyncClient, build: Build) -> None:
    """529 is a refusal worth another try."""
    error = encoded({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})
    async with wire_server(reply(error, 529)) as server:
        with pytest.raises(ModelFailure) as caught:
            await build(client, server).complete(call())
    assert caught.value.kind is FailureKind.OVERLOADED


async def silence(line: Line) -> None:
    await line.until_hung_up()


@pytest.mark.parametrize("build", [anthropic, openai])
async def test_a_silent_vendor(client: httpx.AsyncClient, build: Build) -> None:
    """The deadline holds here too."""
    async with wire_server(silence) as server:
        with pytest.raises(ModelFailure) as caught:
            await build(client, server).complete(call(deadline_s=0.2))
        await server.hung_up.wait()
    assert caught.value.kind is FailureKind.TIMEOUT


async def test_the_chain_falls_down_to_the_emergency_stage(client: httpx.AsyncClient) -> None:
    """Reset, hang and 502 at OpenRouter; Anthropic answers; all four calls are on record."""

    async def reset(line: Line) -> None:
        line.reset()

    diary, clock = Diary(), RealClock()
    bad_gateway = reply(b"<html>", 502, "text/html")
    async with (
        wire_server(reset, silence, bad_gateway) as router,
        wire_server(reply(encoded(MESSAGE))) as vendor,
    ):
        openrouter = OpenRouter(client, base_url=f"{router.url}/api/v1", api_key=KEY, clock=clock)
        chain: Chain = FallbackChain(
            [
                ModelStage(openrouter, GEMINI, Tier.PRIMARY),
                ModelStage(openrouter, CLAUDE, Tier.SECONDARY),
                ModelStage(openrouter, GPT, Tier.TERTIARY),
                ModelStage(anthropic(client, vendor), DIRECT_CLAUDE, Tier.EMERGENCY),
            ],
            catalogue=Catalogue({}),
            budgets=Budgets(connect_s=0.5, attempt_s=1, model_s=1, chain_s=20),
            policy=RetryPolicy(retries=0),
            breaker=Breaker(NoRedis(), clock),
            limiter=Limiter(NoRedis(), clock, interval_s=0),
            clock=clock,
            rng=Random(1),  # noqa: S311 - jitter, not cryptography
        )
        answer = await chain.answer(ask(), diary.watch)

    assert (answer.tier, answer.model_served) == (Tier.EMERGENCY, "claude-sonnet-5")
    assert answer.usage.cost_estimated
    outcomes = [attempt.outcome for attempt in diary.attempts]
    assert outcomes == [
        AttemptOutcome.API_ERROR,
        AttemptOutcome.TIMEOUT,
        AttemptOutcome.API_ERROR,
        AttemptOutcome.ACCEPTED,
    ]
