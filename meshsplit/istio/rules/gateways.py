"""Istio's rule for names of gateways (pkg/config/validation/validation.go, validateGatewayNames)."""

from collections.abc import Iterator, Sequence

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules import dns
from meshsplit.istio.rules.violation import Violation

MESH = "mesh"
"""The gateway name that stands for all sidecars."""


def check_gateway_names(gateways: Sequence[str], path: FieldPath) -> Iterator[Violation]:
    """A gateway is `name` or `namespace/name`, in DNS labels."""
    for index, gateway in enumerate(gateways):
        namespace, slash, name = gateway.partition("/")
        if slash:
            problem = None if dns.is_label(namespace) and dns.is_label(name) else "want namespace/name"
        else:
            problem = dns.why_not_domain(gateway)
        if problem:
            yield Violation((*path, index), f"gateway {gateway!r}: {problem}")
