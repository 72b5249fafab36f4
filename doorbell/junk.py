"""Whatever lies in Redis, the process that reads it goes on.

Kombu and Celery raise in the middle of their loop on what they cannot read, and the worker ends;
a command that Redis refuses (no memory, no disk, a key of the wrong type) ends it as well. Nothing
is lost by letting go: a job that waits is rung again.
"""

from collections.abc import Mapping
from queue import Empty
from typing import Any, Final

import structlog
from kombu.transport import redis
from redis.exceptions import ResponseError

PATH: Final = f"{__name__}:Transport"
"""What to tell kombu, which names transports by their path."""

log = structlog.get_logger(__name__)


class Channel(redis.Channel):
    """Reads from lists and subscriptions what may not even be JSON."""

    # Rings in hand are not put back when the line is lost: kombu would try each on the dead line
    # and then dump all of them into a file. What is due is rung again.
    do_restore = False

    connection_errors: tuple[type[Exception], ...]

    def _brpop_read(self, **options: Any) -> bool | None:
        try:
            return bool(super()._brpop_read(**options))  # type: ignore[misc]  # not in the stubs
        except ResponseError:
            self._remove_wrong_types()
            raise
        except Empty:
            raise
        except self.connection_errors:
            raise
        except Exception as error:  # noqa: BLE001 - it was taken out of the list already
            _say_dropped("unreadable", error)
            return True

    def _receive_one(self, c: Any) -> bool | None:
        try:
            return bool(super()._receive_one(c))  # type: ignore[misc]  # not in the stubs
        except Empty:
            raise
        except self.connection_errors:
            raise
        except Exception as error:  # noqa: BLE001 - nobody holds what was published
            _say_dropped("unreadable", error)
            return None

    def _remove_wrong_types(self) -> None:
        """Delete what stands in the way of our own keys; the next connection finds them free."""
        for key in self.active_queues:
            # Kombu puts its prefix before the keys of the commands it knows, and only there.
            if self.client.type(self.global_keyprefix + key) not in {b"list", b"none"}:
                self.client.delete(key)
                log.error("redis_key_of_wrong_type_removed", key=key)


class Transport(redis.Transport):
    """Kombu's transport for Redis; nothing that a message holds gets through as an exception.

    A refused command counts as a lost connection, after which Celery connects again.
    """

    Channel = Channel
    connection_errors = (*redis.Transport.connection_errors, ResponseError)

    def _deliver(self, message: object, queue: str | None) -> None:
        tag = _delivery_tag(message)
        if tag is None:
            _say_dropped("shapeless")
            return
        try:
            super()._deliver(message, queue)
        except self.connection_errors:
            raise
        except Exception as error:  # noqa: BLE001 - by now a consumer may hold it: let it go
            self._forget(tag)
            _say_dropped("indigestible", error)

    def _forget(self, tag: str) -> None:
        """Give back the place it takes among the messages that may be fetched ahead."""
        for channel in self.channels or ():
            if tag in (channel.qos._delivered or ()):  # noqa: SLF001 - kombu has no other way to ask
                channel.basic_ack(tag)


def _delivery_tag(message: object) -> str | None:
    """Return the name under which kombu keeps the message until it is acknowledged."""
    properties = message.get("properties") if isinstance(message, Mapping) else None
    tag = properties.get("delivery_tag") if isinstance(properties, Mapping) else None
    return tag if isinstance(tag, str) else None


def _say_dropped(reason: str, error: Exception | None = None) -> None:
    """Say so without the contents and without the error's text, which may quote them."""
    name = type(error).__name__ if error else None
    log.error("queue_message_dropped", reason=reason, error=name)
