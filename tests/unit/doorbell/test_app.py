"""The Celery settings that promises depend on."""

import pytest
from celery import Celery
from celery.exceptions import QueueNotFound

from doorbell.app import make_celery
from doorbell.names import QUEUE, TaskName


@pytest.fixture
def app() -> Celery:
    return make_celery("redis://127.0.0.1:1/0", name="test")


def test_only_ids_and_no_results(app: Celery) -> None:
    """JSON only, nothing stored, nothing expires: messages are hints."""
    assert app.conf.accept_content == ["json"]
    assert app.conf["task_ignore_result"] is True
    assert app.conf["result_backend"] is None
    assert app.conf["result_expires"] is None


def test_a_broker_is_waited_for_for_ever(app: Celery) -> None:
    """With kombu 5.7 only None means for ever; 0 would mean never."""
    assert app.conf.broker_connection_max_retries is None
    assert app.conf.broker_connection_retry_on_startup is True


def test_one_queue_and_no_typos(app: Celery) -> None:
    """A queue that nobody reads cannot be published to."""
    assert list(app.amqp.queues) == [QUEUE]
    with pytest.raises(QueueNotFound):
        app.send_task(TaskName.WORK, args=("x",), queue="typo")


def test_nothing_taken_is_kept_in_redis(app: Celery) -> None:
    """Nobody's visibility timeout can bring a ring back; the rescue loop does."""
    options = app.conf.broker_transport_options
    assert options["ack_emulation"] is False
    assert options["global_keyprefix"] == "pw:"
