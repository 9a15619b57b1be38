"""What a controller is started with."""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from meshsplit.analysis.metrics import FROM_PROMETHEUS, Backends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from meshsplit.metrics.targets import Target
    from meshsplit.model import Settings

LEASE_NAME = "meshsplit"
LEASE_NAMESPACE = "meshsplit-system"
WORKERS = 4
RESYNC_SECONDS = 600.0
"""How often everything is looked at although nothing is known to have changed (client-go's default: 10 h)."""


def make_identity() -> str:
    """A name of this process that no other has, readable in the Lease: the pod's, with a random part."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{uuid.uuid4()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How one controller runs.

    `namespace` "" means all. `listen` is where health and metrics are served, None for nowhere.
    `read_settings` gives the settings of now, of which only those of rollouts may change while it runs.
    `find_targets` are scraped for the source `gateway`, None: the pods of the cluster; `backends` says by
    which counters members are told there.
    """

    settings: Settings
    namespace: str = ""
    workers: int = WORKERS
    leader_election: bool = True
    lease_namespace: str = LEASE_NAMESPACE
    listen: tuple[str, int] | None = None
    resync_seconds: float = RESYNC_SECONDS
    read_settings: Callable[[], Settings] | None = None
    find_targets: Callable[[], Sequence[Target]] | None = None
    backends: Backends = field(default_factory=lambda: FROM_PROMETHEUS)
    identity: str = field(default_factory=make_identity)
