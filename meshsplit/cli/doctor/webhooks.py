"""What webhooks that are signed need: the right of the controller to read each Secret that is named."""

from collections.abc import Iterator, Mapping

from meshsplit.cli.cluster import Object
from meshsplit.cli.doctor.verdict import Level, Patient, Verdict, ok
from meshsplit.cli.kinds import ACCESS_REVIEWS
from meshsplit.cli.splits import mapping
from meshsplit.cli.unreachable import CannotAnswer

ACCOUNT = "meshsplit-controller"
"""The controller's ServiceAccount, as config/manager names it."""
ROLE = "meshsplit-webhooks"

Secrets = Mapping[str, frozenset[str]]
"""Names of Secrets by namespace."""


def check_secrets(patient: Patient) -> Iterator[Verdict]:
    """Whether the controller may read the Secrets that gates and messages are signed with."""
    try:
        yield from _check(patient)
    except CannotAnswer as error:
        if not error.is_missing:
            raise
        yield Verdict(Level.UNKNOWN, "whether the controller may read Secrets: this server cannot be asked")


def _check(patient: Patient) -> Iterator[Verdict]:
    named = find_secrets(patient.splits())
    account = f"{patient.system_namespace}:{ACCOUNT}"
    lacking = {
        namespace: refused
        for namespace, names in sorted(named.items())
        if (refused := [name for name in sorted(names) if not _may_read(patient, namespace, name)])
    }
    for namespace, names in lacking.items():
        listed = ", ".join(f"{namespace}/{name}" for name in names)
        text = f"the controller may not read the Secrets that webhooks are signed with: {listed}"
        yield Verdict(Level.FAILURE, text, make_grant(namespace, names, account))
    if named and not lacking:
        yield ok("the controller may read the Secrets that webhooks are signed with")


def find_secrets(splits: list[Object]) -> Secrets:
    """The Secrets that the gates and messages of ModelSplits name."""
    found: dict[str, set[str]] = {}
    for body in splits:
        canary = mapping(body, "spec", "strategy", "canary")
        for field in ("gates", "notify"):
            listed = canary.get(field)
            for hook in listed if isinstance(listed, list) else ():
                name = mapping(hook, "hmacSecret").get("name") if isinstance(hook, dict) else None
                if name:
                    found.setdefault(body["metadata"]["namespace"], set()).add(str(name))
    return {namespace: frozenset(names) for namespace, names in found.items()}


def make_grant(namespace: str, names: list[str], account: str) -> str:
    """The commands that grant these Secrets and no others; `account` is namespace:name."""
    wanted = " ".join(f"--resource-name={name}" for name in names)
    return (
        f"kubectl create role {ROLE} -n {namespace} --verb=get --resource=secrets {wanted} && "
        f"kubectl create rolebinding {ROLE} -n {namespace} --role={ROLE} --serviceaccount={account}"
    )


def _may_read(patient: Patient, namespace: str, name: str) -> bool:
    """What the API server's authorizers say; nothing is stored."""
    home = patient.system_namespace
    spec = {
        "user": f"system:serviceaccount:{home}:{ACCOUNT}",
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"],
        "resourceAttributes": {
            "namespace": namespace,
            "verb": "get",
            "version": "v1",
            "resource": "secrets",
            "name": name,
        },
    }
    answer = patient.cluster.create(ACCESS_REVIEWS, {"metadata": {}, "spec": spec})
    return mapping(answer, "status").get("allowed") is True
