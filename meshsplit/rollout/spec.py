"""What a ModelSplit asks of its rollouts, read once, with the default of everything it leaves out."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from meshsplit.api.modelsplit import ModelSplitSpec
from meshsplit.api.strategy import BlueGreen, Canary, Gate, HeaderMatch, SecretKey
from meshsplit.model import MatchKind, Shadow, Strategy, StringMatch
from meshsplit.policy import Policy, to_policy, to_seconds
from meshsplit.rollout.windows import Window, make_window

GATE_TIMEOUT = 10.0
"""Seconds that a gate has to answer; the default of the schema."""
SCALE_DOWN_DELAY = 30.0
"""Seconds that the old side is kept after a flip; Argo Rollouts' scaleDownDelaySeconds."""
CHECKS_WITHIN = 600.0
"""Seconds of preview traffic that count before a flip."""
PERCENT = 100


class GateType(StrEnum):
    """What a gate stands before; `ROLLBACK` opens to ask for a rollback."""

    PRE_ROLLOUT = "preRollout"
    CONFIRM_STEP = "confirmStep"
    CONFIRM_PROMOTION = "confirmPromotion"
    POST_ROLLOUT = "postRollout"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A webhook; `secret` is the Secret in the group's namespace, and its key, that calls are signed with."""

    name: str
    type: GateType
    url: str
    timeout: float = GATE_TIMEOUT
    retries: int = 0
    secret: tuple[str, str] | None = None


class NoticeFormat(StrEnum):
    """How a message is wrapped."""

    WEBHOOK = "Webhook"
    CLOUD_EVENTS = "CloudEvents"


@dataclass(frozen=True, slots=True)
class NoticeSpec:
    """A webhook that is told of a rollout; `secret` as that of a gate."""

    url: str
    format: NoticeFormat = NoticeFormat.WEBHOOK
    secret: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PreviewChecks:
    """What the side that is not active must have shown before it is flipped to by itself.

    `error_rate` is the largest share of bad requests that is taken, None when any is; `within` are seconds.
    """

    requests: int = 0
    error_rate: float | None = None
    within: float = CHECKS_WITHIN


Headers = tuple[tuple[str, StringMatch], ...]
"""Conditions on headers that all have to hold."""


@dataclass(frozen=True, slots=True)
class CanarySpec:
    """A rollout in steps. `match` are requests that always go to the canary: one of them has to hold."""

    gates: tuple[GateSpec, ...] = ()
    windows: tuple[Window, ...] = ()
    match: tuple[Headers, ...] = ()
    shadow: Shadow | None = None
    notify: tuple[NoticeSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class BlueGreenSpec:
    """A flip of all traffic. With `preview` requests that carry the header, with the group's name, go aside.

    `kept` are the seconds that the old side is kept after a flip.
    """

    automatic: bool = False
    preview: str | None = None
    checks: PreviewChecks | None = None
    kept: float = SCALE_DOWN_DELAY


@dataclass(frozen=True, slots=True)
class RolloutSpec:
    """How one group's traffic moves: `canary` and `blue_green` are those of its strategy, else None.

    A `suspended` group is neither moved on nor given a new target; a breach still rolls it back.
    """

    strategy: Strategy = Strategy.STATIC
    policy: Policy = to_policy(ModelSplitSpec())  # noqa: RUF009 - frozen
    canary: CanarySpec | None = None
    blue_green: BlueGreenSpec | None = None
    suspended: bool = False


STATIC = RolloutSpec()
"""What a group without a ModelSplit asks for."""


def to_rollout_spec(spec: ModelSplitSpec) -> RolloutSpec:
    """Read a ModelSplit that passed its checks."""
    policy, strategy = to_policy(spec), spec.strategy
    if strategy is None:
        return RolloutSpec(Strategy.STATIC, policy, suspended=spec.suspend)
    if strategy.blue_green is not None:
        asked = _to_blue_green(strategy.blue_green)
        return RolloutSpec(Strategy.BLUE_GREEN, policy, blue_green=asked, suspended=spec.suspend)
    canary = _to_canary(strategy.canary or Canary())
    return RolloutSpec(Strategy.CANARY, policy, canary, suspended=spec.suspend)


def _to_canary(canary: Canary) -> CanarySpec:
    mirror = canary.mirror
    return CanarySpec(
        gates=tuple(_to_gate(gate) for gate in canary.gates),
        windows=tuple(
            make_window(window.schedule, to_seconds(window.duration) or 0.0, window.time_zone)
            for window in canary.windows
        ),
        match=tuple(
            tuple(sorted((name.lower(), _to_match(match)) for name, match in each.headers.items()))
            for each in canary.match
        ),
        shadow=Shadow(mirror.member, mirror.percent) if mirror is not None else None,
        notify=tuple(
            NoticeSpec(each.url, NoticeFormat(each.format), _to_secret(each.hmac_secret))
            for each in canary.notify
        ),
    )


def _to_gate(gate: Gate) -> GateSpec:
    return GateSpec(
        gate.name,
        GateType(gate.type),
        gate.url,
        to_seconds(gate.timeout) or GATE_TIMEOUT,
        gate.retries,
        _to_secret(gate.hmac_secret),
    )


def _to_secret(secret: SecretKey | None) -> tuple[str, str] | None:
    return None if secret is None else (secret.name, secret.key)


def _to_match(match: HeaderMatch) -> StringMatch:
    """The value that is asked for; any value when none is, as Istio has it for an empty match."""
    for kind, value in ((MatchKind.EXACT, match.exact), (MatchKind.PREFIX, match.prefix)):
        if value is not None:
            return StringMatch(kind, value)
    return StringMatch(MatchKind.REGEX, match.regex or ".*")


def _to_blue_green(asked: BlueGreen) -> BlueGreenSpec:
    checks = asked.pre_promotion_checks
    kept = to_seconds(asked.scale_down_delay)
    return BlueGreenSpec(
        automatic=asked.auto_promotion_enabled,
        preview=asked.preview.header_name.lower() if asked.preview is not None else None,
        checks=None
        if checks is None
        else PreviewChecks(
            checks.min_requests,
            _to_share(checks.max_error_percent),
            to_seconds(checks.within) or CHECKS_WITHIN,
        ),
        kept=SCALE_DOWN_DELAY if kept is None else kept,
    )


def _to_share(percent: str | None) -> float | None:
    return None if percent is None else float(Fraction(percent) / PERCENT)
