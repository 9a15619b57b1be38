"""What is wrong with a DistributedInferenceService that is valid: it can be seen before a cluster has it."""

from collections.abc import Iterator

from meshsplit.affinity import CookieHash
from meshsplit.api.disvc import DistributedInferenceServiceSpec
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.disvc import names
from meshsplit.disvc.capacity import to_capacity
from meshsplit.disvc.children import find_affinity
from meshsplit.disvc.plan import RECREATE

FIRST = 1
FEWEST_DIGITS = 3
"""Of a version's number: whoever deploys daily has used up two of them in a quarter."""


def find_doubts(ref: ObjectRef, spec: DistributedInferenceServiceSpec, grpc: bool) -> tuple[Finding, ...]:
    """What will not work, and what may surprise; `grpc` says whether its servers speak that."""
    return (
        *find_too_long(ref, spec.replicas, FIRST),
        *_find_last_version(ref, spec.replicas),
        *_find_no_room(ref, spec),
        *_find_cookie(ref, spec, grpc),
    )


def find_too_long(ref: ObjectRef, replicas: int, version: int) -> Iterator[Finding]:
    """MSP802 where that version, or the host of them all, cannot have its name."""
    path = ("metadata", "name")
    longest = names.longest_name(ref.name, version, replicas)
    label = names.external_host(ref.name, ref.namespace, "").rstrip(".")
    for name, told in ((longest, "KServe would name a Service"), (label, "its host begins with")):
        over = len(name) - names.MAX_NAME
        if over > 0:
            message = f"{told} {name}, which has {len(name)} characters, want {names.MAX_NAME} at most"
            yield Finding(
                "MSP802", message, ref, path, fix=f"choose a name that is {over} characters shorter"
            )


def _find_last_version(ref: ObjectRef, replicas: int) -> Iterator[Finding]:
    left = names.MAX_NAME - len(names.longest_name(ref.name, FIRST, replicas))
    if left >= 0 and left + 1 < FEWEST_DIGITS:
        last = 10 ** (left + 1) - 1
        message = f"with names of {names.MAX_NAME} characters version {last} of {ref.name} is the last one"
        short = FEWEST_DIGITS - left - 1
        fix = f"choose a name that is {short} characters shorter"
        yield Finding("MSP804", message, ref, ("metadata", "name"), fix=fix)


def _find_no_room(ref: ObjectRef, spec: DistributedInferenceServiceSpec) -> Iterator[Finding]:
    strategy, capacity = spec.deployment_strategy, to_capacity(spec)
    in_turn = strategy is not None and strategy.type == RECREATE
    if in_turn or capacity.has_room:
        return
    message = (
        f"maxSurge {capacity.surge} and maxUnavailable {capacity.unavailable} of {capacity.replicas} "
        f"replicas leave room for {capacity.next_one} of the next version; {capacity.needed} have to be ready"
    )
    path = ("spec", "deploymentStrategy", "rollingUpdate")
    yield Finding("MSP801", message, ref, path, fix=f"set maxSurge to {capacity.least_surge}")


def _find_cookie(ref: ObjectRef, spec: DistributedInferenceServiceSpec, grpc: bool) -> Iterator[Finding]:
    if not grpc or not isinstance(find_affinity(ref.name, spec), CookieHash):
        return
    path = ("spec", "sessionAffinity") if spec.session_affinity is not None else ("spec",)
    yield Finding(
        "MSP803",
        f"{ref.name} serves gRPC, and most of its clients keep no cookies",
        ref,
        path,
        fix="set sessionAffinity.header to a header that clients send, or sessionAffinity.none to true",
    )
