"""Whole worker processes: start, work, trouble, end."""

import os
import signal
from pathlib import Path

import pytest

from sandbox.processes import free_port
from sandbox.servers import EmbeddedMongo, EmbeddedValkey
from tests.integration.worker.rehearsal import Rehearsal, eventually

pytestmark = pytest.mark.timeout(180)


def test_paid_order_reaches_the_customer(rehearsal: Rehearsal) -> None:
    """From a job in the ledger to a result on the order and two mails, without any ring."""
    rehearsal.models_take(0.1)
    worker = rehearsal.start_worker()
    job_id = rehearsal.pay()

    eventually("fulfilled", rehearsal.is_fulfilled(job_id))

    found = rehearsal.database.bewertungen.find_one({"stripeSessionId": job_id.partition(":")[2]})
    assert found is not None
    assert (found["status"], found["ai_model"]) == ("fertig", "gemini 2.5 pro")
    keys = sorted(mail["idempotency_key"] for mail in rehearsal.mails())
    assert keys == [f"{job_id}:admin", f"{job_id}:customer"]
    worker.terminate()
    assert worker.wait(20) == 0


def test_short_jobs_finish_on_sigterm(rehearsal: Rehearsal) -> None:
    """Within the grace time running jobs are finished, then the process ends with 0."""
    rehearsal.models_take(1.5)
    worker = rehearsal.start_worker(WORKER_GRACE_SECONDS="15")
    job_id = rehearsal.pay()
    eventually("running", rehearsal.is_(job_id, "running"))
    worker.terminate()

    assert worker.wait(30) == 0
    assert rehearsal.is_fulfilled(job_id)()


def test_long_jobs_are_handed_back_on_sigterm(rehearsal: Rehearsal) -> None:
    """After the grace time jobs go back to the ledger at once and another worker takes them."""
    rehearsal.models_take(60)
    leaving = rehearsal.start_worker(WORKER_GRACE_SECONDS="1")
    jobs = [rehearsal.pay() for _ in range(3)]
    for job_id in jobs:
        eventually("running", rehearsal.is_(job_id, "running"))
    leaving.terminate()

    assert leaving.wait(20) == 0
    assert [rehearsal.job(job_id)["owner"] for job_id in jobs] == [None] * 3
    assert rehearsal.database.workers.count_documents({}) == 0

    rehearsal.models_take(0.1)
    rehearsal.start_worker()
    for job_id in jobs:
        eventually("fulfilled", rehearsal.is_fulfilled(job_id))
    assert len(rehearsal.mails()) == 6


def test_second_signal_hurries(rehearsal: Rehearsal) -> None:
    """Pressing Ctrl-C twice does not wait for the grace time."""
    rehearsal.models_take(100)
    worker = rehearsal.start_worker(WORKER_GRACE_SECONDS="90")
    job_id = rehearsal.pay()
    eventually("running", rehearsal.is_(job_id, "running"))
    worker.send_signal(signal.SIGINT)
    eventually("draining", lambda: "draining" in rehearsal.log(worker))
    worker.send_signal(signal.SIGINT)

    assert worker.wait(30) == 0
    assert rehearsal.job(job_id)["state"] == "queued"


def test_jobs_of_a_killed_worker_run_elsewhere(rehearsal: Rehearsal) -> None:
    """Kill -9 costs seconds: the other worker hears the silence and takes over."""
    rehearsal.models_take(4)
    doomed = rehearsal.start_worker()
    job_id = rehearsal.pay()
    eventually("running", rehearsal.is_(job_id, "running"))
    rehearsal.start_worker()
    doomed.kill()

    eventually("taken over", lambda: bool(rehearsal.job(job_id)["fence"] == 2), within_s=5)
    eventually("fulfilled", rehearsal.is_fulfilled(job_id))
    assert len(rehearsal.mails()) == 2


def test_redis_outage_while_busy(rehearsal: Rehearsal, valkey: EmbeddedValkey) -> None:
    """Redis dies under running jobs: they finish, and the same process works on afterwards."""
    rehearsal.models_take(3)
    worker = rehearsal.start_worker()
    during = [rehearsal.pay() for _ in range(2)]
    for job_id in during:
        eventually("running", rehearsal.is_(job_id, "running"))
    valkey.kill()
    for job_id in during:
        eventually("fulfilled without Redis", rehearsal.is_fulfilled(job_id))

    meanwhile = rehearsal.pay()
    valkey.start()

    eventually("fulfilled after the outage", rehearsal.is_fulfilled(meanwhile))
    assert worker.poll() is None
    worker.terminate()
    assert worker.wait(30) == 0


def test_sigterm_while_redis_is_frozen(rehearsal: Rehearsal, valkey: EmbeddedValkey) -> None:
    """A Redis that neither answers nor hangs up cannot keep a process from leaving."""
    rehearsal.models_take(60)
    worker = rehearsal.start_worker()
    job_id = rehearsal.pay()
    eventually("running", rehearsal.is_(job_id, "running"))
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        worker.terminate()

        assert worker.wait(20) == 0
        assert rehearsal.job(job_id)["state"] == "queued"
    finally:
        os.kill(valkey.pid, signal.SIGCONT)


def test_start_before_redis(rehearsal: Rehearsal, valkey: EmbeddedValkey) -> None:
    """Without Redis a worker waits for it and then works."""
    rehearsal.models_take(0.1)
    valkey.stop()
    worker = rehearsal.start_worker(ready=False)
    job_id = rehearsal.pay()
    eventually("tries", lambda: "waiting_for_redis" in rehearsal.log(worker))
    valkey.start()

    eventually("fulfilled", rehearsal.is_fulfilled(job_id))


def test_start_before_mongodb(rehearsal: Rehearsal) -> None:
    """Without MongoDB a worker says what it waits for, and leaves when asked."""
    nowhere = f"mongodb://127.0.0.1:{free_port()}/?replicaSet=rs0"
    worker = rehearsal.start_worker(ready=False, MONGODB_URI=nowhere)
    eventually("waits", lambda: "waiting_for_mongodb" in rehearsal.log(worker))
    worker.terminate()

    assert worker.wait(20) == 0


def test_wrong_environment(rehearsal: Rehearsal) -> None:
    """Faulty settings end the process at once with their names, not with a stack."""
    worker = rehearsal.start_worker(ready=False, OPENROUTER_TIMEOUT="soon", MONGODB_DB="")

    assert worker.wait(20) == 78
    assert "OPENROUTER_TIMEOUT" in rehearsal.log(worker)
    assert "Traceback" not in rehearsal.log(worker)


def test_mongodb_restart_while_the_model_works(
    valkey: EmbeddedValkey, sandbox_url: str, tmp_path: Path
) -> None:
    """The answer in hand outlives MongoDB's absence; the model is asked once."""
    with EmbeddedMongo() as mongo:
        rehearsal = Rehearsal(mongo.url, valkey, sandbox_url, tmp_path)
        try:
            rehearsal.http.post("/control/reset")
            rehearsal.models_take(4)
            worker = rehearsal.start_worker()
            job_id = rehearsal.pay()
            eventually("running", rehearsal.is_(job_id, "running"))
            eventually("asked", lambda: rehearsal.questions() == 1)
            mongo.stop()
            eventually("the model answered", lambda: "model_attempt" in rehearsal.log(worker))
            mongo.start()

            eventually("fulfilled", rehearsal.is_fulfilled(job_id), within_s=60)
            assert rehearsal.questions() == 1
        finally:
            rehearsal.close()
