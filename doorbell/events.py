"""What workers tell Flower: Celery's events, none lost on the way."""

import threading
from collections.abc import Callable
from typing import Any, Final

from celery.app.events import Events
from celery.events.dispatcher import EventDispatcher

BUFFER: Final = 1000


class WholeDispatcher(EventDispatcher):
    """Takes exactly what it publishes out of the buffer.

    Celery's own clears the whole buffer after publishing. A pool thread that starts its task
    meanwhile has put its event there: Flower then never learns that the task runs, or that it
    ended (celery/events/dispatcher.py, `flush`, 5.6.3).
    """

    buffer_limit: int
    mutex: threading.Lock
    _group_buffer: dict[str, list[dict[str, Any]]]
    _publish: Callable[..., None]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Celery's 24 are reached many times a second, by pool threads that would then publish.
        self.buffer_limit = BUFFER

    def flush(self, errors: bool = True, groups: bool = True) -> None:  # noqa: FBT001, FBT002 - Celery's signature
        super().flush(errors=errors, groups=False)
        if groups:
            with self.mutex:
                for group, buffered in list(self._group_buffer.items()):
                    self._publish_all(group, buffered)

    def _publish_all(self, group: str, buffered: list[dict[str, Any]]) -> None:
        if count := len(buffered):
            self._publish(buffered[:count], self.publisher, f"{group}.multi")
            del buffered[:count]


class WholeEvents(Events):
    dispatcher_cls = f"{__name__}:WholeDispatcher"
