"""The target of a group: the percentages of its members, or everything that is wrong with them."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from meshsplit.api.problems import describe
from meshsplit.api.rules import WRONG_SUM
from meshsplit.diagnostics import Finding, Related
from meshsplit.kserve import keys
from meshsplit.kserve.objects import InferenceService, NotText, SplitRequest
from meshsplit.model import FULL, GroupKey, Split

_PERCENT = re.compile(r"[0-9]{1,3}")
_NEARLY = re.compile(r"\s*[+]?([0-9]{1,3})(?:\.0*)?\s*%?\s*")
"""What people write when they mean a whole percentage."""

PATH = keys.annotation(keys.PERCENT)
_EXAMPLE = f'for example {keys.PERCENT}: "20"'


def to_annotated_target(
    key: GroupKey, members: Sequence[InferenceService]
) -> tuple[Split | None, tuple[Finding, ...]]:
    """Read the members' annotations (sorted by name); the target is None when any of them is wrong."""
    if len(members) == 1:
        return _to_sole_target(key, members[0])
    percents = {m.name: to_percent(m.percent) for m in members if m.percent is not None}
    wrong = [_not_a_percent(m, m.percent) for m in members if m.percent is not None and _is_bad(m)]
    missing = [m for m in members if m.percent is None]
    if wrong or missing:
        valid = {name: percent for name, percent in percents.items() if percent is not None}
        return None, (*wrong, *(_no_percent(key, m, valid, len(wrong) + len(missing)) for m in missing))
    whole = {name: percent for name, percent in percents.items() if percent is not None}
    if sum(whole.values()) == FULL:
        return Split(tuple(sorted(whole.items()))), ()
    return None, (_all_zero(key, members) if not any(whole.values()) else _wrong_sum(key, members, whole),)


def to_requested_target(request: SplitRequest) -> tuple[Split | None, tuple[Finding, ...]]:
    """The weights of a ModelSplit with `weightsFrom: Spec`; None when they do not add up to 100."""
    total = sum(weight for _, weight in request.weights)
    if total == FULL:
        return Split(tuple(sorted(request.weights))), ()
    finding = Finding(
        "MSP101",
        WRONG_SUM.format(total=total),
        request.ref,
        ("spec", "members"),
        fix=_make_edit(dict(request.weights)) or f"change the weights so that they add up to {FULL}",
        related=tuple(
            Related(_contribution(name, weight, dict(request.weights)), request.ref, _weight_path(index))
            for index, (name, weight) in enumerate(request.weights)
        ),
    )
    return None, (finding,)


def to_percent(raw: str | NotText | None) -> int | None:
    """A whole number from 0 to 100, written as such in ASCII digits; None for anything else."""
    if not isinstance(raw, str) or _PERCENT.fullmatch(raw) is None or int(raw) > FULL:
        return None
    return int(raw)


def _is_bad(member: InferenceService) -> bool:
    return to_percent(member.percent) is None


def _weight_path(index: int) -> tuple[str | int, ...]:
    return ("spec", "members", index, "weight")


def _to_sole_target(key: GroupKey, member: InferenceService) -> tuple[Split | None, tuple[Finding, ...]]:
    target = Split(((member.name, FULL),))
    if isinstance(member.percent, NotText):
        return None, (_not_a_percent(member, member.percent),)
    if member.percent is None or to_percent(member.percent) == FULL:
        return target, ()
    percent = to_percent(member.percent)
    found = describe(member.percent) if percent is None else str(percent)
    finding = Finding(
        "MSP105",
        f"group {key.name} has one member; its weight {found} is ignored, it gets all traffic",
        member.ref,
        PATH,
        fix='set it to "100" or remove it, or add the other members to the group',
    )
    return target, (finding,)


def _not_a_percent(member: InferenceService, raw: str | NotText | None) -> Finding:
    if isinstance(raw, NotText):
        message = f"canaryTrafficPercent {raw.text} is not a string, and annotations are strings"
        quotable = to_percent(raw.text) is not None
        fix = f'quote it: "{raw.text}"' if quotable else f"write a whole number in quotes, {_EXAMPLE}"
        return Finding("MSP102", message, member.ref, PATH, fix=fix)
    meant = _NEARLY.fullmatch(raw or "")
    fix = (
        f'write "{int(meant[1])}"'
        if meant and int(meant[1]) <= FULL
        else f"write a whole number from 0 to {FULL}, {_EXAMPLE}"
    )
    return Finding(
        "MSP102",
        f"canaryTrafficPercent {describe(raw)} is not a whole number from 0 to {FULL}",
        member.ref,
        PATH,
        fix=fix,
    )


def _no_percent(key: GroupKey, member: InferenceService, others: Mapping[str, int], unknown: int) -> Finding:
    left = FULL - sum(others.values())
    share = f': "{left}"' if unknown == 1 and left >= 0 else f" with a whole number from 0 to {FULL}"
    return Finding(
        "MSP104",
        f"member {member.name} of group {key.name} has no percentage; Istio would read 0",
        member.ref,
        PATH,
        fix=f"add the annotation {keys.PERCENT}{share}",
    )


def _all_zero(key: GroupKey, members: Sequence[InferenceService]) -> Finding:
    return Finding(
        "MSP103",
        f"every member of group {key.name} has weight 0; Istio refuses a route with total weight 0",
        members[-1].ref,
        PATH,
        fix=f'set {members[-1].name} to "{FULL}"',
    )


def _wrong_sum(key: GroupKey, members: Sequence[InferenceService], percents: Mapping[str, int]) -> Finding:
    total = sum(percents.values())
    absorber = _absorber(percents)
    at = next((m for m in members if m.name == absorber), members[-1])
    served = " / ".join(f"{float(Fraction(p * FULL, total)):.1f}" for p in percents.values())
    return Finding(
        "MSP101",
        f"percentages of group {key.name} add up to {total}, not {FULL}",
        at.ref,
        PATH,
        fix=_make_edit(percents) or f"change {', '.join(percents)} so that they add up to {FULL}",
        details=(
            f"Istio would accept this and serve {served}. meshsplit keeps the last valid split instead.",
        ),
        related=tuple(
            Related(_contribution(m.name, percents[m.name], percents), m.ref, PATH) for m in members
        ),
    )


def _absorber(percents: Mapping[str, int]) -> str | None:
    """The last member, by name, whose share alone can make up the difference."""
    difference = FULL - sum(percents.values())
    able = [name for name, percent in percents.items() if 0 <= percent + difference <= FULL]
    return max(able, default=None)


def _make_edit(percents: Mapping[str, int]) -> str | None:
    name = _absorber(percents)
    if name is None:
        return None
    return f"set {name} to {percents[name] + FULL - sum(percents.values())}"


def _contribution(name: str, percent: int, all_percents: Mapping[str, int]) -> str:
    """One line of the sum, in columns."""
    return f"{name:<{max(map(len, all_percents))}}  {percent:>3}"
