"""What the side that is not active answered lately, read by read; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from meshsplit.rollout.observation import PreviewSeen

if TYPE_CHECKING:
    from meshsplit.analysis.metrics import MemberCounts


@dataclass(frozen=True, slots=True)
class PreviewRead:
    """What was counted from `began` to `at` (Unix seconds)."""

    began: float
    at: float
    requests: float
    bad: float


@dataclass(frozen=True, slots=True)
class Preview:
    """The reads that count for the rollout `rollout`, in order; `member` is the side that is not active."""

    rollout: str
    member: str
    within: float
    reads: tuple[PreviewRead, ...] = ()

    def after(self, began: float, at: float, counts: MemberCounts) -> Preview:
        """With one more read, and without what is longer ago than is asked for.

        A read counts by when it began: one that covers an hour's outage tells of an hour ago.
        """
        read = PreviewRead(began, at, counts.requests, counts.bad)
        kept = tuple(each for each in self.reads if each.began >= at - self.within)
        late = at - began > self.within
        return Preview(self.rollout, self.member, self.within, kept if late else (*kept, read))

    def see(self, now: float) -> PreviewSeen | None:
        """What a pass at `now` is told; None where the last read is too long ago to tell of now.

        It is what was so at that read: bad requests do not grow old while nothing is read.
        """
        if not self.reads or abs(now - self.reads[-1].at) > self.within:
            return None
        requests = sum(read.requests for read in self.reads)
        return PreviewSeen(self.rollout, self.member, requests, sum(read.bad for read in self.reads))
