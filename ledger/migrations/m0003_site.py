"""Unique keys on the site's collections, as far as years of data without them allow."""

from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from domain.job import Kind
from ledger.connection import Database
from ledger.migrations.schema import Migration, create_index, drop_index, index
from ledger.names import COUNTERS, ORDERS

log = structlog.get_logger(__name__)

_DUPLICATE_KEY: Final = 11000


@dataclass(frozen=True, slots=True)
class _Key:
    """A field of the site that identifies a document wherever it is a text."""

    collection: str
    field: str

    @property
    def unique(self) -> IndexModel:
        # Comparing with a text is true of texts only, and other than with `$type` the query
        # planner sees that a look-up by text stays inside the index.
        texts_only = {self.field: {"$gt": ""}}
        name = f"{self.field}_unique"
        return index(name, self.field, unique=True, partialFilterExpression=texts_only)

    @property
    def plain(self) -> IndexModel:
        return index(f"{self.field}_plain", self.field)


_KEYS: Final = (
    _Key(ORDERS[Kind.VALUATION], "stripeSessionId"),
    _Key(ORDERS[Kind.CERTIFICATE], "stripeSessionId"),
    _Key(ORDERS[Kind.CERTIFICATE], "zertifikatNummer"),
    _Key(COUNTERS, "name"),
)


async def _up(database: Database) -> bool:
    return all([await _make_unique(database, key) for key in _KEYS])


async def _down(database: Database) -> None:
    for key in _KEYS:
        for model in (key.unique, key.plain):
            await drop_index(database, key.collection, model.document["name"])


async def _make_unique(database: Database, key: _Key) -> bool:
    """Return False when duplicates only allow a plain index for now."""
    try:
        is_unique = await create_index(database, key.collection, key.unique)
    except OperationFailure as error:
        if not isinstance(error, DuplicateKeyError) and error.code != _DUPLICATE_KEY:
            raise
        # One that is there already on this field speeds the look-ups up just as well.
        await create_index(database, key.collection, key.plain)
        log.warning(
            "unique_index_impossible",
            collection=key.collection,
            field=key.field,
            duplicates=await _count_duplicates(database, key),
        )
        return False
    if not is_unique:
        # The site's own index: nobody but its owner may drop it.
        log.warning("index_in_the_way", collection=key.collection, field=key.field)
        return False
    await drop_index(database, key.collection, key.plain.document["name"])
    return True


async def _count_duplicates(database: Database, key: _Key) -> int:
    """Return how many values occur more than once."""
    stages: list[dict[str, Any]] = [
        {"$match": {key.field: {"$type": "string"}}},
        {"$group": {"_id": f"${key.field}", "count": {"$sum": 1}}},
        {"$match": {"count": {"$gt": 1}}},
        {"$count": "values"},
    ]
    async for found in database[key.collection].aggregate(stages):
        return int(found["values"])
    return 0


MIGRATION: Final = Migration("0003_site", _up, _down)
