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
    """Create indexes on our own collections; one on the same keys under another name serves too."""
    for collection, models in indexes.items():
        for model in models:
            if not await create_index(database, collection, model):
                await _replace(database, collection, model)


async def create_index(database: Database, collection: str, model: IndexModel) -> bool:
    """Make sure that an index exists; False when one on the same keys promises less."""
    try:
        await database[collection].create_indexes([model])
    except OperationFailure as error:
        if error.code not in _INDEX_CONFLICTS:
            raise
        return _serves(await _on_same_keys(database, collection, model), model.document)
    return True


def _serves(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether an index that is there does what the wanted one would do."""
    unique_enough = bool(present.get("unique")) or not wanted.get("unique")
    same_life = present.get("expireAfterSeconds") == wanted.get("expireAfterSeconds")
    return unique_enough and same_life


async def _on_same_keys(
    database: Database, collection: str, model: IndexModel
) -> Mapping[str, Any]:
    wanted = list(model.document["key"].items())
    async for present in database[collection].list_indexes():
        if list(present["key"].items()) == wanted:
            found: Mapping[str, Any] = present
            return found
    return {}


async def _replace(database: Database, collection: str, model: IndexModel) -> None:
    present = await _on_same_keys(database, collection, model)
    await drop_index(database, collection, present.get("name", model.document["name"]))
    await database[collection].create_indexes([model])


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
