"""`python -m producer`: the web process."""

import signal
import sys
from types import FrameType

import uvicorn

from config.loading import SettingsError
from config.settings import Settings
from config.startup import begin, refuse
from producer.patience import PatientProtocol
from producer.wiring import build


def main() -> int:
    """Serve until SIGTERM, then finish what is under way and return 0."""
    settings = begin("web")
    try:
        server = uvicorn.Server(_config(settings))
    except SettingsError as error:
        refuse(error)
    # uvicorn raises the signal again once it has stopped; that was the wish, not a failure.
    signal.signal(signal.SIGTERM, _leave)
    server.run()
    return 0 if server.started else 1


def _config(settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        build(settings),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=PatientProtocol,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        # Longer than the usual 60 s of a proxy, so that it is never us who hang up first.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
