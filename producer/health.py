"""`GET /health`: the process serves. What it depends on is watched elsewhere."""

from fastapi import APIRouter
from pydantic import BaseModel

router = APIRouter(tags=["health"])


class Health(BaseModel):
    status: str = "ok"


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def health() -> Health:
    """Say that this process serves."""
    return Health()
