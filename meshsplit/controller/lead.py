"""Writes of the leader only: a pass that outlives the lead must not meet the next leader's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from meshsplit.kube.port import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from meshsplit.kube.port import Resource, Writer


class LeadersWriter:
    """A Writer that asks `leads` before each write, and raises Unavailable once it does not hold.

    A pass is several writes, each of which may take as long as a lead lasts.
    """

    def __init__(self, api: Writer, leads: Callable[[], bool]) -> None:
        self._api = api
        self._leads = leads

    def apply(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """As Writer.apply."""
        return self._leading().apply(resource, body, force=force)

    def apply_status(self, resource: Resource, body: Mapping[str, Any], *, force: bool = True) -> bytes:
        """As Writer.apply_status."""
        return self._leading().apply_status(resource, body, force=force)

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        """As Writer.create."""
        return self._leading().create(resource, body)

    def patch(self, resource: Resource, namespace: str, name: str, body: Mapping[str, Any]) -> bytes:
        """As Writer.patch."""
        return self._leading().patch(resource, namespace, name, body)

    def delete(
        self, resource: Resource, namespace: str, name: str, *, uid: str = "", version: int = 0
    ) -> None:
        """As Writer.delete."""
        self._leading().delete(resource, namespace, name, uid=uid, version=version)

    def _leading(self) -> Writer:
        if not self._leads():
            raise Unavailable(0, "NotLeading", "this controller does not lead any more")
        return self._api
