"""Istio's rule for port numbers (pkg/config/validation/agent/validation.go, ValidatePort)."""

from collections.abc import Iterator

from meshsplit.diagnostics import FieldPath
from meshsplit.istio.rules.violation import Violation

MAX_PORT = 65535


def check_port(number: int | None, path: FieldPath) -> Iterator[Violation]:
    """Check that there is a port number in range."""
    if number is None or not 1 <= number <= MAX_PORT:
        yield Violation(path, f"port {number} is not between 1 and {MAX_PORT}")
