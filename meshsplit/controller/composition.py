"""Puts together what works on one group: who writes its routes, its ModelSplits and what is said of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from meshsplit.controller.reconcile import Reconciler
from meshsplit.controller.reporter import Reporter
from meshsplit.controller.routes import Routes
from meshsplit.controller.splits import Splits
from meshsplit.controller.understood import Understood

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from meshsplit.controller.cache import Cache
    from meshsplit.controller.recorder import Recorder
    from meshsplit.controller.rollouts import Rollouts
    from meshsplit.kube.port import Resource, Writer
    from meshsplit.model import GroupKey, Settings
    from meshsplit.telemetry.metrics import Metrics


def make_reconciler(
    settings: Settings,
    cache: Cache,
    writer: Writer,
    virtual_services: Resource,
    rollouts: Rollouts,
    recorder: Recorder,
    metrics: Metrics,
    now: Callable[[], datetime],
    enqueue: Callable[[frozenset[GroupKey]], object],
) -> Reconciler:
    """The reconciler of one process; `enqueue` gets the keys that one key's work concerns."""
    splits = Splits(writer, settings, cache.splits, lambda touched: enqueue(cache.touched_by_splits(touched)))
    return Reconciler(
        settings=settings,
        understood=Understood(settings),
        cache=cache,
        routes=Routes(writer, virtual_services, cache.routes, time.monotonic, enqueue),
        splits=splits,
        reporter=Reporter(splits=splits, recorder=recorder, now=now, on_status=metrics.record),
        rollouts=rollouts,
        on_related=enqueue,
    )
