"""Keeping what we know about the models fresh, and saying when one of them is about to go."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from domain.answer import Tier
from domain.ports import Clock
from llm.catalogue import Catalogue
from llm.failures import ModelFailure
from llm.listing import ListedModel
from llm.slugs import check_slugs

FRESH_SECONDS: Final = 3600.0
RETRY_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class ModelWatch:
    """Reads OpenRouter's list of models about once an hour; orders never wait for it."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[list[ListedModel]]],
        *,
        catalogue: Catalogue,
        chain: Sequence[tuple[str, Tier]],
        clock: Clock,
    ) -> None:
        self._fetch = fetch
        self._catalogue = catalogue
        self._chain = chain
        self._clock = clock

    async def run(self) -> None:
        while True:
            await self._clock.sleep(FRESH_SECONDS if await self.look() else RETRY_SECONDS)

    async def look(self) -> bool:
        """Take in the current list and log what is wrong with our choice; False: unreachable."""
        try:
            models = await self._fetch()
        except ModelFailure as failure:
            log.warning("model_list_unavailable", kind=failure.kind.value)
            return False
        # Against the table, not the list: caps that the list corrects are still worth a line.
        specs = [self._catalogue.spec_for(slug, tier) for slug, tier in self._chain]
        for found in check_slugs(specs, models, self._clock.now().date()):
            concern = found.concern.value
            log.error("model_concern", model=found.slug, concern=concern, detail=found.detail)
        self._catalogue.learn(models)
        log.info("model_list_read", models=len(models))
        return True
