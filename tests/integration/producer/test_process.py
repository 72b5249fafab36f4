"""`python -m producer`, as it runs in production: outages, recovery, the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.processes import free_port, kill, spawn
from sandbox.servers import EmbeddedMongo
from tests.builders import SESSION_ID
from tests.stripe_events import event, session
from tests.stripe_signing import SECRET, as_body, signature

ROOT = Path(__file__).resolve().parents[3]
START_S = 60.0
WITHIN_S = 5.0


@pytest.fixture
def mongo() -> Iterator[EmbeddedMongo]:
    server = EmbeddedMongo()
    yield server
    server.close()


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "producer.log"


@pytest.fixture
def producer(mongo: EmbeddedMongo, url: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {
        "PATH": os.environ["PATH"],
        "MONGODB_URI": mongo.url,
        "MONGODB_DB": "shop",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "OPENROUTER_API_KEY": "sk-or-v1-test",
        "STRIPE_WEBHOOK_SECRET": SECRET,
        "STRIPE_LIVEMODE": "true",
        "HOST": "127.0.0.1",
        "PORT": url.rpartition(":")[2],
    }
    with log.open("wb") as output:
        process = spawn([sys.executable, "-m", "producer"], env=env, cwd=ROOT, output=output)
    yield process
    kill(process)


def eventually(look: Callable[[], bool]) -> bool:
    """Look again until it is so; a process tells nobody when it is ready."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            if look():
                return True
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    return False


def get(url: str, path: str) -> int:
    return httpx.get(url + path, timeout=WITHIN_S).status_code


def deliver(url: str) -> int:
    body = as_body(event(session()))
    headers = {"Stripe-Signature": signature(body, time.time())}
    answer = httpx.post(f"{url}/webhooks/stripe", content=body, headers=headers, timeout=WITHIN_S)
    return answer.status_code


def test_outages_are_answered_and_survived(
    producer: subprocess.Popen[bytes], mongo: EmbeddedMongo, url: str, log: Path
) -> None:
    """Up without MongoDB, 503 in time, 200 once it is there, and the same again after a crash."""
    order = f"/orders/{SESSION_ID}"
    assert eventually(lambda: get(url, "/health") == 200)
    assert (deliver(url), get(url, order)) == (503, 503)

    mongo.start()
    assert eventually(lambda: deliver(url) == 200)
    assert get(url, order) == 200

    mongo.kill()
    assert (deliver(url), get(url, order), get(url, "/health")) == (503, 503, 200)

    mongo.start()
    assert eventually(lambda: deliver(url) == 200)

    producer.send_signal(signal.SIGTERM)
    assert producer.wait(timeout=START_S) in {0, -signal.SIGTERM}
    assert "database_chosen" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_faulty_environment_is_told_and_refused() -> None:
    """Exit status 78 and a sentence for a human, without a traceback."""
    env = {"PATH": os.environ["PATH"], "MONGODB_URI": "mongodb://127.0.0.1:1"}
    ended = subprocess.run(
        [sys.executable, "-m", "producer"],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 78
    assert "REDIS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
