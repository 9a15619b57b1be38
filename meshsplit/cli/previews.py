"""What a person reads before a request is sent."""

from collections.abc import Sequence

from meshsplit.cli.evidencetext import find_errors, say_errors, say_verdict, say_weighing
from meshsplit.cli.rehearsal import Rehearsal
from meshsplit.cli.requesting import find_unanswered
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.tables import GAP
from meshsplit.cli.terminal import visible
from meshsplit.model import FULL, Split

_INDENT = "  "


def to_preview(
    split: LiveSplit, doing: str, context: str, rehearsal: Rehearsal, notes: Sequence[str] = ()
) -> str:
    """The head, the split now and after, the jump, the evidence so far, and `notes` on what is skipped.

    `doing` is what is done to `{}`.
    """
    rollout = split.status.rollout
    place = ", ".join(
        [
            *([f"context {context}"] if context else []),
            *([f"rollout {rollout.id}"] if rollout is not None else []),
        ]
    )
    lines = [f"About to {doing.format(split)}" + (f" ({place})" if place else "")]
    lines += _split_lines(rehearsal, split.status.stable)
    lines += [_INDENT + text for text in (*_evidence(split), *notes)]
    unanswered = find_unanswered(split)
    if unanswered:
        lines.append(f"{_INDENT}takes the place of a request that nobody has answered: {unanswered}")
    return "\n".join(visible(line) for line in lines)


def to_shares(split: Split) -> dict[str, str]:
    """Percent by member, without trailing zeros."""
    return {name: f"{weight * FULL / split.total:g}" for name, weight in split.weights}


def to_weights(split: Split | None, stable: str) -> str:
    """`mnist-v1 90, mnist-v2 10`, the stable member first."""
    if split is None:
        return "unknown"
    shares = to_shares(split)
    return ", ".join(f"{name} {shares[name]}" for name in _order(shares, stable))


def _split_lines(rehearsal: Rehearsal, stable: str) -> list[str]:
    now, after = rehearsal.now, rehearsal.after
    if after is None:
        return [
            f"{_INDENT}now     {to_weights(now, stable)}",
            f"{_INDENT}after   what the controller decides",
        ]
    rows = [to_shares(each) if each is not None else {} for each in (now, after)]
    names = _order({**rows[0], **rows[1]}, stable)
    wide = max((len(share) for row in rows for share in row.values()), default=1)
    cells = [GAP.join(f"{name} {row.get(name, '?').rjust(wide)}" for name in names) for row in rows]
    jump = rehearsal.jump
    told = "" if jump is None else "   no jump" if not jump else f"   jump of {jump:g} points"
    return [f"{_INDENT}now     {cells[0]}", f"{_INDENT}after   {cells[1]}{told}"]


def _evidence(split: LiveSplit) -> list[str]:
    found, decision = find_errors(split.status), split.status.last_decision
    if found is None or decision is None:
        return []
    lines = [f"evidence so far: {say_errors(found)}"]
    weighing = say_weighing(decision)
    return [*lines, f"                 {weighing}   {say_verdict(decision)}"] if weighing else lines


def _order(shares: dict[str, str], stable: str) -> list[str]:
    return sorted(shares, key=lambda name: (name != stable, name))
