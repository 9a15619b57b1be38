"""The embedded API server's store without its HTTP skin, with a clock and uids of the test's own."""

import datetime
import itertools
from dataclasses import dataclass, field
from typing import Any

from meshsplit.local.apiserver.builtin import CRDS, NAMESPACES
from meshsplit.local.apiserver.dispatch import Events, apply
from meshsplit.local.apiserver.operation import APPLY, MERGE, Answer, Operation, Options
from meshsplit.local.apiserver.resources import Resource
from meshsplit.local.apiserver.store import Store
from support.widgets import WIDGET_CRD

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@dataclass
class Cluster:
    """A store with the namespace `ns` and the kind Widget; time stands still until the test moves it."""

    log: int = 1000
    now: datetime.datetime = START
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.store = Store(
            lambda: self.now, lambda: f"00000000-0000-0000-0000-{next(numbers):012d}", self.log
        )
        self.send(Operation("create", NAMESPACES, body={"metadata": {"name": "ns"}}))
        self.send(Operation("create", CRDS, body=WIDGET_CRD))

    @property
    def widgets(self) -> Resource:
        return self.resource("example.dev", "widgets")

    def resource(self, group: str, plural: str) -> Resource:
        found = self.store.registry.find(group, "v1", plural)
        assert found is not None
        return found

    def send(self, op: Operation) -> Answer:
        return apply(self.store, op)[0]

    def events_of(self, op: Operation) -> Events:
        return apply(self.store, op)[1]

    def create(self, name: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
        body = {"metadata": {"name": name, **metadata}, "spec": spec or {}}
        return self.send(Operation("create", self.widgets, "ns", body=body)).body

    def patch(self, name: str, patch: Any, subresource: str = "", **options: Any) -> dict[str, Any]:
        op = Operation("patch", self.widgets, "ns", name, subresource, patch, MERGE, Options(**options))
        return self.send(op).body

    def apply(self, manager: str, spec: Any, **options: Any) -> dict[str, Any]:
        """Server-side apply of a Widget `a` with that spec."""
        body = {"metadata": {"name": "a"}, "spec": spec}
        given = Options(field_manager=manager, **options)
        return self.send(Operation("patch", self.widgets, "ns", "a", "", body, APPLY, given)).body

    def get(self, name: str) -> dict[str, Any]:
        return self.send(Operation("get", self.widgets, "ns", name)).body

    def delete(self, name: str, **options: Any) -> dict[str, Any]:
        return self.send(Operation("delete", self.widgets, "ns", name, body=options)).body

    def names(self, **options: Any) -> list[str]:
        op = Operation("list", self.widgets, "ns", options=Options(**options))
        return [item["metadata"]["name"] for item in self.send(op).body["items"]]


def owners(body: dict[str, Any]) -> dict[str, Any]:
    """fieldsV1 by manager."""
    return {entry["manager"]: entry["fieldsV1"] for entry in body["metadata"]["managedFields"]}
