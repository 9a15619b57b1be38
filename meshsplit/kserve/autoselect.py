"""Which single-model runtime KServe gives an InferenceService (pkg/utils and GetSupportingRuntimes)."""

from collections.abc import Iterable

from meshsplit.kserve.objects import ServingRuntime, SupportedFormat

DEFAULT_PROTOCOL = "v1"
_PROTOCOLS = ("v1", "v2", "grpc-v1", "grpc-v2")
"""KServe's protocol versions, the lowest first."""


def find_named(name: str, namespace: str, runtimes: Iterable[ServingRuntime]) -> ServingRuntime | None:
    """The runtime of that name: the namespace's before the cluster's."""
    found = {runtime.ref.namespace: runtime for runtime in runtimes if runtime.ref.name == name}
    return found.get(namespace, found.get(""))


def choose_runtime(
    model_format: str,
    version: str | None,
    protocol: str | None,
    namespace: str,
    runtimes: Iterable[ServingRuntime],
) -> ServingRuntime | None:
    """The enabled single-model runtime that selects the format by itself; None when none does.

    The namespace's runtimes come before the cluster's, then the format's priority counts (higher first, one
    without last), then the lowest protocol, the newest, the name.
    """
    wanted = protocol or DEFAULT_PROTOCOL
    fitting = []
    for runtime in runtimes:
        offered = _find_offer(runtime, model_format, version)
        if offered is not None and _speaks(runtime, wanted) and runtime.ref.namespace in (namespace, ""):
            fitting.append((_rank(runtime, offered), runtime))
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def _find_offer(runtime: ServingRuntime, model_format: str, version: str | None) -> SupportedFormat | None:
    if runtime.disabled or runtime.multi_model:
        return None
    offers = (
        offer
        for offer in runtime.formats
        if offer.auto_select and offer.name == model_format and version in (None, offer.version)
    )
    return min(offers, key=_urgency, default=None)


def _speaks(runtime: ServingRuntime, protocol: str) -> bool:
    return not runtime.protocols or protocol in runtime.protocols


def _urgency(offer: SupportedFormat) -> tuple[bool, int]:
    return offer.priority is None, -(offer.priority or 0)


def _rank(runtime: ServingRuntime, offer: SupportedFormat) -> tuple[object, ...]:
    created = runtime.identity.created
    age = -created.timestamp() if created is not None else 0.0
    lowest = min((_PROTOCOLS.index(p) for p in runtime.protocols if p in _PROTOCOLS), default=0)
    return (not runtime.ref.namespace, *_urgency(offer), lowest, created is None, age, runtime.ref.name)
