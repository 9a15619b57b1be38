"""Rollouts as tables, in tests/walkthroughs: what is seen at which time, and what is decided.

A file holds the ModelSplit's spec and a table; of each row TIME and SEEN are the input, the rest is what
comes of it. MESHSPLIT_UPDATE_GOLDEN=1 writes the answers.

What may be seen: `-` (nothing new), `read`, `read 3%` (the canary's errors), `read nothing`, each with `x20`
behind it for as many, 15 s apart, the last one at TIME; `target a=50,b=50`, `target invalid`, `unready b`,
`ready`, `revision b 2`, `stop`, `go`, `no slot`, `no metrics`, `gate opens`, `gate closes`, `preview 1000 5`,
`members ab`, and what a person asks: `promote`, `promote step`, `pause`, `pause freeze`, `resume`, `abort`,
`retry`, `set-weight a=70,b=30 600`, `clear-weight`, `flip`, `rollback`.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.analysis.ramp import FULL_WEIGHT
from meshsplit.model import Split
from meshsplit.rollout.observation import GateResult, PreviewSeen
from support.rollouts import NOON, READ_SECONDS, TRAFFIC, Play, make_spec, split

FOLDER = Path(__file__).parent.parent / "walkthroughs"
FILES = sorted(FOLDER.glob("*.txt"))
SEEN_WIDTH = 24
HEADER = f"{'TIME':>8}  {'SEEN':<{SEEN_WIDTH}}  {'WEIGHTS':<16}  {'STATE':<17}  DECISION"


def to_split(text: str) -> Split | None:
    if text == "invalid":
        return None
    return split(**{name: int(weight) for name, weight in (part.split("=") for part in text.split(","))})


def to_seconds(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def see(play: Play, seen: str, at: float) -> None:
    """Make the passes of one row; the last one at `at`."""
    words = seen.split()
    if words[0] == "read":
        read(play, words[1:], at)
    elif words[0] in CHANGES:
        CHANGES[words[0]](play, words[1:])
        play.step(at - play.now)
    elif words[0] == "gate":
        assert play.last is not None
        calls = [call.call for call in play.state.gates if call.opened is None]
        results = tuple(GateResult(call, words[1] == "opens", "403") for call in calls)
        play.step(at - play.now, gates=results)
    else:
        ask(play, words, at)


def read(play: Play, words: list[str], at: float) -> None:
    times = next((int(word[1:]) for word in words if word.startswith("x")), 1)
    rate = next((float(word[:-1]) / 100 for word in words if word.endswith("%")), None)
    play.now = at - times * READ_SECONDS
    for _ in range(times):
        if "nothing" in words:
            play.read_nothing()
        elif rate is not None:
            play.read_bad(rate)
        else:
            play.read()


def ask(play: Play, words: list[str], at: float) -> None:
    fields: dict[str, Any] = {"step": "step" in words, "freeze": "freeze" in words}
    if words[0] == "set-weight":
        fields = {"split": to_split(words[1]), "seconds": float(words[2])}
    play.ask(words[0], after=at - play.now, **fields)


def set_seen(**fields: object) -> Callable[[Play, list[str]], None]:
    def change(play: Play, _words: list[str]) -> None:
        play.seen = replace(play.seen, **fields)  # type: ignore[arg-type]

    return change


def set_no(play: Play, words: list[str]) -> None:
    if words == ["slot"]:
        play.seen = replace(play.seen, slot_free=False)
    else:
        play.seen = replace(play.seen, traffic=None, problem="connection refused")


def set_target(play: Play, words: list[str]) -> None:
    play.target = to_split(words[0])


def set_unready(play: Play, words: list[str]) -> None:
    play.unready = "".join(words)


def set_names(play: Play, words: list[str]) -> None:
    play.names = words[0]


def set_revision(play: Play, words: list[str]) -> None:
    play.revisions = {**play.revisions, words[0]: words[1]}


def set_preview(play: Play, words: list[str]) -> None:
    play.seen = replace(play.seen, preview=PreviewSeen(play.state.id, "b", float(words[0]), float(words[1])))


def change_nothing(_play: Play, _words: list[str]) -> None:
    """Let time pass."""


CHANGES: dict[str, Callable[[Play, list[str]], None]] = {
    "-": change_nothing,
    "target": set_target,
    "unready": set_unready,
    "ready": set_unready,
    "members": set_names,
    "revision": set_revision,
    "preview": set_preview,
    "stop": set_seen(stopped=True),
    "go": set_seen(stopped=False, slot_free=True, traffic=TRAFFIC, problem=""),
    "no": set_no,
}


def say_weights(play: Play) -> str:
    serving = play.state.serving
    if serving is None:
        return "-"
    shares = {name: weight * FULL_WEIGHT / serving.total / 10 for name, weight in serving.weights}
    return " ".join(f"{name}={share:g}" for name, share in shares.items())


def say_decision(play: Play) -> str:
    last, handled = play.state.last, play.state.handled
    if "RequestRefused" in play.events and handled is not None:
        return f"REFUSED   {handled.message}"
    if last is None:
        return ""
    message = re.sub(r"; evidence of .*", "", last.message)
    return f"{last.act.upper():<9} {last.reason}: {message}"


def replay(text: str) -> str:
    head, _, table = text.partition("\n\n")
    given = yaml.safe_load(head)
    rows = [line for line in table.splitlines() if line and "TIME" not in line]
    play = Play(make_spec(**given.get("spec", {})), to_split(given["target"]))
    lines = [HEADER]
    for row in rows:
        at, seen = row[:8].strip(), row[10 : 10 + SEEN_WIDTH].strip()
        see(play, seen, NOON + to_seconds(at))
        told = f"{say_weights(play):<16}  {play.state.phase:<17}  {say_decision(play)}"
        lines.append(f"{at:>8}  {seen:<{SEEN_WIDTH}}  {told}".rstrip())
    return f"{head}\n\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_walkthrough(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    replayed = replay(text)
    if os.environ.get("MESHSPLIT_UPDATE_GOLDEN"):
        path.write_text(replayed, encoding="utf-8")
    assert text == replayed


def test_there_are_walkthroughs() -> None:
    assert len(FILES) >= 10
