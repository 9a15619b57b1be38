"""What to tell a user whose cluster did not answer, or said no: one message, with the fix."""

import re

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.terminal import visible
from meshsplit.kube.port import ApiError, Gone, NotFound, Resource

UNAUTHORIZED, FORBIDDEN = 401, 403
TOO_MANY, SERVER_ERRORS = 429, 500
INSTALL = "meshsplit install --export | kubectl apply -f -"
INSTALL_CRDS = "meshsplit install --export --crds-only | kubectl apply -f -"

# urllib3 writes its own class and the connection before what the system said.
_SYSTEM_SAID = re.compile(r"\[Errno -?\d+\] ([^()]+)")


class CannotAnswer(click.ClickException):
    """The cluster does not let a command answer; `error` is what its API said, None without an API."""

    exit_code = ExitCode.UNANSWERED

    def __init__(
        self, message: str, *, fix: str = "", following: str = "", error: ApiError | None = None
    ) -> None:
        lines = [visible(message)]
        lines += [f"  fix: {visible(fix)}"] if fix else []
        lines += [f"Next: {visible(following)}"] if following else []
        super().__init__("\n".join(lines))
        self.found = message
        self.fix = fix
        self.error = error

    @property
    def is_missing(self) -> bool:
        """Whether the API knows no such resource or object."""
        return isinstance(self.error, NotFound)

    @property
    def is_forbidden(self) -> bool:
        """Whether the API would answer somebody else."""
        return self.error is not None and self.error.status == FORBIDDEN

    @property
    def is_outdated(self) -> bool:
        """Whether the API has forgotten what was asked to go on from."""
        return isinstance(self.error, Gone)

    @property
    def is_passing(self) -> bool:
        """Whether the same request may succeed in a moment: no answer, too busy, or restarted."""
        status = self.error.status if self.error is not None else None
        return status is not None and (status in (0, TOO_MANY) or status >= SERVER_ERRORS)


def to_refusal(
    error: ApiError, host: str, verb: str, resource: Resource | None, namespace: str
) -> CannotAnswer:
    """The message for an error of a request: `verb` on `resource` (None: no resource's path) at `host`."""
    if error.status == 0:
        return CannotAnswer(
            f"cannot reach the API at {host}: {_cause(error)}",
            fix="check the network, the VPN and --context",
            following="kubectl cluster-info",
            error=error,
        )
    if error.status == UNAUTHORIZED:
        return CannotAnswer(
            f"the API at {host} does not know you (401): {error.message}",
            fix="log in again, or choose another user with --context or --kubeconfig",
            following="kubectl auth whoami",
            error=error,
        )
    if resource is None:
        return CannotAnswer(
            f"the API at {host} answered {error}", following="kubectl get --raw /livez", error=error
        )
    return _refusal_of(error, verb, resource, namespace)


def _refusal_of(error: ApiError, verb: str, resource: Resource, namespace: str) -> CannotAnswer:
    name = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    where = f" in namespace {namespace}" if namespace else " in all namespaces" if resource.namespaced else ""
    scope = f" -n {namespace}" if namespace else " -A" if resource.namespaced else ""
    if error.status == FORBIDDEN:
        return CannotAnswer(
            f"you may not {verb} {name}{where} (403): {error.message}",
            fix=f"ask for a role that allows the verb {verb} on {name}",
            following=f"kubectl auth can-i {verb} {name}{scope}",
            error=error,
        )
    if isinstance(error, NotFound) and verb == "list":
        text = f"the cluster does not know {name} ({resource.version})"
        return CannotAnswer(text, fix=_how_to_install(resource), following="meshsplit check", error=error)
    return CannotAnswer(
        f"cannot {verb} {name}{where}: the API answered {error}",
        following=f"kubectl get {name}{scope}",
        error=error,
    )


def _cause(error: ApiError) -> str:
    if error.reason == "Timeout":
        return "no answer in time (--request-timeout)"
    said = _SYSTEM_SAID.search(error.message)
    return said[1].strip() if said else error.message.partition(": ")[2] or error.message


def _how_to_install(resource: Resource) -> str:
    if resource.group == "meshsplit.dev":
        return INSTALL_CRDS
    if not resource.group:
        return "check the server in the kubeconfig: it answers, and not as Kubernetes does"
    known = {"serving.kserve.io": "KServe", "networking.istio.io": "Istio"}
    product = known.get(resource.group, resource.group)
    return f"install {product}, or look at the cluster that has it with --context"
