"""Servers for worker processes, started once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.processes import kill
from sandbox.servers import EmbeddedValkey
from tests.integration.worker.rehearsal import Rehearsal, start_sandbox


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    process, url = start_sandbox()
    yield url
    kill(process)


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey of the test's own: tests stop, freeze and kill it."""
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def rehearsal(
    mongo_uri: str, valkey: EmbeddedValkey, sandbox_url: str, tmp_path: Path
) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(mongo_uri, valkey, sandbox_url, tmp_path)
    rehearsal.http.post("/control/reset")
    yield rehearsal
    rehearsal.close()
