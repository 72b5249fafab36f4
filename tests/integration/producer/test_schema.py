"""Every route keeps what the OpenAPI document promises, for right and for wrong requests."""

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.specs.openapi.checks import (
    ensure_resource_availability,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from tests.integration.producer.web import STATES, TOKEN, Web, put_jobs, running_web, session_of

pytestmark = pytest.mark.timeout(600)

addresses = (str(IPv4Address("10.0.0.1") + number) for number in count())


@pytest.fixture(scope="module")
def web(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running_web(mongo_uri, tmp_path_factory.mktemp("web")) as web:
        put_jobs(web.database)
        yield web


@pytest.fixture(scope="module")
def promised(web: Web) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{web.url}/openapi.json")


# Unknown orders look like unknown paths, and a signature is no part of the schema: data that fits
# it may be refused all the same. Paths with a wrong method are tried elsewhere.
NOT_ASKED = [
    positive_data_acceptance,
    negative_data_rejection,
    missing_required_header,
    ensure_resource_availability,
    unsupported_method,
]
OPERATIONS = [
    ("POST", "/webhooks/stripe"),
    ("GET", "/orders/{session_id}"),
    ("GET", "/orders/{session_id}/events"),
    ("POST", "/orders/{session_id}/feedback"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/health/detailed"),
    ("GET", "/health/openrouter"),
    ("GET", "/admin/model-performance"),
    ("GET", "/admin/jobs"),
    ("GET", "/metrics"),
]
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
TOKENS = [None, TOKEN, "a wrong one"]


def test_every_route_is_tried(web: Web) -> None:
    raw = httpx.get(f"{web.url}/openapi.json").json()["paths"]
    found = {(method.upper(), path) for path, methods in raw.items() for method in methods}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_promises(
    promised: schemathesis.BaseSchema,
    web: Web,
    method: str,
    path: str,
    mode: schemathesis.GenerationMode,
) -> None:
    """Statuses, schemas and content types are as documented, and nothing is a 500."""
    cases = promised[path][method].as_strategy(generation_mode=mode)

    @settings(suppress_health_check=list(HealthCheck), print_blob=False)
    @given(case=cases, state=st.sampled_from([None, *STATES]), token=st.sampled_from(TOKENS))
    def keeps_its_promises(
        case: "schemathesis.Case[Any]", state: str | None, token: str | None
    ) -> None:
        if state and "session_id" in case.path_parameters and is_finite(path, state):
            case.path_parameters["session_id"] = session_of(state)
        headers = {"X-Forwarded-For": next(addresses)}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        case.call_and_validate(headers=headers, excluded_checks=NOT_ASKED, timeout=10)

    # A route without parameters takes nothing that could be wrong.
    with suppress(Unsatisfiable):
        keeps_its_promises()
    assert web.process.poll() is None
    assert "request_crashed" not in web.log.read_text()


def is_finite(path: str, state: str) -> bool:
    """Say whether the answer ends by itself: a stream goes on until nothing changes any more."""
    return not path.endswith("/events") or state in {"delivered", "parked", "cancelled"}
