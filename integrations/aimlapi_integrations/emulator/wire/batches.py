"""What `/v1/batches` accepts. The params of a request are checked when it is processed, as at the vendor."""

from collections import Counter
from typing import Annotated

from pydantic import Field

from . import JSON, Open, invalid_request, problem


class BatchParams(Open):
    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[JSON], Field(min_length=1)]
    max_tokens: Annotated[float, Field(ge=1)] = 1024


class BatchedRequest(Open):
    custom_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    params: BatchParams


class BatchRequest(Open):
    requests: Annotated[list[BatchedRequest], Field(min_length=1, max_length=100_000)]


def check_batch_request(request: BatchRequest) -> None:
    """Raise the 400 for a custom id that occurs twice."""
    counts = Counter(each.custom_id for each in request.requests)
    repeated = next((custom_id for custom_id, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise invalid_request([problem("requests", f"Duplicate custom_id: {repeated}", "duplicate_custom_id")])
