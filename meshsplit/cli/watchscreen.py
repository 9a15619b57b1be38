"""`meshsplit watch` on a terminal: the block of `status`, redrawn in place, with keys below it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.ending import End, find_end
from meshsplit.cli.lookup import find_split
from meshsplit.cli.objecttree import make_tree
from meshsplit.cli.output import Output
from meshsplit.cli.screen import Screen
from meshsplit.cli.situation import read_situation
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.status import to_text
from meshsplit.cli.terminal import Style, to_printable, visible
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.cli.watchkeys import QUIT, WatchKeys


def watch_on_screen(cluster: Cluster, name: str, keys: WatchKeys, program: str, output: Output) -> End | None:
    """Redraw until the rollout that was under way ends; None when somebody leaves before."""
    views = Views(cluster, name, program, output.stdout)
    view, is_pressed = views.read(), False
    with Screen(sys.stdin, sys.stdout) as screen:
        while True:
            keys.see(view.split)
            below = [*([f"! {view.trouble}"] if view.trouble else []), *keys.to_lines(view.split)]
            if is_pressed:
                # What was typed before a question could be read is no answer to it.
                screen.forget_keys()
            screen.draw(_to_printable(view.lines, output), _to_printable(["", *below], output))
            if view.end is not None:
                break
            key = screen.read_key()
            if key == QUIT and not keys.is_asking:
                break
            is_pressed = key != ""
            if is_pressed:
                keys.press(key, view.split)
            view = views.read_again(view)
    output.answer("\n".join(view.lines))
    if keys.told:
        output.say(keys.told)
    return view.end


def _to_printable(lines: Sequence[str], output: Output) -> list[str]:
    return [to_printable(line, output.stdout) for line in lines]


@dataclass(frozen=True, slots=True)
class View:
    """The block of `status`; `end` is how the rollout ended once one was seen under way.

    `trouble` says why this is not the newest state, "" when it is.
    """

    split: LiveSplit
    lines: tuple[str, ...]
    end: End | None
    trouble: str = ""


class Views:
    """Reads one after the other."""

    def __init__(self, cluster: Cluster, name: str, program: str, style: Style) -> None:
        self._cluster = cluster
        self._name = name
        self._program = program
        self._style = style
        self._seen_active = False

    def read(self) -> View:
        """What there is now; CannotAnswer when it cannot be read."""
        split = find_split(self._cluster, self._name, self._program)
        situation = read_situation(self._cluster, split)
        end = find_end(split)
        text = to_text(situation, make_tree(situation), self._style, wide=False)
        view = View(split, tuple(text.splitlines()), end if self._seen_active else None)
        self._seen_active = self._seen_active or end is None
        return view

    def read_again(self, before: View) -> View:
        """The same; what was there before, and the trouble, while the API does not answer for a moment."""
        try:
            return self.read()
        except CannotAnswer as error:
            if not error.is_passing:
                raise
            return replace(before, trouble=visible(error.found))
