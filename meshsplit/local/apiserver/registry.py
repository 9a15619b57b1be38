"""Every served resource: the built-in ones, and what CustomResourceDefinitions add."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from meshsplit.local.apiserver.builtin import BUILT_IN
from meshsplit.local.apiserver.resources import AGE, Column, Resource, Scale
from meshsplit.local.apiserver.rules import has_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from meshsplit.local.apiserver.objects import Json
    from meshsplit.local.apiserver.structure import Schema


def storage_version(crd: Json) -> str:
    """The version objects of a CRD are stored in."""
    return next(str(version["name"]) for version in crd["spec"]["versions"] if version.get("storage"))


def to_resources(crd: Json) -> list[Resource]:
    """The served versions of a CRD, in its order."""
    spec = crd["spec"]
    names = spec["names"]
    return [
        Resource(
            spec["group"],
            version["name"],
            names["plural"],
            names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            singular=names.get("singular", names["kind"].lower()),
            list_kind=names.get("listKind", ""),
            short_names=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            status="status" in (version.get("subresources") or {}),
            scale=_to_scale((version.get("subresources") or {}).get("scale")),
            custom=True,
            schema=_schema(version),
            ruled=has_rules(_schema(version)),
            columns=_to_columns(version.get("additionalPrinterColumns")),
            selectable=tuple(one["jsonPath"].lstrip(".") for one in version.get("selectableFields", ())),
            generation=True,
            unconditional=False,
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _schema(version: Json) -> Schema:
    return (version.get("schema") or {}).get("openAPIV3Schema") or {}


def _to_scale(paths: Json | None) -> Scale | None:
    if paths is None:
        return None
    return Scale(
        paths["specReplicasPath"].lstrip("."),
        paths["statusReplicasPath"].lstrip("."),
        paths.get("labelSelectorPath", "").lstrip("."),
    )


def _to_columns(columns: list[Json] | None) -> tuple[Column, ...]:
    if not columns:
        return (AGE,)
    return tuple(
        Column(
            one["name"],
            one["type"],
            one["jsonPath"],
            one.get("description", ""),
            one.get("format", ""),
            one.get("priority", 0),
        )
        for one in columns
    )


class Registry:
    """Every served resource, found by group, version and plural."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Resource] = {}
        for resource in BUILT_IN:
            self._put(resource)

    def _put(self, resource: Resource) -> None:
        named = resource
        if not resource.list_kind:
            named = replace(named, list_kind=f"{resource.kind}List")
        if not resource.singular:
            named = replace(named, singular=resource.kind.lower())
        self._served[resource.group, resource.version, resource.plural] = named

    def define(self, crd: Json) -> None:
        """Serve what the CRD says, in place of what it said before."""
        self.forget(crd)
        for resource in to_resources(crd):
            self._put(resource)

    def forget(self, crd: Json) -> None:
        """Serve no version of the CRD any more."""
        group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
        for key in [key for key in self._served if key[0] == group and key[2] == plural]:
            del self._served[key]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The served resource."""
        return self._served.get((group, version, plural))

    def of_kind(self, group: str, kind: str) -> Resource | None:
        """Some served version of a kind."""
        return next((one for one in self if one.group == group and one.kind == kind), None)

    def of_api_version(self, api_version: str, kind: str) -> Resource | None:
        """The served version of a kind that objects name so."""
        return next((one for one in self if one.api_version == api_version and one.kind == kind), None)

    def any_of(self, key: tuple[str, str]) -> Resource | None:
        """Some served version of (group, plural)."""
        return next((one for one in self if one.key == key), None)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.sorted())

    def sorted(self) -> list[Resource]:
        """By group, version and plural; the core group first."""
        return [self._served[key] for key in sorted(self._served)]

    def groups(self) -> dict[str, list[str]]:
        """Versions by group, sorted; stable versions before beta and alpha."""
        found: dict[str, set[str]] = {}
        for group, version, _ in self._served:
            found.setdefault(group, set()).add(version)
        return {group: sorted(versions, key=_version_rank) for group, versions in sorted(found.items())}


def _version_rank(version: str) -> tuple[int, str]:
    return (2 if "alpha" in version else 1 if "beta" in version else 0, version)
