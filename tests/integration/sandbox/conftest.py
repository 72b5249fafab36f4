"""The sandbox on a free port inside the test process."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.app import running
from sandbox.client import SandboxControl
from sandbox.scenario import Scenario

QUICK: dict[str, Any] = {"models": {"*": {"latency": 0.02}}}


@pytest.fixture
async def base() -> AsyncIterator[str]:
    async with running(Scenario.model_validate(QUICK)) as url:
        yield url


@pytest.fixture
async def control(base: str) -> AsyncIterator[SandboxControl]:
    async with SandboxControl(base) as control:
        yield control


@pytest.fixture
async def http(base: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=5) as client:
        yield client
