"""The options that lead to a cluster, and what is said when they lead nowhere."""

from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner

from meshsplit.cli import kinds
from meshsplit.cli.connection import (
    REQUEST_SECONDS,
    Connection,
    Scope,
    connection_options,
    scope_options,
)
from meshsplit.cli.unreachable import CannotAnswer, to_refusal
from meshsplit.kube.port import ApiError, Forbidden, NotFound, Resource, Unavailable

HOST = "https://api:6443"


def parse(*words: str) -> tuple[Connection, Scope]:
    seen: list[tuple[Connection, Scope]] = []

    @click.command()
    @scope_options
    @connection_options
    def command(connection: Connection, scope: Scope) -> None:
        seen.append((connection, scope))

    result = CliRunner().invoke(command, words)
    if result.exit_code:
        raise ValueError(result.output)
    return seen[0]


def test_nothing_named_is_the_kubeconfigs_own_choice() -> None:
    assert parse() == (Connection(timeout=REQUEST_SECONDS), Scope())
    assert Connection().flags == ""


def test_what_is_named_is_kept_for_the_next_command() -> None:
    words = ["--kubeconfig", "k", "--context", "prod", "--as", "bob", "--request-timeout", "5s", "-l", "a=b"]
    connection, scope = parse(*words, "--as-group", "dev", "--as-group", "on call", "-n", "ns")
    assert connection == Connection("k", "prod", "bob", 5.0, ("dev", "on call"))
    assert connection.flags == " --kubeconfig k --context prod --as bob --as-group dev --as-group 'on call'"
    assert scope == Scope("ns", everywhere=False, selector="a=b")


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5.0), ("500ms", 0.5), ("1.5m", 90.0), ("1h", 3600.0), ("0", 86_400.0)]
)
def test_timeouts_are_written_as_for_kubectl(text: str, seconds: float) -> None:
    assert parse("--request-timeout", text)[0].timeout == seconds


@pytest.mark.parametrize(
    "words",
    [
        ["--request-timeout", "soon"],
        ["--request-timeout", "-1"],
        ["-n", "a", "-A"],
        ["--as-group", "dev"],
        ["--as", "bob\n"],
        ["--as", "bob", "--as-group", "\u00e4"],
    ],
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no duration|exclude each other|needs a user|only printable"):
        parse(*words)


def refuse(error: ApiError, verb: str = "list", namespace: str = "") -> str:
    return to_refusal(error, HOST, verb, kinds.MODEL_SPLITS, namespace).format_message()


REFUSALS: list[tuple[ApiError, list[str]]] = [
    (
        Unavailable(0, "ConnectionFailed", "E: Connection(host='api'): no: [Errno 111] Connection refused"),
        ["cannot reach the API at https://api:6443: Connection refused", "--context"],
    ),
    (
        Unavailable(0, "ConnectionFailed", "NameResolutionError: C: no 'api' ([Errno -2] Name not known)"),
        ["cannot reach the API at https://api:6443: Name not known\n"],
    ),
    (
        Unavailable(0, "ConnectionFailed", "SSLError: certificate verify failed: self-signed"),
        ["certificate verify failed: self-signed"],
    ),
    (Unavailable(0, "Timeout", "ReadTimeoutError: x"), ["no answer in time (--request-timeout)"]),
    (ApiError(401, "Unauthorized", "no"), ["does not know you (401): no", "log in again"]),
    (
        Forbidden(403, "Forbidden", "because"),
        [
            "you may not list modelsplits.meshsplit.dev in all namespaces (403): because",
            "Next: kubectl auth can-i list modelsplits.meshsplit.dev -A",
        ],
    ),
    (
        NotFound(404, "NotFound", "page not found"),
        [
            "does not know modelsplits.meshsplit.dev (v1alpha1)",
            "fix: meshsplit install --export --crds-only | kubectl apply -f -",
        ],
    ),
    (Unavailable(503, "ServiceUnavailable", "etcd"), ["the API answered 503 ServiceUnavailable: etcd"]),
]


@pytest.mark.parametrize(("error", "told"), REFUSALS, ids=lambda each: str(each)[:40])
def test_a_refusal_says_what_happened_and_what_to_do(error: ApiError, told: list[str]) -> None:
    message = refuse(error)
    for text in told:
        assert text in message
    assert message.splitlines()[-1].startswith("Next: ")


def test_a_refusal_in_a_namespace_names_it() -> None:
    message = refuse(Forbidden(403, "Forbidden", ""), "get", "models")
    assert "may not get modelsplits.meshsplit.dev in namespace models" in message
    assert message.endswith("kubectl auth can-i get modelsplits.meshsplit.dev -n models")


@pytest.mark.parametrize(
    ("make", "product"),
    [(lambda: kinds.virtual_services("v1"), "Istio"), (lambda: kinds.INFERENCE_SERVICES, "KServe")],
)
def test_what_is_not_installed_is_named(make: Callable[[], Resource], product: str) -> None:
    error = to_refusal(NotFound(404, "NotFound", ""), HOST, "list", make(), "")
    assert f"install {product}" in error.format_message()
    assert (error.is_missing, error.is_forbidden) == (True, False)


def test_a_server_without_namespaces_is_no_kubernetes() -> None:
    error = to_refusal(NotFound(404, "NotFound", ""), HOST, "list", kinds.NAMESPACES, "")
    assert "fix: check the server in the kubeconfig: it answers, and not as Kubernetes does" in (
        error.format_message()
    )


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in CannotAnswer("found \x1b[2J", fix="mend \x1b").format_message()
