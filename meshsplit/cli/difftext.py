"""Differences as text: weights by member, or a unified diff of YAML."""

import re
import shlex
import subprocess
from collections.abc import Iterable
from difflib import unified_diff
from pathlib import Path
from tempfile import TemporaryDirectory

from meshsplit.cli.compare import Body, Difference, WeightChange
from meshsplit.cli.inputs import CannotRead
from meshsplit.cli.terminal import Style, visible
from meshsplit.manifests.writer import write_documents

BEFORE, AFTER = "against", "render "

_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9.-]")


def to_text(difference: Difference, style: Style) -> str:
    """Weights by member where only they differ, one line for a whole object, else a unified diff."""
    if difference.weights:
        lines = _head(difference, style)
        for change in difference.weights:
            lines += _weight_lines(change, style)
        return "\n".join(lines)
    if difference.before is None:
        return style.added(f"+++ {AFTER}  {difference.object}    would be added")
    if difference.after is None:
        return style.removed(f"--- {BEFORE}  {difference.object}    would be removed")
    return to_unified(difference, style)


def to_unified(difference: Difference, style: Style) -> str:
    """A unified diff of the two objects as YAML, empty on the side that has none."""
    before, after = _yaml_lines(difference.before), _yaml_lines(difference.after)
    hunks = list(unified_diff(before, after, lineterm=""))[2:]
    return "\n".join([*_head(difference, style), *(_painted(visible(line), style) for line in hunks)])


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


def _head(difference: Difference, style: Style) -> list[str]:
    before, after = f"--- {BEFORE}  {difference.object}", f"+++ {AFTER}  {difference.object}"
    return [style.strong(before), style.strong(after)]


def _weight_lines(change: WeightChange, style: Style) -> list[str]:
    width = max(len(member) for member, _ in (*change.before, *change.after))
    lines = [style.faint(f"@@ {change.place} @@")]
    lines += [
        style.removed(f"-    {member.ljust(width)}  weight {weight}") for member, weight in change.before
    ]
    lines += [style.added(f"+    {member.ljust(width)}  weight {weight}") for member, weight in change.after]
    return lines


def _yaml_lines(body: Body | None) -> list[str]:
    return [] if body is None else write_documents([body]).splitlines()


def _painted(line: str, style: Style) -> str:
    if line.startswith("+"):
        return style.added(line)
    return style.removed(line) if line.startswith("-") else line
