"""Differences as text: weights by member, or a unified diff of YAML."""

import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from meshsplit.cli.compare import Body, Difference, WeightChange
from meshsplit.cli.inputs import CannotRead
from meshsplit.cli.terminal import Style, visible
from meshsplit.manifests.writer import write_documents


@dataclass(frozen=True, slots=True)
class Sides:
    """What the two sides of a comparison are called, in the same width."""

    before: str
    after: str


FILES = Sides("against", "render ")
LIVE = Sides("live", "plan")

_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9.-]")


def to_text(difference: Difference, style: Style, sides: Sides = FILES) -> str:
    """Weights by member where only they differ, one line for a whole object, else a unified diff."""
    if difference.weights:
        lines = _head(difference, style, sides)
        for change in difference.weights:
            lines += _weight_lines(change, style)
        return "\n".join(lines)
    if difference.before is None:
        return style.added(f"+++ {sides.after}  {difference.object}    would be added")
    if difference.after is None:
        return style.removed(f"--- {sides.before}  {difference.object}    would be removed")
    return to_unified(difference, style, sides)


def to_unified(difference: Difference, style: Style, sides: Sides = FILES) -> str:
    """A unified diff of the two objects as YAML, empty on the side that has none."""
    before = _yaml_lines(_in_order_of(difference.before, difference.after))
    after = _yaml_lines(difference.after)
    hunks = list(unified_diff(before, after, lineterm=""))[2:]
    return "\n".join([*_head(difference, style, sides), *(_painted(visible(line), style) for line in hunks)])


def run_external_diff(command: str, differences: Iterable[Difference]) -> None:
    """Run `command BEFORE AFTER` on two folders with one file an object, as kubectl diff does."""
    with TemporaryDirectory(prefix="meshsplit-diff-") as folder:
        sides = [Path(folder, "against"), Path(folder, "render")]
        for side in sides:
            side.mkdir()
        for difference in differences:
            ref = difference.object
            name = _NOT_IN_FILE_NAMES.sub("_", f"{ref.kind}.{ref.namespace}.{ref.name}.yaml")
            for side, body in zip(sides, (difference.before, difference.after), strict=True):
                if body is not None:
                    (side / name).write_text(write_documents([body]), encoding="utf-8")
        try:
            # Its exit code is not ours: kubectl's rule is that 1 means differences, which are known already.
            subprocess.run([*shlex.split(command), *map(str, sides)], check=False)  # noqa: S603 - the user's
        except (OSError, ValueError) as error:
            raise CannotRead(f"cannot run {command!r}: {error}") from None


def _head(difference: Difference, style: Style, sides: Sides) -> list[str]:
    before, after = f"--- {sides.before}  {difference.object}", f"+++ {sides.after}  {difference.object}"
    return [style.strong(before), style.strong(after)]


def _weight_lines(change: WeightChange, style: Style) -> list[str]:
    width = max(len(member) for member, _ in (*change.before, *change.after))
    lines = [style.faint(f"@@ {change.place} @@")]
    lines += [
        style.removed(f"-    {member.ljust(width)}  weight {weight}") for member, weight in change.before
    ]
    lines += [style.added(f"+    {member.ljust(width)}  weight {weight}") for member, weight in change.after]
    return lines


def _in_order_of(value: Any, model: Any) -> Any:
    """The value with its keys in the order of the other's, which a server does not keep."""
    if isinstance(value, Mapping) and isinstance(model, Mapping):
        order = [*(key for key in model if key in value), *(key for key in value if key not in model)]
        return {key: _in_order_of(value[key], model.get(key)) for key in order}
    if isinstance(value, list) and isinstance(model, list):
        longer = (*model, *([None] * len(value)))
        return [_in_order_of(item, other) for item, other in zip(value, longer, strict=False)]
    return value


def _yaml_lines(body: Body | None) -> list[str]:
    return [] if body is None else write_documents([body]).splitlines()


def _painted(line: str, style: Style) -> str:
    if line.startswith("+"):
        return style.added(line)
    return style.removed(line) if line.startswith("-") else line
