"""`POST /orders/{session_id}/feedback`: one rating per delivered order, which may be changed."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from domain.job import Job, State
from producer.body import BodyRefused, read_body
from producer.ports import Ratings
from producer.status import PROBLEMS, OrderStatus, Problem

MAX_BODY: Final = 1024
BODY_SECONDS: Final = 5.0

_Stars = Annotated[int, Field(strict=True, ge=1, le=5, description="5 is best.")]


class Rating(BaseModel):
    """What the customer thinks of the result."""

    rating: _Stars


class Rated(BaseModel):
    """The rating as it stands. `recorded`: false where the shop keeps no record of attempts."""

    session_id: str
    rating: int
    recorded: bool


class NotDelivered(Exception):  # noqa: N818 - reads as the sentence it is
    """There is no result that could be rated, not yet or no more."""


class OrderFeedback:
    def __init__(self, status: OrderStatus, ratings: Ratings) -> None:
        self._status = status
        self._ratings = ratings

    async def rate(self, session_id: str, rating: int) -> Rated:
        """Raises NoSuchOrder, NotDelivered and Unavailable."""
        found = await self._status.look_up(session_id)
        if not isinstance(found, Job) or found.state is not State.DELIVERED or found.erased_at:
            raise NotDelivered
        recorded = await self._ratings.rate(found, rating)
        return Rated(session_id=session_id, rating=rating, recorded=recorded)


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = PROBLEMS | {
    status: {"model": Problem} for status in (400, 408, 409, 413, 422)
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Rating.model_json_schema()}},
    }
}


def feedback_routes(feedback: OrderFeedback, status: OrderStatus) -> APIRouter:
    router = APIRouter(tags=["orders"])

    @router.post("/orders/{session_id}/feedback", responses=_REFUSALS, openapi_extra=_BODY)
    async def rate(session_id: str, request: Request) -> Rated:
        """Rate a delivered result from 1 to 5; a later rating replaces an earlier one."""
        await status.count_read(request)
        return await feedback.rate(session_id, (await _read_rating(request)).rating)

    return router


async def _read_rating(request: Request) -> Rating:
    """Raises HTTPException: 400, 408 and 413 for the body, 422 for what it says."""
    try:
        body = await read_body(request, seconds=BODY_SECONDS, limit=MAX_BODY)
        return Rating.model_validate_json(body)
    except BodyRefused as refused:
        raise HTTPException(refused.status) from None
    except ValidationError:
        raise HTTPException(422) from None
