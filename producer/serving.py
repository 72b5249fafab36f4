"""How the application is served: the one configuration of the server."""

import uvicorn
from starlette.types import ASGIApp

from config.settings import Settings
from producer.patience import PatientProtocol
from producer.visitors import Visitors


def server_config(
    app: ASGIApp, settings: Settings, *, http: type[PatientProtocol] = PatientProtocol
) -> uvicorn.Config:
    return uvicorn.Config(
        Visitors(app, proxies=settings.trusted_proxies, header=settings.client_address_header),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=http,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # Uvicorn's own reading of X-Forwarded-For would come first; see Visitors.
        proxy_headers=False,
        # Longer than the usual 60 s of a proxy, so that it is never us who hang up first.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )
