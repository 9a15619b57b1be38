"""Which runtime serves a model under ModelMesh, and whether it may be reached from outside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshsplit.diagnostics import FieldPath, Finding, ObjectRef, Related
from meshsplit.kserve import keys
from meshsplit.kserve.objects import InferenceService, ServingRuntime

_KINDS = ("ServingRuntime", "ClusterServingRuntime")
_ROUTABLE = "true"
"""The one spelling of `enable-route` that exposes a runtime."""


@dataclass(frozen=True, slots=True)
class Unroutable:
    """Why a model is not exposed: what a group's member (`code`) or a lone model is told.

    With `malformed` the runtime is there but could not be read, so that nothing is known about it.
    """

    code: str
    reason: str
    path: FieldPath
    fix: str
    related: tuple[Related, ...] = ()
    malformed: Finding | None = None


@dataclass(frozen=True, slots=True)
class Runtimes:
    """All runtimes that were read, by scope ("" for the cluster's), and the findings of unreadable ones."""

    by_scope: Mapping[str, tuple[ServingRuntime, ...]]
    malformed: Mapping[ObjectRef, Finding]

    def named_by(self, service: InferenceService) -> ServingRuntime | None:
        """The runtime that the InferenceService names itself: its namespace's first, then the cluster's."""
        named = (r for scope in _scopes(service) for r in self.by_scope.get(scope, ()))
        return next((runtime for runtime in named if runtime.ref.name == service.runtime), None)

    def chosen_for(self, service: InferenceService) -> ServingRuntime | None:
        """The runtime that is named, else the newest that selects the model's format by itself."""
        if service.runtime is not None:
            return self.named_by(service)
        for scope in _scopes(service):
            fitting = [runtime for runtime in self.by_scope.get(scope, ()) if _fits(runtime, service)]
            if fitting:
                return min(fitting, key=_newest_first)
        return None

    def find_unroutable(self, service: InferenceService) -> Unroutable | None:
        """Why the model may not be exposed at the gateway; None when it may."""
        runtime = self.chosen_for(service)
        if runtime is not None and not runtime.disabled:
            return None if runtime.enable_route == _ROUTABLE else _not_exposed(service, runtime)
        return _unserved(service, runtime, self._malformed_for(service))

    def _malformed_for(self, service: InferenceService) -> Finding | None:
        """The finding of a runtime that could not be read and may be the one that serves the model."""
        return next((finding for ref, finding in self.malformed.items() if _may_serve(ref, service)), None)


def make_runtimes(runtimes: Iterable[ServingRuntime], malformed: Mapping[ObjectRef, Finding]) -> Runtimes:
    """Sort runtimes by scope, and keep those of the malformed objects that are runtimes."""
    by_scope: dict[str, tuple[ServingRuntime, ...]] = {}
    for runtime in sorted(runtimes, key=lambda runtime: runtime.ref):
        scope = runtime.ref.namespace
        by_scope[scope] = (*by_scope.get(scope, ()), runtime)
    unread = {ref: malformed[ref] for ref in sorted(malformed) if ref.kind in _KINDS}
    return Runtimes(by_scope, unread)


def _scopes(service: InferenceService) -> tuple[str, str]:
    return service.namespace, ""


def _may_serve(ref: ObjectRef, service: InferenceService) -> bool:
    return ref.namespace in _scopes(service) and service.runtime in (None, ref.name)


def _fits(runtime: ServingRuntime, service: InferenceService) -> bool:
    """KServe's RuntimeSupportsModel: the format is selected by itself, in the version if one is asked for."""
    wanted = service.model_format
    return (
        wanted is not None
        and runtime.multi_model
        and not runtime.disabled
        and any(
            offered.auto_select and offered.name == wanted.name and wanted.version in (None, offered.version)
            for offered in runtime.formats
        )
    )


def _newest_first(runtime: ServingRuntime) -> tuple[bool, float, str]:
    created = runtime.identity.created
    return created is None, -created.timestamp() if created else 0.0, runtime.ref.name


def _runtime_path(service: InferenceService) -> FieldPath:
    if service.runtime is not None:
        return ("spec", "predictor", "model", "runtime")
    return service.model_format.path if service.model_format else ("spec", "predictor")


def _not_exposed(service: InferenceService, runtime: ServingRuntime) -> Unroutable:
    found = f'"{runtime.enable_route}"' if runtime.enable_route is not None else "not set"
    target = runtime.ref.kind.lower() + f" {runtime.ref.name}"
    scope = f" -n {runtime.ref.namespace}" if runtime.ref.namespace else ""
    return Unroutable(
        "MSP208",
        f'{keys.ENABLE_ROUTE} of its runtime {runtime.ref.name} is {found}, want "true"',
        _runtime_path(service),
        f"kubectl annotate {target}{scope} {keys.ENABLE_ROUTE}=true --overwrite",
        (Related(f"{keys.ENABLE_ROUTE} is {found}", runtime.ref, keys.annotation(keys.ENABLE_ROUTE)),),
    )


def _unserved(
    service: InferenceService, runtime: ServingRuntime | None, malformed: Finding | None
) -> Unroutable:
    path = _runtime_path(service)
    wanted = service.model_format
    if runtime is not None:
        related = (Related("spec.disabled is true", runtime.ref, ("spec", "disabled")),)
        reason, fix = f"its runtime {runtime.ref.name} is disabled", "enable the runtime or name another one"
        return Unroutable("MSP209", reason, path, fix, related)
    if service.runtime is not None:
        reason = f"its runtime {service.runtime} is not in the input"
        fix = f"add the ServingRuntime {service.runtime} in namespace {service.namespace}"
    elif wanted is None:
        reason, fix = "it names neither a runtime nor a model format", "add spec.predictor.model.modelFormat"
    else:
        version = f" version {wanted.version}" if wanted.version else ""
        reason = f"no enabled multi-model runtime selects the format {wanted.name}{version} by itself"
        fix = f"name a runtime in spec.predictor.model.runtime, or set autoSelect for {wanted.name} in one"
    return Unroutable("MSP209", reason, path, fix, malformed=malformed)
