"""`meshsplit controller`: the process that keeps a cluster's groups routed."""

import gc
import re
import sys
import threading
from pathlib import Path

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.inputs import settings_option
from meshsplit.cli.livesettings import LiveSettings
from meshsplit.cli.signals import stopped_by_signals
from meshsplit.controller.manager import Manager, Options
from meshsplit.controller.options import LEASE_NAMESPACE, WORKERS
from meshsplit.kube.client import ConfigurationError, load_configuration
from meshsplit.telemetry.logs import configure_logging

DEFAULT_LISTEN = "127.0.0.1:8080"
_LISTEN = re.compile(r"(?P<host>.*):(?P<port>[0-9]{1,5})")
_GC_THRESHOLDS = (50_000, 20, 20)
"""New objects between two collections, and collections between two of older ones. What is kept here has no
cycles, and Python's own 700 take a third of the CPU of a start."""
_WATCH_SECONDS = 0.2
"""How often it is looked whether the controller still can go on."""


class CannotRun(click.ClickException):
    """What keeps the controller from running; the message is one a user can act on."""

    exit_code = ExitCode.UNANSWERED


class Listen(click.ParamType[tuple[str, int]]):
    """HOST:PORT; an empty host is every address."""

    name = "host:port"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The host and the port; a usage error for anything else."""
        if isinstance(value, tuple):
            return value
        found = _LISTEN.fullmatch(str(value))
        if found is None or int(found["port"]) > 65535:
            self.fail(f"{value!r} is no address, for example {DEFAULT_LISTEN}", param, ctx)
        return found["host"].strip("[]"), int(found["port"])


@click.command("controller", short_help="the in-cluster process")
@click.option("--kubeconfig", help="Path to a kubeconfig; default: KUBECONFIG, else the pod's account.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "--namespace", "-n", default="", help="Watch this namespace only; needs no cluster-wide rights."
)
@settings_option
@click.option(
    "--listen",
    type=Listen(),
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Where /healthz, /readyz and /metrics are served; port 0 takes a free one.",
)
@click.option(
    "--leader-election/--no-leader-election",
    default=True,
    show_default=True,
    help="Several replicas: one works, the others wait.",
)
@click.option(
    "--lease-namespace", default=LEASE_NAMESPACE, show_default=True, help="Namespace of the election's Lease."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=WORKERS,
    show_default=True,
    help="Groups worked on at the same time.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged.",
)
def controller_command(
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
    settings: Path | None,
    listen: tuple[str, int],
    leader_election: bool,
    lease_namespace: str,
    workers: int,
    log_level: str,
) -> int:
    """Keep the groups of a cluster routed until stopped; logs are JSON on standard error.

    Ends with exit code 2 when it loses the lead, so that whoever runs it starts it again.
    """
    configure_logging(sys.stderr, log_level)
    live = LiveSettings(settings)
    options = Options(
        settings=live.read(),
        read_settings=live.read,
        namespace=namespace,
        workers=workers,
        leader_election=leader_election,
        lease_namespace=lease_namespace,
        listen=listen,
    )
    try:
        manager = Manager(load_configuration(kubeconfig, context), options)
    except ConfigurationError as error:
        raise CannotRun(str(error)) from None
    except OSError as error:
        raise CannotRun(
            f"cannot listen on {listen[0]}:{listen[1]}: {error}; choose another with --listen"
        ) from None
    return _run(manager)


def _run(manager: Manager) -> int:
    stop = threading.Event()
    gc.set_threshold(*_GC_THRESHOLDS)
    with stopped_by_signals(stop):
        manager.start()
        frozen = False
        while not stop.wait(_WATCH_SECONDS) and manager.failure is None:
            if not frozen and manager.wait_synced(0.0):
                # What the caches hold stays: a full collection need not walk through it each time.
                gc.freeze()
                frozen = True
        manager.stop()
    if manager.failure is not None:
        raise CannotRun(manager.failure)
    return ExitCode.INTERRUPTED
