"""`python -m producer`: the web process."""

import signal
import sys
from types import FrameType

import uvicorn

from config.loading import SettingsError
from config.startup import begin, refuse
from producer.serving import server_config
from producer.wiring import build


def main() -> int:
    """Serve until SIGTERM, then finish what is under way and return 0."""
    settings = begin("web")
    try:
        server = uvicorn.Server(server_config(build(settings), settings))
    except SettingsError as error:
        refuse(error)
    # uvicorn raises the signal again once it has stopped; that was the wish, not a failure.
    signal.signal(signal.SIGTERM, _leave)
    server.run()
    return 0 if server.started else 1


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
