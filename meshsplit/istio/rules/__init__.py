"""Istio's own validation rules: what its webhook refuses, and a JSON schema mostly lets pass."""

from meshsplit.istio.rules.check import check_object
from meshsplit.istio.rules.violation import Violation

__all__ = ["Violation", "check_object"]
