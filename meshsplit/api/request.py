"""The annotations of a ModelSplit by which a person asks something of its rollout."""

from typing import Annotated

from pydantic import Field

from meshsplit.api.fields import MAX_COUNT, MAX_MEMBERS, Message, Name, Percent, PositiveDuration, Word
from meshsplit.api.wire import StrictWire

REQUEST = "meshsplit.dev/request"
"""`verb/rollout`, for example promote/7f3a."""
DETAILS = "meshsplit.dev/request-details"
"""JSON of `RequestDetails`."""


class RequestDetails(StrictWire):
    """What a request says beside its verb.

    `token` is made anew for every request, so that the same one twice is two. `lasts` is how long an override
    does. `to` is the number of an entry of `status.history`.
    """

    token: Word = ""
    by: Word = ""
    reason: Message = ""
    step: bool = False
    freeze: bool = False
    weights: Annotated[dict[Name, Percent], Field(min_length=1, max_length=MAX_MEMBERS)] | None = None
    lasts: PositiveDuration | None = None
    to: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    member: Word = ""
