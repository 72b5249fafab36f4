"""Unique keys on the site's collections, as far as years of data without them allow."""

from dataclasses import dataclass
from typing import Any, Final

import structlog
from pymongo import IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from domain.job import Kind
from ledger.connection import Database
from ledger.migrations.schema import Migration, create_index, drop_index, find_rivals, index
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
    """Return False when duplicates, or an index of the site, only allow a plain one for now."""
    try:
        is_unique = await create_index(database, key.collection, key.unique)
    except OperationFailure as error:
        if not isinstance(error, DuplicateKeyError) and error.code != _DUPLICATE_KEY:
            raise
        await _make_plain(database, key)
        log.warning(
            "unique_index_impossible",
            collection=key.collection,
            field=key.field,
            duplicates=await _count_duplicates(database, key),
        )
        return False
    if not is_unique:
        await _warn(database, key, key.unique)
        await _make_plain(database, key)
        return False
    await drop_index(database, key.collection, key.plain.document["name"])
    return True


async def _make_plain(database: Database, key: _Key) -> None:
    """Speed up the look-ups; an index of the site on this field does so just as well."""
    if not await create_index(database, key.collection, key.plain):
        await _warn(database, key, key.plain)


async def _warn(database: Database, key: _Key, wanted: IndexModel) -> None:
    """Leave what is there: nobody but its owner may drop an index of the site."""
    names = [rival["name"] for rival in await find_rivals(database, key.collection, wanted)]
    log.warning("index_in_the_way", collection=key.collection, name=", ".join(names))


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
