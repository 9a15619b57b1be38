"""The schema of a ModelSplit's strategy and analysis: how traffic moves, and on which evidence."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from meshsplit.api.fields import (
    MAX_ENTRIES,
    MAX_STEPS,
    Count,
    Decimal,
    Duration,
    Name,
    Query,
    Rate,
    Step,
    Text,
    Token,
    Url,
)
from meshsplit.api.wire import NullIsAbsent, StrictWire


class Mirror(StrictWire):
    """Shadow traffic before any real traffic."""

    member: Name
    percent: Step


class HeaderMatch(StrictWire):
    """Istio's match of one header's value."""

    exact: Text | None = None
    prefix: Text | None = None
    regex: Text | None = None


class CanaryMatch(StrictWire):
    """Requests that always go to the canary, by header."""

    headers: Annotated[dict[Token, HeaderMatch], Field(min_length=1, max_length=MAX_ENTRIES), NullIsAbsent]


class SecretKey(StrictWire):
    """One key of a Secret in the same namespace."""

    name: Name
    key: Text


class Gate(StrictWire):
    """A webhook that must answer 2xx before the rollout moves on."""

    name: Text
    type: Literal["preRollout", "confirmStep", "confirmPromotion", "postRollout", "rollback"]
    url: Url
    timeout: Duration = "10s"
    retries: Annotated[int, Field(ge=0, le=MAX_ENTRIES)] = 0
    hmac_secret: SecretKey | None = None


class Window(StrictWire):
    """A period, from each time of a cron schedule, in which steps may move."""

    schedule: Text
    duration: Duration
    time_zone: Text = "UTC"


class Notification(StrictWire):
    """Where decisions are told."""

    url: Url
    format: Literal["Webhook", "CloudEvents"] = "Webhook"
    hmac_secret: SecretKey | None = None


class Canary(StrictWire):
    """A rollout in steps; without steps of its own it follows the evidence."""

    step_weights: Annotated[list[Step], Field(min_length=1, max_length=MAX_STEPS)] | None = None
    step_weight: Step | None = None
    max_weight: Step | None = None
    failure_budget: Count | None = None
    step_interval: Duration | None = None
    max_hold: Duration | None = None
    on_complete: Literal["Promote", "Hold"] = "Promote"
    mirror: Mirror | None = None
    match: Annotated[list[CanaryMatch], Field(max_length=MAX_ENTRIES)] = Field(default_factory=list)
    gates: Annotated[list[Gate], Field(max_length=MAX_ENTRIES)] = Field(default_factory=list)
    windows: Annotated[list[Window], Field(max_length=MAX_ENTRIES)] = Field(default_factory=list)
    notify: Annotated[list[Notification], Field(max_length=MAX_ENTRIES)] = Field(default_factory=list)


class Preview(StrictWire):
    """The header that reaches the side which is not active."""

    header_name: Token


class PrePromotionChecks(StrictWire):
    """What the side that is not active must have shown before a flip."""

    min_requests: Count = 0
    max_error_percent: Decimal | None = None
    within: Duration | None = None


class BlueGreen(StrictWire):
    """A flip of all traffic at once."""

    auto_promotion_enabled: bool = False
    preview: Preview | None = None
    pre_promotion_checks: PrePromotionChecks | None = None
    scale_down_delay: Duration | None = None


class Strategy(StrictWire):
    """How traffic moves to the target."""

    canary: Canary | None = None
    blue_green: BlueGreen | None = None


class Prometheus(StrictWire):
    """A Prometheus server to read counters from."""

    address: Url


class GatewayCounters(StrictWire):
    """The gateway's own counters, read directly."""


class Source(StrictWire):
    """Where counters come from: exactly one of the two."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    prometheus: Prometheus | None = None
    gateway: GatewayCounters | None = None


class Margin(StrictWire):
    """A value compared with the stable member's: `ratio` times as much, plus `add`."""

    ratio: Decimal | None = None
    add: Decimal | None = None


class Metric(StrictWire):
    """One thing that is compared; `good` and `bad` are counters, one series per member."""

    name: Text
    tolerance: Margin | None = None
    margin: Margin | None = None
    good: Query | None = None
    bad: Query | None = None
    limit: Decimal | None = None
    dry_run: bool = False


class Analysis(StrictWire):
    """What counts as evidence, and how sure it must be."""

    source: Source | None = None
    interval: Duration | None = None
    initial_delay: Duration | None = None
    deadline: Duration | None = None
    on_inconclusive: Literal["Hold", "Rollback", "Advance"] = "Hold"
    false_rollback_rate: Rate | None = None
    miss_rate: Rate | None = None
    metrics: Annotated[list[Metric], Field(max_length=MAX_ENTRIES)] = Field(default_factory=list)
