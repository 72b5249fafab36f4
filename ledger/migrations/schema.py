"""The parts a migration is made of."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import IndexModel
from pymongo.errors import CollectionInvalid, OperationFailure

from ledger.connection import Database

_INDEX_CONFLICTS: Final = frozenset({85, 86})
_INDEX_NOT_FOUND: Final = 27
_NAMESPACE_NOT_FOUND: Final = 26

Indexes = Mapping[str, Sequence[IndexModel]]
"""Indexes by collection."""

Description = Mapping[str, Any]
"""An index as the server lists it and as the driver sends it."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Both directions may run again after a crash half-way.

    `up` returns False when the data did not allow all of it; it is then tried at every start.
    """

    name: str
    up: Callable[[Database], Awaitable[bool]]
    down: Callable[[Database], Awaitable[None]]


def index(name: str, *keys: str, **options: Any) -> IndexModel:
    """Describe an index; a key with a leading minus sorts downwards."""
    directions = [(key.removeprefix("-"), -1 if key.startswith("-") else 1) for key in keys]
    return IndexModel(directions, name=name, **options)


async def create_indexes(database: Database, indexes: Indexes) -> None:
    """Create indexes on our own collections; what stands in the way there is dropped."""
    for collection, models in indexes.items():
        for model in models:
            if not await create_index(database, collection, model, suffices=_suffices_us):
                await _replace(database, collection, model)


def serves(present: Description, wanted: Description) -> bool:
    """Say whether an index that is there does at least what the wanted one would do."""
    return (
        list(present["key"].items()) == list(wanted["key"].items())
        and bool(present.get("unique")) >= bool(wanted.get("unique"))
        and present.get("expireAfterSeconds") == wanted.get("expireAfterSeconds")
        and present.get("partialFilterExpression") in (None, wanted.get("partialFilterExpression"))
        and bool(present.get("sparse")) <= bool(wanted.get("sparse"))
        and present.get("collation") == wanted.get("collation")
        and not present.get("hidden")
    )


async def create_index(
    database: Database,
    collection: str,
    model: IndexModel,
    *,
    suffices: Callable[[Description, Description], bool] = serves,
) -> bool:
    """Make sure that an index exists; False when one that promises less is in its way."""
    try:
        await database[collection].create_indexes([model])
    except OperationFailure as error:
        if error.code not in _INDEX_CONFLICTS:
            raise
        rivals = await find_rivals(database, collection, model)
        return any(suffices(present, model.document) for present in rivals)
    return True


async def find_rivals(
    database: Database, collection: str, model: IndexModel
) -> list[dict[str, Any]]:
    """Return the indexes of the same name or on the same keys, the one of the name first."""
    name, keys = model.document["name"], list(model.document["key"].items())
    rivals = [
        dict(present)
        async for present in database[collection].list_indexes()
        if present["name"] == name or list(present["key"].items()) == keys
    ]
    return sorted(rivals, key=lambda present: bool(present["name"] != name))


def _suffices_us(present: Description, wanted: Description) -> bool:
    # A unique index without our filter would refuse documents which the rule allows.
    same_filter = present.get("partialFilterExpression") == wanted.get("partialFilterExpression")
    return serves(present, wanted) and (same_filter or not wanted.get("unique"))


async def _replace(database: Database, collection: str, model: IndexModel) -> None:
    """Drop no more than is needed: indexes on the same keys may exist side by side."""
    for present in await find_rivals(database, collection, model):
        await drop_index(database, collection, present["name"])
        if await create_index(database, collection, model, suffices=_suffices_us):
            return


async def drop_indexes(database: Database, indexes: Indexes) -> None:
    for collection, models in indexes.items():
        for model in models:
            await drop_index(database, collection, model.document["name"])


async def drop_index(database: Database, collection: str, name: str) -> None:
    try:
        await database[collection].drop_index(name)
    except OperationFailure as error:
        if error.code not in (_INDEX_NOT_FOUND, _NAMESPACE_NOT_FOUND):
            raise


async def set_validator(database: Database, collection: str, schema: dict[str, Any]) -> None:
    """Refuse documents that do not fit; older ones which do not fit already stay changeable."""
    await _create_collection(database, collection)
    await database.command(
        "collMod",
        collection,
        validator={"$jsonSchema": schema} if schema else {},
        validationLevel="moderate",
        validationAction="error",
    )


async def _create_collection(database: Database, collection: str) -> None:
    try:
        await database.create_collection(collection)
    except CollectionInvalid:
        return


def index_migration(name: str, indexes: Indexes) -> Migration:
    """Build a step that creates indexes on the way up and drops them on the way down."""

    async def up(database: Database) -> bool:
        await create_indexes(database, indexes)
        return True

    async def down(database: Database) -> None:
        await drop_indexes(database, indexes)

    return Migration(name, up, down)
