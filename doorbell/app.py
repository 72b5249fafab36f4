"""How every process of this project speaks Celery: the settings, no task code."""

from collections.abc import Sequence
from typing import Any, Final

from celery import Celery
from kombu import Queue

from doorbell.events import WholeEvents
from doorbell.names import KEY_PREFIX, QUEUE

TRANSPORT: Final[dict[str, Any]] = {
    # A ring is not worth keeping: who takes one and dies leaves a due job behind, and the rescue
    # loop rings again. Keeping each until its end costs four Redis commands in two round trips.
    "ack_emulation": False,
    "socket_timeout": 5.0,
    "socket_connect_timeout": 2.0,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "global_keyprefix": KEY_PREFIX,
}


def make_celery(redis_url: str, *, name: str, queues: Sequence[str] = (QUEUE,)) -> Celery:
    """Return an app that publishes to and consumes `queues`, the first by default.

    Messages are job ids and ticks; truth and results live in the ledger.
    """
    app = Celery(name, broker=redis_url, set_as_current=False, events=WholeEvents)
    app.conf.update(_broker() | _tasks(queues) | _worker())
    return app


def _broker() -> dict[str, Any]:
    return {
        "broker_transport_options": dict(TRANSPORT),
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        # None is for ever; with kombu 5.7 a zero means "never again".
        "broker_connection_max_retries": None,
        # Flower's threads each hold a connection while they ask for another.
        "broker_pool_limit": 10,
        "task_publish_retry": True,
        "task_publish_retry_policy": {
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.2,
        },
    }


def _tasks(queues: Sequence[str]) -> dict[str, Any]:
    return {
        "task_queues": [Queue(queue) for queue in queues],
        "task_default_queue": queues[0],
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_ignore_result": True,
        "result_backend": None,
        # Otherwise each pool thread builds a "no backend" of its own, and reads the metadata of
        # every installed package for it: 3 ms of CPU a thread, all of them at the first wave.
        "result_backend_thread_safe": True,
        "result_expires": None,
        "timezone": "UTC",
        "enable_utc": True,
    }


def _worker() -> dict[str, Any]:
    return {
        "worker_prefetch_multiplier": 1,
        "worker_disable_rate_limits": True,
        # Threads cannot be cancelled from outside; a second copy finds nothing to claim.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # 5.6 may keep the reduced count for ever; a message too many costs one look at the ledger.
        "worker_enable_prefetch_count_reduction": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
    }
