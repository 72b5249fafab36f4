"""`docs/data-and-deletion.md` names every collection and tells ages and fields as they are."""

import re
from pathlib import Path
from typing import Final

from config.settings import Settings
from ledger import names
from ledger.erasure import KEPT_OF_ORDER, WORDS_OF_ATTEMPT

PAGE: Final = (Path(__file__).parents[2] / "docs" / "data-and-deletion.md").read_text()
SITE: Final = {names.COUNTERS, *names.ORDERS.values()}


def first_cells() -> set[str]:
    return set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE))


def test_every_collection_has_its_line() -> None:
    """No line without a collection, no collection without a line."""
    ours = {value for name, value in vars(names).items() if name.isupper() and _is_name(value)}
    assert first_cells() == ours | SITE


def test_ages_are_those_of_the_settings() -> None:
    """Name and default stand side by side."""
    for name, field in Settings.model_fields.items():
        if name.startswith("retention_"):
            assert f"`{name.upper()}` ({field.default} days)" in PAGE


def test_fields_are_those_of_the_code() -> None:
    """What is taken from attempts, and what an emptied order keeps."""
    for field in (*WORDS_OF_ATTEMPT, *KEPT_OF_ORDER):
        assert f"`{field}`" in PAGE, field


def _is_name(value: object) -> bool:
    return isinstance(value, str)
