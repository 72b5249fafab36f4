"""Every answer of the corpus is judged as its index says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from domain.acceptance import Accepted, judge
from domain.job import Kind
from domain.order import Horse, read_horse
from tests.judgement.reports import HORSE

CORPUS: Final = Path(__file__).parents[1] / "corpus"
LABELS: Final = ("good", "bad")


def _index(kind: Kind, label: str) -> list[dict[str, Any]]:
    loaded = yaml.safe_load((CORPUS / kind / label / "index.yaml").read_text(encoding="utf-8"))
    return list(loaded)


CASES: Final = [
    pytest.param(kind, label, row, id=f"{kind}-{label}-{row['file']}")
    for kind in Kind
    for label in LABELS
    for row in _index(kind, label)
]


@pytest.mark.parametrize(("kind", "label", "row"), CASES)
def test_judges_as_the_index_says(
    kind: Kind, label: str, row: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    """Good answers are accepted with their price, bad ones refused."""
    text = (CORPUS / kind / label / row["file"]).read_bytes().decode()
    verdict = judge(kind, _horse(row), text)
    record_property("corpus", f"{kind} {label} {type(verdict).__name__}")
    assert isinstance(verdict, Accepted) is (label == "good"), verdict
    if isinstance(verdict, Accepted):
        expected = (row["low"], row["high"], row.get("currency", "EUR"))
        assert (verdict.price_low, verdict.price_high, verdict.currency) == expected


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("label", LABELS)
def test_index_and_files_agree(kind: Kind, label: str) -> None:
    """No file is forgotten and none is missing."""
    listed = {row["file"] for row in _index(kind, label)}
    present = {path.name for path in (CORPUS / kind / label).iterdir()} - {"index.yaml"}
    assert listed == present


def _horse(row: dict[str, Any]) -> Horse:
    return read_horse(row["horse"]) if "horse" in row else HORSE
