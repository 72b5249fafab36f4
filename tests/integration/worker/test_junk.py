"""Junk in Redis: a worker process drops it and goes on."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
import redis

from doorbell.app import make_celery
from doorbell.junk import PATH
from doorbell.names import KEY_PREFIX, QUEUE, TaskName
from sandbox.servers import EmbeddedValkey
from tests.integration.worker.rehearsal import Rehearsal, eventually

pytestmark = pytest.mark.timeout(180)

WORK: Final = "valuation:cs_test_nobody"


def message(
    body: object = ([WORK], {}, {}), *, raw_body: str | None = None, **changes: Any
) -> dict[str, Any]:
    """Return what Celery puts into the list for one ring, changed by the test."""
    text = base64.b64encode(json.dumps(body).encode()).decode() if raw_body is None else raw_body
    headers = {"lang": "py", "task": TaskName.WORK.value, "id": "a-task", "retries": 0}
    properties = {
        "delivery_tag": f"tag-{len(text)}",
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
        "body_encoding": "base64",
    }
    return {
        "body": text,
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers | changes.pop("headers", {}),
        "properties": properties | changes.pop("properties", {}),
    } | changes


UNREADABLE: Final = [
    b"",
    b"not JSON",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'{"body": "cut off',
    json.dumps({"__type__": "uuid", "__value__": {"hex": "no uuid"}}).encode(),
]
SHAPELESS: Final[list[Any]] = [
    None, 7, "text", [], {}, {"properties": None}, {"properties": {}},
    message(properties={"delivery_tag": None}),
    message(properties={"delivery_tag": {"a": 1}}),
]  # fmt: skip
WRONG: Final[list[Any]] = [
    message(raw_body="%%%"),
    message(raw_body=""),
    message(body={}),
    message(body=[]),
    message(body=[1, 2]),
    message(body="text"),
    message(body=([WORK, "and one more"], {}, {})),
    message(body=([], {}, {})),
    message(body=([{"a": 1}], {}, {})),
    message(body=([None], {}, {})),
    message(body=(["x" * 300], {}, {})),
    message(body=([WORK], {"kwargs": 1}, {})),
    message(body=([WORK], [], {})),
    message(body=([WORK], {}, None)),
    message(body=([WORK], {}, {"chord": 1, "callbacks": 7, "errbacks": 7, "chain": 7})),
    message(body=(["x" * 5_000_000], {}, {})),
    message(body=7, properties={"body_encoding": "rot13"}),
    message(body=7, properties={"body_encoding": ["x"]}),
    message(headers={"task": "somebody.elses"}),
    message(headers={"task": None}),
    message(headers={"task": ["a"]}),
    message(headers={"task": {}}),
    message(headers={"id": None}),
    message(headers={"id": {"a": 1}}),
    message(headers={"id": ["a"]}),
    message(headers={"timelimit": 7}),
    message(headers={"timelimit": ["a", "b"]}),
    message(headers={"eta": "some day"}),
    message(headers={"eta": 7}),
    message(headers={"eta": "9999-12-31T23:59:59+00:00"}),
    message(headers={"expires": "some day"}),
    message(headers={"expires": {}}),
    message(headers={"retries": "many"}),
    message(headers={"argsrepr": {}, "kwargsrepr": 7}),
    message(headers={"group": {}, "root_id": [], "parent_id": 7, "stamps": 7}),
    message(headers={"compression": "application/x-gzip"}),
    message(headers={"compression": "no such"}),
    {**message(), "headers": None},
    {**message(), "headers": []},
    {**message(), "headers": "text"},
    {**message(), "headers": 7},
    {**message(), "headers": {}},
    {**message(), "body": None},
    {**message(), "body": 7},
    {**message(), "body": {"a": 1}},
    {**message(), "content-type": "application/x-python-serialize"},
    {**message(), "content-type": "no/such"},
    {**message(), "content-type": None},
    {**message(), "content-type": {"a": 1}},
    {**message(), "content-encoding": "no-such"},
    {**message(), "content-encoding": "binary"},
    {**message(), "content-encoding": None},
]
JUNK: Final = [*UNREADABLE, *(json.dumps(wrong).encode() for wrong in [*SHAPELESS, *WRONG])]


@pytest.fixture
def broker(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url) as client:
        yield client


def test_a_key_of_the_wrong_type(rehearsal: Rehearsal, broker: redis.Redis) -> None:
    """Somebody's hand set the queue's own key: it is removed, and work goes on."""
    rehearsal.models_take(0.1)
    worker = rehearsal.start_worker()
    broker.delete(f"{KEY_PREFIX}{QUEUE}")
    broker.set(f"{KEY_PREFIX}{QUEUE}", "a string")
    job_id = rehearsal.pay()

    eventually("fulfilled", rehearsal.is_fulfilled(job_id))
    assert worker.poll() is None
    assert "redis_key_of_wrong_type_removed" in rehearsal.log(worker)


@pytest.mark.parametrize("key", ["breaker:google/gemini-2.5-pro", "limiter:{openrouter}:next"])
def test_breakers_and_limits_fail_open(rehearsal: Rehearsal, broker: redis.Redis, key: str) -> None:
    """What cannot be read in Redis holds no order back."""
    rehearsal.models_take(0.1)
    rehearsal.start_worker()
    broker.delete(f"{KEY_PREFIX}{key}")
    broker.hset(f"{KEY_PREFIX}{key}", "a", "b")

    eventually("fulfilled", rehearsal.is_fulfilled(rehearsal.pay()))


def test_junk_in_the_queue(rehearsal: Rehearsal, broker: redis.Redis) -> None:
    """Whatever lies in the list is dropped; the same process then fulfils an order."""
    rehearsal.models_take(0.1)
    worker = rehearsal.start_worker()
    for junk in JUNK:
        broker.lpush(f"{KEY_PREFIX}{QUEUE}", junk)
        eventually(f"taken: {junk[:200]!r}", lambda: not broker.llen(f"{KEY_PREFIX}{QUEUE}"))
    job_id = rehearsal.pay()

    eventually("fulfilled", rehearsal.is_fulfilled(job_id))
    assert worker.poll() is None
    assert rehearsal.log(worker).count("queue_message_dropped") >= len(UNREADABLE + SHAPELESS)
    worker.terminate()
    assert worker.wait(20) == 0


def test_what_is_in_hand_is_not_put_back(valkey: EmbeddedValkey, broker: redis.Redis) -> None:
    """Whoever loses the line lets go of its rings: they would be tried on the dead line first."""
    app = make_celery(valkey.url, name="test")
    app.conf.broker_transport = PATH
    app.send_task(TaskName.WORK, args=(WORK,), queue=QUEUE, ignore_result=True)
    with app.connection_for_write() as line:
        channel: Any = line.default_channel
        assert channel.basic_get(QUEUE) is not None

    assert broker.llen(f"{KEY_PREFIX}{QUEUE}") == 0
