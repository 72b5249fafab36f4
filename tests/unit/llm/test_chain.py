"""The fallback chain: who is asked when, for how long, and what is kept of it."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.answer import Attempt, AttemptOutcome, Tier
from domain.errors import ChainExhausted, LostClaim
from domain.job import Stage
from domain.ports import Watch
from domain.retry import RetryPolicy
from llm.budgets import Budgets
from llm.catalogue import Catalogue, ModelTraits
from llm.chain import ModelStage
from llm.completion import Completion, Receipt
from llm.failures import FailureKind, Refused, Unintelligible, Unreachable
from llm.pricing import Tokens
from tests.unit.llm.builders import STAMP, completion
from tests.unit.llm.doubles import (
    BUDGETS,
    CLAUDE,
    DIRECT_CLAUDE,
    DIRECT_GPT,
    GEMINI,
    GPT,
    Diary,
    HangingCaller,
    Step,
    World,
    ask,
)

NO_RETRY = RetryPolicy(retries=0)
APOLOGY = Completion("Es tut mir leid.", "stop", Receipt(tokens=Tokens(10, 10)))


@pytest.fixture
def world() -> World:
    return World()


def server_error() -> Refused:
    return Refused(FailureKind.SERVER, "secret words", http_status=502, code="502")


async def test_the_first_good_answer_is_taken(world: World) -> None:
    """Primary answers: its facts are on the answer, and nobody else is asked."""
    table = {GEMINI: ModelTraits(name="Gemini 2.5 Pro", price_in=1.25, price_out=10.0)}
    served = completion("  Gut. \n", provider="Google", generation_id="gen-1")
    world.openrouter.script[GEMINI] = [Step(served, takes_s=12.5)]

    answer = await world.chain(catalogue=Catalogue(table)).answer(ask(), world.diary.watch)

    assert answer.text == "Gut."
    assert (answer.price_low, answer.price_high, answer.currency) == (8000, 10_000, "EUR")
    assert (answer.tier, answer.model_asked, answer.model_name) == (
        Tier.PRIMARY,
        GEMINI,
        "gemini 2.5 pro",
    )
    assert (answer.model_served, answer.provider, answer.generation_id) == (
        GEMINI,
        "Google",
        "gen-1",
    )
    assert (answer.latency_ms, answer.prompt) == (12_500, STAMP)
    assert (answer.usage.cost_usd, answer.usage.cost_estimated) == (0.00625, True)
    assert answer.accepted_at == world.clock.now()
    assert world.asked() == [GEMINI]


async def test_progress_is_told_as_it_happens(world: World) -> None:
    """Asking, first words, accepted; a second model does not turn the clock back."""
    world.openrouter.script[GEMINI] = [Step(APOLOGY)]
    await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)
    assert world.diary.stages == [Stage.ANALYZING, Stage.GENERATING, Stage.FINALIZING]


async def test_the_stages_are_asked_in_order(world: World) -> None:
    """Primary, secondary, tertiary, then Anthropic and OpenAI directly."""
    world.all_fail(server_error())

    with pytest.raises(ChainExhausted):
        await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)

    assert world.asked() == [GEMINI, CLAUDE, GPT, DIRECT_CLAUDE, DIRECT_GPT]
    tiers = [attempt.tier.value for attempt in world.diary.attempts]
    assert tiers == ["primary", "secondary", "tertiary", "emergency", "emergency"]


async def test_every_call_is_on_record_under_its_own_model(world: World) -> None:
    """Failures carry the failed model, what the provider said and which retry it was."""
    world.openrouter.script[GEMINI] = [Step(server_error())]

    answer = await world.chain(policy=RetryPolicy(retries=1)).answer(ask(), world.diary.watch)

    first, second, last = world.diary.attempts
    assert answer.model_asked == CLAUDE
    assert (first.model_asked, first.retry_number) == (GEMINI, 0)
    assert (second.model_asked, second.retry_number) == (GEMINI, 1)
    assert (first.outcome, first.error_type) == (AttemptOutcome.API_ERROR, "server")
    assert (first.http_status, first.error_code) == (502, "502")
    assert first.error_message == "secret words"
    assert (last.model_asked, last.outcome) == (CLAUDE, AttemptOutcome.ACCEPTED)
    assert last.usage.output_tokens == 500


async def test_an_unaccepted_answer_gets_one_more_try_and_then_the_next_model(
    world: World,
) -> None:
    """The refused text and the reasons are kept, the money is counted."""
    world.openrouter.script[GEMINI] = [Step(APOLOGY)]

    answer = await world.chain().answer(ask(), world.diary.watch)

    assert world.asked() == [GEMINI, GEMINI, CLAUDE]
    assert answer.model_asked == CLAUDE
    refused = world.diary.attempts[0]
    assert refused.outcome is AttemptOutcome.UNACCEPTED
    assert refused.verdict == ("apology", "no_price")
    assert refused.rejected_text == "Es tut mir leid."
    assert refused.usage.output_tokens == 10


async def test_a_truncated_answer_is_asked_again_with_more_room(world: World) -> None:
    """Thinking ate the cap: twice as much for the second try."""
    cut = Unintelligible(FailureKind.TRUNCATED)
    world.openrouter.script[GEMINI] = [Step(cut), Step(completion("Gut."))]

    await world.chain().answer(ask(), world.diary.watch)

    caps = [seen.call.spec.max_tokens for seen in world.openrouter.seen]
    assert caps == [12_000, 24_000]


async def test_a_hint_within_the_clock_is_waited_for(world: World) -> None:
    """Seven seconds asked, at least seven seconds given, then the same model."""
    busy = Refused(FailureKind.OVERLOADED, retry_after_s=7.0)
    world.openrouter.script[GEMINI] = [Step(busy, takes_s=1.0), Step(completion("Gut."))]

    await world.chain().answer(ask(), world.diary.watch)

    first, second = world.openrouter.seen
    assert (first.slug, second.slug) == (GEMINI, GEMINI)
    assert 8.0 <= second.at <= 8.5


async def test_a_hint_beyond_the_clock_means_the_next_model(world: World) -> None:
    """Nobody waits ten minutes while another model is at hand."""
    busy = Refused(FailureKind.OVERLOADED, retry_after_s=600.0)
    world.openrouter.script[GEMINI] = [Step(busy, takes_s=1.0)]

    await world.chain().answer(ask(), world.diary.watch)

    assert world.asked() == [GEMINI, CLAUDE]
    assert world.openrouter.seen[1].at < 2.0


@pytest.mark.parametrize("kind", [FailureKind.UNAUTHORIZED, FailureKind.PAYMENT_REQUIRED])
async def test_a_closed_account_leads_to_the_emergency_stage(
    world: World, kind: FailureKind
) -> None:
    """Key or balance refused: the other models of the account are not asked."""
    world.openrouter.script[GEMINI] = [Step(Refused(kind, http_status=401))]
    answer = await world.chain().answer(ask(), world.diary.watch)
    assert world.asked() == [GEMINI, DIRECT_CLAUDE]
    assert answer.tier is Tier.EMERGENCY


async def test_a_limit_of_the_platform_slows_down_every_model_of_the_account(
    world: World,
) -> None:
    """The pause holds for other orders too, but not for other accounts."""
    limited = Refused(FailureKind.RATE_LIMITED, retry_after_s=20.0)
    world.openrouter.script[GEMINI] = [Step(limited, takes_s=0.0)]
    await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)
    assert world.asked() == [GEMINI, CLAUDE]
    assert world.openrouter.seen[1].at >= 20.0


async def test_a_pause_beyond_the_clock_leads_to_the_emergency_stage(world: World) -> None:
    """What cannot be waited for is passed by."""
    await world.limiter.pause("openrouter", 50.0)
    budgets = Budgets(connect_s=1, attempt_s=15, model_s=30, chain_s=150)
    answer = await world.chain(budgets=budgets).answer(ask(), world.diary.watch)
    assert answer.tier is Tier.EMERGENCY


async def test_calls_of_one_account_keep_their_distance(world: World) -> None:
    """At least a tenth of a second between two requests with one key."""
    world.openrouter.script[GEMINI] = [Step(Refused(FailureKind.BAD_REQUEST), takes_s=0.0)]
    await world.chain().answer(ask(), world.diary.watch)
    first, second = world.openrouter.seen
    assert second.at - first.at == pytest.approx(0.1)


async def test_a_model_that_is_down_is_left_alone(world: World) -> None:
    """Five outages in a row open its breaker; later orders begin with the next model."""
    world.openrouter.script[GEMINI] = [Step(server_error(), takes_s=0.5)]
    for _ in range(5):
        await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)
    world.openrouter.seen.clear()

    await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)

    assert world.asked() == [CLAUDE]


async def test_unacceptable_content_does_not_open_a_breaker(world: World) -> None:
    """A model that answers badly is still a model that answers."""
    world.openrouter.script[GEMINI] = [Step(APOLOGY)]
    for _ in range(10):
        await world.chain().answer(ask(), world.diary.watch)
    assert await world.breaker.admits(GEMINI)


async def test_a_curtailed_timeout_does_not_open_a_breaker(world: World) -> None:
    """The order's own last seconds say nothing about the model."""
    world.openrouter.script[GEMINI] = [Step(completion(), takes_s=44.0)]
    budgets = Budgets(connect_s=1, attempt_s=45, model_s=45, chain_s=46)
    only = [ModelStage(world.openrouter, GEMINI, Tier.PRIMARY)] * 3
    for _ in range(6):
        with pytest.raises(ChainExhausted):
            await world.chain(only, budgets=budgets).answer(ask(), world.diary.watch)
    assert await world.breaker.admits(GEMINI)


