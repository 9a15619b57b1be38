"""Envoy's listeners: whether their ports can be had, and where they listen once it is up."""

from __future__ import annotations

import errno
import socket
import time
from typing import TYPE_CHECKING, Any

from meshsplit.local.mesh.listener import LOOPBACK
from meshsplit.local.probe import get_served_version
from meshsplit.local.process import GatewayError, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from meshsplit.local.process import EnvoyProcess

# Envoy is up in 0.1 s on an idle machine; a busy one may take many times that.
START_SECONDS = 60.0
_POLL_SECONDS = 0.002
_REFUSALS = ("Filesystem config update rejected: ", "Filesystem config update failure: ")


class PortInUse(GatewayError):  # noqa: N818 - the name callers read
    """Another process listens on the gateway's port."""


def require_free(port: int) -> None:
    """PortInUse when something listens there, GatewayError when nobody can."""
    with socket.socket() as probe:
        # As Envoy does: a connection of an earlier listener that is still closing does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {port} on {LOOPBACK} is in use") from None
            raise GatewayError(f"cannot listen on {LOOPBACK}:{port}: {error.strerror}") from None


def wait_for_ports(envoy: EnvoyProcess, port: int, versions: Mapping[str, str]) -> dict[str, int]:
    """The port of each listener, once its probe answers with the version that `versions` has for it.

    PortInUse when somebody has taken `port` meanwhile, GatewayError when Envoy does not come up.
    """
    deadline = time.monotonic() + START_SECONDS
    while True:
        bound = _to_ports(envoy.get_json("/listeners?format=json"))
        if bound.keys() == versions.keys() and all(
            get_served_version(bound[name]) == version for name, version in versions.items()
        ):
            return bound
        log = envoy.read_log()
        if "Address already in use" in log:
            raise PortInUse(f"port {port} on {LOOPBACK} is in use")
        refusals = find_refusals(log)
        if refusals or not envoy.is_running() or not wait_until(deadline, _POLL_SECONDS):
            raise GatewayError(f"Envoy did not come up:\n{envoy.log_tail()}")


def _to_ports(listeners: Mapping[str, Any]) -> dict[str, int]:
    return {
        str(status["name"]): int(status["local_address"]["socket_address"]["port_value"])
        for status in listeners.get("listener_statuses", ())
    }


def find_refusals(log: str) -> list[str]:
    """What Envoy says of each configuration it refused, without the log line's time and place."""
    return [
        line.split(refusal, 1)[1] for line in log.splitlines() for refusal in _REFUSALS if refusal in line
    ]
