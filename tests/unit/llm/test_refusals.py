"""OpenRouter's error replies: what each of them means for the next step."""

from typing import Any

import pytest

from domain.answer import AttemptOutcome
from domain.retry import Persistence
from llm.failures import FailureKind, Refused, Scope
from llm.hints import retry_after_s
from llm.refusals import read_refusal
from tests.unit.llm.builders import NOW


def refused(error: object, status: int = 200, headers: dict[str, str] | None = None) -> Refused:
    return read_refusal({"error": error}, status=status, headers=headers or {}, now=NOW)


@pytest.mark.parametrize(
    ("status", "kind", "persistence"),
    [
        (400, "bad_request", "never"),
        (401, "unauthorized", "never"),
        (402, "payment_required", "never"),
        (403, "forbidden", "never"),
        (404, "not_found", "never"),
        (408, "gateway_timeout", "full"),
        (412, "bad_request", "never"),
        (413, "bad_request", "never"),
        (422, "bad_request", "never"),
        (429, "rate_limited", "full"),
        (500, "server", "full"),
        (502, "server", "full"),
        (503, "overloaded", "full"),
        (504, "gateway_timeout", "full"),
        (520, "server", "full"),
        (524, "gateway_timeout", "full"),
        (529, "overloaded", "full"),
    ],
)
@pytest.mark.parametrize("where", ["line", "code", "text", "http_status"])
def test_a_status_means_the_same_wherever_it_stands(
    status: int, kind: str, persistence: str, where: str
) -> None:
    """In the response line, or inside a 200 as a number, a string or `http_status`."""
    errors: dict[str, dict[str, Any]] = {
        "line": {"message": "no"},
        "code": {"message": "no", "code": status},
        "text": {"message": "no", "code": str(status)},
        "http_status": {"message": "no", "http_status": status},
    }
    failure = refused(errors[where], status if where == "line" else 200)
    assert failure.kind is FailureKind(kind)
    assert failure.persistence is Persistence(persistence)


def test_a_redirect_is_a_wrong_address() -> None:
    """It is not followed and not asked again."""
    assert refused({}, 302).persistence is Persistence.NEVER


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        ({"code": 502, "metadata": {"error_type": "timeout"}}, 502, "gateway_timeout"),
        ({"code": 400, "metadata": {"error_type": "context_length_exceeded"}}, 400, "bad_request"),
        ({"error_type": "provider_overloaded", "http_status": 503}, 200, "overloaded"),
        ({"error_type": "payment_required"}, 200, "payment_required"),
        ({"code": "rate_limit_exceeded"}, 200, "rate_limited"),
        ({"code": 503, "metadata": {"error_type": "brand_new_type"}}, 503, "overloaded"),
    ],
)
def test_the_error_type_is_preferred_to_the_status(
    error: dict[str, Any], status: int, kind: str
) -> None:
    """Known types win, unknown ones fall back to the status."""
    assert refused(error, status).kind is FailureKind(kind)


@pytest.mark.parametrize(
    ("error", "upstream"),
    [
        ({"code": 429, "message": "Rate limit exceeded: free-models-per-min."}, False),
        ({"code": 429, "message": "Provider returned error"}, True),
        ({"code": 429, "message": "no", "metadata": {"provider_name": "Google"}}, True),
        (
            {"code": 429, "metadata": {"limit_source": "upstream_provider_shared_pool"}},
            True,
        ),
        ({"code": 429, "metadata": {"limit_source": "key", "provider_name": "Google"}}, False),
        ({"code": 429, "availability": {"code": "capacity_exhausted", "retryable": True}}, True),
        ({"code": 429, "metadata": {"headers": {"X-RateLimit-Limit": "20"}}}, False),
    ],
)
def test_two_kinds_of_429_are_told_apart(error: dict[str, Any], *, upstream: bool) -> None:
    """The platform's concerns the whole key, a provider's only the model."""
    failure = refused(error, 429)
    assert failure.scope is (Scope.MODEL if upstream else Scope.PLATFORM)
    assert failure.trips is upstream
    assert failure.outcome is AttemptOutcome.RATE_LIMIT


@pytest.mark.parametrize(
    ("error", "persistence"),
    [
        ({"message": "No endpoints found for google/gemini-1.0"}, "never"),
        ({"message": "No endpoints found that support image input"}, "once"),
        (
            {
                "message": "Provider returned error",
                "metadata": {"provider_name": "Google", "raw": ""},
            },
            "once",
        ),
        ({"message": "gone", "availability": {"code": "no_endpoints", "retryable": True}}, "once"),
        (
            {
                "message": "No endpoints found that support this",
                "availability": {"code": "constraint_filtered", "retryable": False},
            },
            "never",
        ),
    ],
)
def test_a_404_is_final_unless_it_is_known_to_flicker(
    error: dict[str, Any], persistence: str
) -> None:
    """The provider's own word on retrying beats our knowledge of the two odd shapes."""
    assert refused(error, 404).persistence is Persistence(persistence)


def test_availability_has_the_last_word_on_retrying() -> None:
    """A 503 that is declared final is not asked again."""
    failure = refused({"code": 503, "availability": {"retryable": False}}, 503)
    assert failure.persistence is Persistence.NEVER


@pytest.mark.parametrize("status", [401, 402])
def test_key_and_balance_concern_the_account(status: int) -> None:
    """No other model of the same account is worth asking."""
    assert refused({"message": "no"}, status).scope is Scope.ACCOUNT


def test_the_upstream_cause_is_kept() -> None:
    """`raw` often is JSON inside a string and holds the true reason."""
    failure = refused(
        {
            "code": 502,
            "message": "Provider returned error",
            "metadata": {"raw": '{"error": {"message": "Resource exhausted"}}'},
        }
    )
    assert failure.message == "Provider returned error (Resource exhausted)"


@pytest.mark.parametrize("raw", ["<html>secret</html>", None, 7, [], "[[1]]", "{}"])
def test_an_odd_upstream_cause_is_left_out(raw: object) -> None:
    """Pages and nonsense add nothing."""
    failure = refused({"message": "Provider returned error", "metadata": {"raw": raw}})
    assert failure.message == "Provider returned error"


@pytest.mark.parametrize(
    ("headers", "error", "seconds"),
    [
        ({"Retry-After": "7"}, {}, 7.0),
        ({"retry-after": "0.5"}, {}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, {}, 1.5),
        ({"retry-after": "Fri, 20 Nov 2026 12:00:30 GMT"}, {}, 30.0),
        ({"retry-after": "soon"}, {}, None),
        ({"retry-after": "-3"}, {}, 0.0),
        ({}, {"availability": {"retry_after": 4}}, 4.0),
        ({}, {"availability": {"retry_after": None}}, None),
        ({"retry-after": "9"}, {"availability": {"retry_after": 4}}, 9.0),
        ({}, {"metadata": {"headers": {"Retry-After": "6"}}}, 6.0),
        ({"x-ratelimit-reset": str(int((NOW + 12) * 1000))}, {}, 12.0),
        ({"x-ratelimit-reset": str(int(NOW + 12))}, {}, 12.0),
        ({}, {"metadata": {"headers": {"X-RateLimit-Reset": (NOW + 3) * 1000}}}, 3.0),
        ({"x-ratelimit-reset": str(int(NOW - 50))}, {}, 0.0),
        ({}, {}, None),
    ],
)
def test_hints_are_found_in_every_place(
    headers: dict[str, str], error: dict[str, Any], seconds: float | None
) -> None:
    """Seconds, milliseconds, HTTP dates and epoch resets, in headers and bodies."""
    found = retry_after_s(headers, error, NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))
