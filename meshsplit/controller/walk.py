"""Puts together what walks rollouts: the reads, the calls, the messages, and who decides on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshsplit.controller.gatecalls import GateCalls
from meshsplit.controller.meter import Meter
from meshsplit.controller.notices import Notices
from meshsplit.controller.rollouts import Rollouts
from meshsplit.controller.signed import SignedPosts
from meshsplit.controller.slots import Slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from meshsplit.analysis.metrics import MetricsSource
    from meshsplit.controller.options import Options
    from meshsplit.kube.port import Reader
    from meshsplit.model import GroupKey, Settings


def make_rollouts(
    api: Reader,
    options: Options,
    find_source: Callable[[str], MetricsSource],
    enqueue: Callable[[frozenset[GroupKey]], object],
    on_notified: Callable[[str], object],
    wall: Callable[[], float],
) -> Rollouts:
    """The rollouts of one process. `enqueue` gets keys of which something new is known, `on_notified` what
    became of a message; `wall` are Unix seconds.
    """

    def read_settings() -> Settings:
        return options.read_settings() if options.read_settings is not None else options.settings

    posts = SignedPosts(api)
    return Rollouts(
        Meter(find_source, enqueue, wall),
        GateCalls(posts, enqueue),
        Notices(posts, on_notified),
        Slots(),
        read_settings,
        wall,
    )
