"""Retries as Envoy's RetryPolicy (Istio: networking/core/route/retry/retry.go)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from meshsplit.local.mesh.virtualservice import Retries

DEFAULT_RETRIES = 2  # Istio's meshConfig.defaultHttpRetryPolicy
DEFAULT_RETRY_ON = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes"
_HOST_SELECTION_ATTEMPTS = "5"  # an int64, so a string in protobuf's JSON form
_STATUS_CODES = "retriable-status-codes"
_PREVIOUS_HOSTS = {
    "name": "envoy.retry_host_predicates.previous_hosts",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    },
}
_PREVIOUS_PRIORITIES = {
    "name": "envoy.retry_priorities.previous_priorities",
    "typed_config": {
        "@type": (
            "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3"
            ".PreviousPrioritiesConfig"
        ),
        "update_frequency": 2,
    },
}


def to_retry_policy(retries: Retries | None, *, keeps_endpoint: bool) -> dict[str, Any] | None:
    """Istio's default policy with `retries` over it; None when `retries` names no attempts.

    A route that hashes its callers to an endpoint (`keeps_endpoint`) retries on that endpoint.
    """
    policy: dict[str, Any] = {
        "num_retries": DEFAULT_RETRIES,
        "retry_on": DEFAULT_RETRY_ON,
        "host_selection_retry_max_attempts": _HOST_SELECTION_ATTEMPTS,
    }
    if not keeps_endpoint:
        policy["retry_host_predicate"] = [_PREVIOUS_HOSTS]
    if retries is None:
        return policy
    return _override(policy, retries) if retries.attempts > 0 else None


def _override(policy: dict[str, Any], retries: Retries) -> dict[str, Any]:
    policy = {**policy, "num_retries": retries.attempts}
    if retries.retry_on:
        policy |= _to_conditions(retries.retry_on)
    if retries.per_try_timeout:
        policy["per_try_timeout"] = retries.per_try_timeout
    if retries.retry_ignore_previous_hosts is not None:
        policy.pop("retry_host_predicate", None)
        if retries.retry_ignore_previous_hosts:
            policy["retry_host_predicate"] = [_PREVIOUS_HOSTS]
    if retries.retry_remote_localities:
        policy["retry_priority"] = _PREVIOUS_PRIORITIES
    if retries.backoff:
        policy["retry_back_off"] = {"base_interval": retries.backoff}
    return policy


def _to_conditions(retry_on: str) -> dict[str, Any]:
    """Envoy keeps conditions and status codes apart; Istio takes both in one list."""
    parts = [part.strip() for part in retry_on.split(",") if part.strip()]
    codes = [int(part) for part in parts if _is_status(part)]
    conditions = [part for part in parts if not _is_status(part)]
    if not codes:
        return {"retry_on": ",".join(conditions)}
    if _STATUS_CODES not in conditions:
        conditions.append(_STATUS_CODES)
    return {"retry_on": ",".join(conditions), "retriable_status_codes": codes}


def _is_status(part: str) -> bool:
    return part.isdecimal() and int(part) in {status.value for status in HTTPStatus}
