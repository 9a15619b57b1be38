"""The keys of `watch` that steer: each shows what would happen, and asks, before anything is sent."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import click

from meshsplit.cli.action import Action, Done, is_done
from meshsplit.cli.cluster import Cluster
from meshsplit.cli.consent import Consent
from meshsplit.cli.previews import to_preview
from meshsplit.cli.rehearsal import rehearse
from meshsplit.cli.requesting import Prepared, find_answer, prepare, read_user, send
from meshsplit.cli.splits import LiveSplit
from meshsplit.cli.steering import make_abort, make_pause, make_promote, make_resume
from meshsplit.cli.terminal import visible

QUIT, YES = "q", "y"
ANSWER_SECONDS = Consent().patience


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was shown to somebody, and what is to be sent if they want it."""

    action: Action
    seen: LiveSplit
    prepared: Prepared
    preview: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request that waits for its answer since `at`."""

    asked: _Asked
    at: float


class WatchKeys:
    """What the keys have come to; `context` is the kubeconfig's, `now` a monotonic clock in seconds."""

    def __init__(
        self, cluster: Cluster, program: str, context: str, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._cluster = cluster
        self._program = program
        self._context = context
        self._now = now
        self._asked: _Asked | None = None
        self._sent: _Sent | None = None
        self.told = ""

    @property
    def is_asking(self) -> bool:
        """Whether the next key is the answer to a question."""
        return self._asked is not None

    def press(self, key: str, split: LiveSplit) -> None:
        """Take a key on the state that is shown; what goes wrong is told, never raised."""
        asked, self._asked = self._asked, None
        try:
            if asked is not None:
                self._answer(asked, agreed=key == YES)
            elif self._sent is None and (action := self._find_action(key, split)) is not None:
                self._ask(action, split)
        except click.ClickException as error:
            self.told = f"error: {error.format_message()}"

    def see(self, split: LiveSplit) -> None:
        """Look for the answer to what was sent."""
        if self._sent is None:
            return
        asked, seconds = self._sent.asked, self._now() - self._sent.at
        answer = find_answer(split, asked.prepared.token)
        if answer is None or (answer.accepted and not is_done(asked.seen, split)):
            if seconds >= ANSWER_SECONDS:
                self._sent = None
                self.told = (
                    f"no answer to {asked.action.ask.verb} within {seconds:.0f}s; it may still be done"
                )
            return
        self._sent = None
        done = Done(asked.seen, split, answer.message, seconds)
        self.told = asked.action.result(done) if answer.accepted else f"error: {visible(answer.message)}"

    def to_lines(self, split: LiveSplit) -> list[str]:
        """What stands below the block: what was told, and the question, or the keys there are."""
        if self._asked is not None:
            return [*self._asked.preview.splitlines(), "Go ahead? y: yes, any other key: no"]
        told = self.told.splitlines()
        if self._sent is not None:
            return [
                f"{self._sent.asked.action.ask.verb}: sent, the controller has not answered yet",
                "q quits",
            ]
        hold = "resumes" if split.status.pause is not None else "pauses"
        return [*told, *([""] if told else []), f"p or space {hold}   P promotes   a aborts   q quits"]

    def _find_action(self, key: str, split: LiveSplit) -> Action | None:
        if key in ("p", " "):
            return make_resume() if split.status.pause is not None else make_pause(self._program)
        return make_promote() if key == "P" else make_abort(self._program) if key == "a" else None

    def _ask(self, action: Action, split: LiveSplit) -> None:
        prepared = prepare(action.ask, split, read_user(self._cluster), "")
        rehearsal = rehearse(split, prepared.request, time.time())
        if rehearsal.refusal:
            self.told = f"error: {rehearsal.refusal}"
            return
        preview = to_preview(split, action.doing, self._context, rehearsal, action.notes(split))
        self._asked, self.told = _Asked(action, split, prepared, preview), ""

    def _answer(self, asked: _Asked, *, agreed: bool) -> None:
        if not agreed:
            self.told = f"not confirmed: nothing was sent to {asked.action.ask.verb} it"
            return
        send(self._cluster, asked.seen, asked.prepared)
        self._sent, self.told = _Sent(asked, self._now()), ""
