"""The options that lead to a cluster, named as kubectl names them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from shlex import quote
from typing import Any, TypeVar

import click

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.unreachable import CannotAnswer
from meshsplit.kube.port import FIELD_MANAGER

Command = TypeVar("Command", bound=Callable[..., Any])

REQUEST_SECONDS = 30.0
"""For one request, unless --request-timeout says otherwise; a page of 500 objects takes well below one."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_NO_LIMIT = 24 * 3600.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")


@dataclass(frozen=True, slots=True)
class Connection:
    """Which cluster, as whom, and how patiently (`timeout` in seconds)."""

    kubeconfig: str | None = None
    context: str | None = None
    impersonate: str = ""
    timeout: float = REQUEST_SECONDS
    groups: tuple[str, ...] = ()

    @property
    def flags(self) -> str:
        """The options of the next command that lead to the same cluster, a space before each."""
        named = [("kubeconfig", self.kubeconfig), ("context", self.context), ("as", self.impersonate)]
        named += [("as-group", group) for group in self.groups]
        return "".join(f" --{name} {quote(value)}" for name, value in named if value)

    def own_namespace(self) -> str:
        """The namespace of the context, where kubectl puts what names none."""
        from meshsplit.kube.client import find_namespace  # as in open

        return find_namespace(self.kubeconfig, self.context)

    def context_name(self) -> str:
        """The context that is used, "" for the account of a pod."""
        from meshsplit.kube.client import find_context  # as in open

        return find_context(self.kubeconfig, self.context)

    def open(
        self, namespace: str | None = None, *, manager: str = FIELD_MANAGER, dry_run: bool = False
    ) -> Cluster:
        """The cluster, with `namespace` or the context's own; CannotAnswer without a kubeconfig.

        What is written is the field manager's `manager`; with `dry_run` it is checked and not kept.
        """
        # Half a second of imports that no offline verb should wait for.
        from meshsplit.kube.client import Client, ConfigurationError, load_configuration
        from meshsplit.kube.impersonation import Impersonation

        try:
            configuration = load_configuration(self.kubeconfig, self.context)
        except ConfigurationError as error:
            raise CannotAnswer(
                str(error),
                fix="name a kubeconfig with --kubeconfig or KUBECONFIG, and a context in it",
                following="kubectl config get-contexts",
            ) from None
        client = Client(
            configuration,
            field_manager=manager,
            dry_run=dry_run,
            timeout=self.timeout,
            impersonate=Impersonation(self.impersonate, self.groups),
        )
        return Cluster(client, configuration.host, namespace or self.own_namespace(), self.flags)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects a command is about: `namespace` None is the context's own, `selector` is on labels."""

    namespace: str | None = None
    everywhere: bool = False
    selector: str = ""


def _to_seconds(_context: click.Context, _option: click.Parameter, text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no duration, want for example 5s, 1m or 0 (no limit)")
    return float(found[1]) * _UNITS[found[2]] or _NO_LIMIT


def _check_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """The API reads it from a header, where not everything can be written."""
    if not name.isascii() or (name and not name.isprintable()):
        raise click.BadParameter(f"{name!r} cannot be asked for: only printable ASCII can")
    return name


def _check_names(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_check_name(context, option, name) for name in names)


def connection_options(command: Command) -> Command:
    """Add --kubeconfig, --context, --as, --as-group and --request-timeout; the command gets `connection`."""

    @click.option(
        "--kubeconfig", type=click.Path(), help="The kubeconfig; else KUBECONFIG, else ~/.kube/config."
    )
    @click.option("--context", "kube_context", help="The context of the kubeconfig.")
    @click.option(
        "--as", "impersonate", default="", metavar="USER", callback=_check_name, help="The user to act as."
    )
    @click.option(
        "--as-group",
        "groups",
        multiple=True,
        metavar="GROUP",
        callback=_check_names,
        help="A group of the user of --as; repeatable.",
    )
    @click.option(
        "--request-timeout",
        "timeout",
        default="30s",
        show_default=True,
        callback=_to_seconds,
        help="How long to wait for one answer of the API; 0: no limit.",
    )
    @wraps(command)
    def with_connection(
        *args: Any,
        kubeconfig: str | None,
        kube_context: str | None,
        impersonate: str,
        groups: tuple[str, ...],
        timeout: float,
        **kwargs: Any,
    ) -> Any:
        if groups and not impersonate:
            raise click.UsageError("--as-group needs a user: name one with --as")
        connection = Connection(kubeconfig, kube_context, impersonate, timeout, groups)
        return command(*args, connection=connection, **kwargs)

    return with_connection  # type: ignore[return-value]  # click's decorators erase the signature


def live_namespace_option(command: Command) -> Command:
    """Add `--namespace`; the command gets the name, None for the context's own."""
    return click.option("-n", "--namespace", help="The namespace; else the context's own.")(command)


def scope_options(command: Command) -> Command:
    """Add -n, -A and -l; the command gets one `scope`."""

    @live_namespace_option
    @click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Look at all namespaces.")
    @click.option("-l", "--selector", default="", help="Only objects whose labels this selects.")
    @wraps(command)
    def with_scope(*args: Any, namespace: str | None, everywhere: bool, selector: str, **kwargs: Any) -> Any:
        if namespace and everywhere:
            raise click.UsageError("-n and -A exclude each other")
        return command(*args, scope=Scope(namespace, everywhere, selector), **kwargs)

    return with_scope  # type: ignore[return-value]  # click's decorators erase the signature