async def test_with_every_breaker_open_one_probe_goes_through(world: World) -> None:
    """Somebody has to notice when the outage is over."""
    for slug in (GEMINI, CLAUDE, GPT, DIRECT_CLAUDE, DIRECT_GPT):
        for _ in range(5):
            await world.breaker.failed(slug)

    answer = await world.chain().answer(ask(), world.diary.watch)

    assert answer.model_asked == GEMINI
    assert await world.breaker.admits(GEMINI)


async def test_a_failed_probe_ends_the_order_for_now(world: World) -> None:
    """One call, not five times three of them."""
    world.all_fail(server_error())
    for slug in (GEMINI, CLAUDE, GPT, DIRECT_CLAUDE, DIRECT_GPT):
        for _ in range(5):
            await world.breaker.failed(slug)

    with pytest.raises(ChainExhausted) as caught:
        await world.chain().answer(ask(), world.diary.watch)

    assert world.asked() == [GEMINI]
    assert "breaker open" in caught.value.detail


async def test_a_switch_takes_openrouter_out_between_two_orders(world: World) -> None:
    """Read for every order, without a new chain."""
    switched = False
    chain = world.chain(direct_only=lambda: switched)
    first = await chain.answer(ask(), world.diary.watch)
    switched = True
    second = await chain.answer(ask(), world.diary.watch)
    assert (first.model_asked, second.model_asked) == (GEMINI, DIRECT_CLAUDE)


async def test_no_stage_at_all_exhausts_the_chain(world: World) -> None:
    """Direct only without direct keys: the job waits, nothing crashes."""
    chain = world.chain(world.stages[:3], direct_only=lambda: True)
    with pytest.raises(ChainExhausted, match="no stage"):
        await chain.answer(ask(), world.diary.watch)


async def test_an_exhausted_chain_tells_its_story_without_anybodys_words(world: World) -> None:
    """Model and failure, no provider text, no customer text, no answer text."""
    world.all_fail(server_error())
    world.openrouter.script[CLAUDE] = [Step(APOLOGY)]

    with pytest.raises(ChainExhausted) as caught:
        await world.chain(policy=NO_RETRY).answer(ask(), world.diary.watch)

    assert caught.value.detail == (
        f"{GEMINI}: server 502; {CLAUDE}: unaccepted (apology, no_price); {GPT}: server 502; "
        f"{DIRECT_CLAUDE}: server 502; {DIRECT_GPT}: server 502"
    )


async def test_a_hanging_model_leaves_time_for_the_emergency(world: World) -> None:
    """Three models of OpenRouter hang to the end of their time; Anthropic still answers."""
    for slug in (GEMINI, CLAUDE, GPT):
        world.openrouter.script[slug] = [Step(completion(), takes_s=10_000)]
    answer = await world.chain().answer(ask(), world.diary.watch)
    assert answer.model_asked == DIRECT_CLAUDE
    assert world.anthropic.seen[0].call.deadline_s >= 0.8 * BUDGETS.attempt_s


