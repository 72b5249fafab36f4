"""Keeping the model list fresh."""

from datetime import date

from structlog.testing import capture_logs

from domain.answer import Tier
from llm.catalogue import Catalogue, ModelTraits
from llm.failures import FailureKind, Unreachable
from llm.listing import ListedModel
from tests.fakes.clock import FakeClock
from worker.models import ModelWatch

SLUG = "google/gemini-2.5-pro"


def watch(listed: list[ListedModel] | Exception) -> tuple[ModelWatch, Catalogue]:
    catalogue = Catalogue({SLUG: ModelTraits(max_tokens=12_000)})

    async def fetch() -> list[ListedModel]:
        if isinstance(listed, Exception):
            raise listed
        return listed

    chain = [(SLUG, Tier.PRIMARY)]
    return ModelWatch(fetch, catalogue=catalogue, chain=chain, clock=FakeClock()), catalogue


async def test_list_is_taken_in() -> None:
    """Caps from the list hold for the next order."""
    models, catalogue = watch([ListedModel(id=SLUG, max_completion_tokens=8_000)])

    assert await models.look()
    assert catalogue.spec_for(SLUG, Tier.PRIMARY).max_tokens == 8_000


async def test_concerns_are_said_aloud() -> None:
    """A slug that is gone or about to go is an error in the log, weeks ahead."""
    gone, _ = watch([])
    going, _ = watch([ListedModel(id=SLUG, expires=date(2026, 12, 1))])
    with capture_logs() as logs:
        await gone.look()
        await going.look()

    concerns = [entry["concern"] for entry in logs if entry["event"] == "model_concern"]
    assert concerns == ["unknown_slug", "expiring"]


async def test_no_list_no_harm() -> None:
    """Without the list the table stands alone."""
    models, catalogue = watch(Unreachable(FailureKind.TIMEOUT, "no answer"))

    assert not await models.look()
    assert catalogue.spec_for(SLUG, Tier.PRIMARY).max_tokens == 12_000
