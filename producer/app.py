"""The web process as an ASGI application: routes, uniform answers, nothing else."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse

from domain.errors import Unavailable
from domain.ports import Clock
from producer.admin import AdminDoor, admin_routes
from producer.feedback import NotDelivered, OrderFeedback, feedback_routes
from producer.health import HealthDesk, health_routes
from producer.metrics import Scrape, metrics_routes
from producer.ports import Counts
from producer.progress import Progress, progress_routes
from producer.shell import CrashGuard, UniformHeaders
from producer.status import NoSuchOrder, OrderStatus, TooManyReads, status_routes
from producer.webhook import StripeDoor, webhook_routes

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the application is made of. `site_url`: whose pages may read from browsers."""

    door: StripeDoor
    status: OrderStatus
    progress: Progress
    feedback: OrderFeedback
    health: HealthDesk
    admin: AdminDoor
    counts: Counts
    scrape: Scrape
    clock: Clock
    site_url: str
    lifespan: Lifespan | None = None


def create_app(parts: Parts) -> FastAPI:
    app = FastAPI(
        title="PferdeWert",
        docs_url=None,
        redoc_url=None,
        # A redirect of Stripe's POST would count as a failed delivery.
        redirect_slashes=False,
        lifespan=parts.lifespan,
    )
    app.include_router(webhook_routes(parts.door))
    app.include_router(status_routes(parts.status))
    app.include_router(progress_routes(parts.progress, parts.status))
    app.include_router(feedback_routes(parts.feedback, parts.status))
    app.include_router(health_routes(parts.health, parts.admin))
    app.include_router(admin_routes(parts.admin, parts.counts, parts.clock))
    app.include_router(metrics_routes(parts.scrape, parts.admin))
    _answer_uniformly(app)
    # The last one added is the outermost.
    app.add_middleware(CrashGuard)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[_origin(parts.site_url)],
        allow_methods=["GET", "POST"],
        allow_headers=["Content-Type"],
    )
    app.add_middleware(UniformHeaders)
    return app


def _answer_uniformly(app: FastAPI) -> None:
    """Answer every refusal with a fixed word, and unknown orders exactly like unknown paths."""

    @app.exception_handler(NoSuchOrder)
    async def unknown(_request: Request, _error: NoSuchOrder) -> JSONResponse:
        return _word(HTTPStatus.NOT_FOUND)

    @app.exception_handler(Unavailable)
    async def unavailable(_request: Request, _error: Unavailable) -> JSONResponse:
        return JSONResponse({"status": "unavailable"}, 503, headers={"Retry-After": "5"})

    @app.exception_handler(TooManyReads)
    async def too_many(_request: Request, error: TooManyReads) -> JSONResponse:
        retry_after = {"Retry-After": str(error.retry_after)}
        return JSONResponse({"status": "too_many_requests"}, 429, headers=retry_after)

    @app.exception_handler(NotDelivered)
    async def not_delivered(_request: Request, _error: NotDelivered) -> JSONResponse:
        return JSONResponse({"status": "not_delivered"}, 409)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        # Names only: the usual answer repeats what was sent.
        fields = sorted({str(fault["loc"][-1]) for fault in error.errors() if fault["loc"]})
        return JSONResponse({"status": "invalid", "fields": fields}, 422)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        response = _word(HTTPStatus(error.status_code))
        response.headers.update(error.headers or {})
        return response


def _word(status: HTTPStatus) -> JSONResponse:
    return JSONResponse({"status": status.phrase.lower().replace(" ", "_")}, status)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