SECONDS = st.floats(0.1, 200)
FAILURES = st.one_of(
    st.builds(
        Refused,
        st.sampled_from(FailureKind),
        retry_after_s=st.none() | st.floats(0, 500),
    ),
    st.builds(Unreachable, st.sampled_from(FailureKind)),
    st.builds(Unintelligible, st.sampled_from(FailureKind)),
)
STEPS = st.builds(Step, FAILURES | st.just(APOLOGY) | st.just(completion("Gut.")), SECONDS)


@given(
    times=st.lists(SECONDS, min_size=4, max_size=4).map(sorted),
    scripts=st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=5, max_size=5),
)
def test_no_budget_is_ever_exceeded(times: list[float], scripts: list[list[Step]]) -> None:
    """Whatever the models do: attempts, models and the order end within their time."""
    world, budgets = World(), Budgets(*times)
    for stage, script in zip(world.stages, scripts, strict=True):
        for caller in (world.openrouter, world.anthropic, world.openai):
            caller.script[stage.slug] = script
    chain = world.chain(budgets=budgets)

    with contextlib.suppress(ChainExhausted):
        asyncio.run(chain.answer(ask(), world.diary.watch))

    assert world.clock.monotonic() <= budgets.chain_s + 1e-3
    seen = [*world.openrouter.seen, *world.anthropic.seen, *world.openai.seen]
    assert all(entry.call.deadline_s <= budgets.attempt_s for entry in seen)
    for slug in {entry.slug for entry in seen}:
        first = min(entry.at for entry in seen if entry.slug == slug)
        ends = max(entry.at + entry.call.deadline_s for entry in seen if entry.slug == slug)
        assert ends - first <= budgets.model_s + 1e-3
    assert len(world.diary.attempts) == len(seen)


async def test_cancellation_passes_at_once(world: World) -> None:
    """A stopping worker is not held up, and nothing is asked afterwards."""
    hanging = HangingCaller()
    stages = [ModelStage(hanging, GEMINI, Tier.PRIMARY), *world.stages[1:]]
    task = asyncio.create_task(world.chain(stages).answer(ask(), world.diary.watch))
    await hanging.asked.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert hanging.cancelled
    assert world.asked() == []
    assert [attempt.error_type for attempt in world.diary.attempts] == ["interrupted"]


async def test_a_call_whose_job_was_withdrawn_is_on_record(world: World) -> None:
    """The provider bills it all the same; the chain ends there."""

    async def withdrawn(stage: Stage) -> None:
        if stage is Stage.GENERATING:
            raise LostClaim("refunded")

    with pytest.raises(LostClaim):
        await world.chain().answer(ask(), Watch(world.diary.on_attempt, withdrawn))

    assert [attempt.error_type for attempt in world.diary.attempts] == ["interrupted"]


@pytest.mark.parametrize(
    ("served", "name"),
    [
        (GEMINI, "gemini 2.5 pro"),
        (f"{GEMINI}-20250617", "gemini 2.5 pro"),
        ("google/gemini-3.8-flash", "gemini 3.8 flash"),
        (None, "gemini 2.5 pro"),
    ],
)
async def test_the_name_is_that_of_the_model_which_served(
    world: World, served: str | None, name: str
) -> None:
    """A date in a slug makes no other model; another family does."""
    world.openrouter.script[GEMINI] = [Step(completion("Gut.", model_served=served))]

    answer = await world.chain().answer(ask(), world.diary.watch)

    assert answer.model_name == name


async def test_a_watch_that_lost_its_claim_stops_the_chain(world: World) -> None:
    """The worker's own errors are not mistaken for a model's."""

    async def lost(attempt: Attempt) -> None:
        raise LostClaim(attempt.model_asked)

    with pytest.raises(LostClaim):
        await world.chain().answer(ask(), Watch(lost, Diary().on_stage))
    assert world.asked() == [GEMINI]


@pytest.mark.parametrize(
    "times", [(0, 1, 2, 3), (2, 1, 3, 4), (1, 3, 2, 4), (1, 2, 4, 3), (-1, 1, 1, 1)]
)
def test_budgets_must_nest(times: tuple[float, float, float, float]) -> None:
    """Any other order is a misconfiguration, told at the start."""
    with pytest.raises(ValueError, match="nest"):
        Budgets(*times)
