"""Whether the controller may read what it signs with, as the API server's authorizers answer."""

import json
from collections.abc import Mapping
from typing import Any

from meshsplit.cli.cluster import Cluster
from meshsplit.cli.doctor.verdict import Level, Patient, Verdict, run_check
from meshsplit.cli.doctor.webhooks import check_secrets
from meshsplit.kube.port import Forbidden, Item, ObjectKey, Page, Resource

GATE = {"name": "qa", "type": "preRollout", "url": "https://qa.example.com/"}
HOOK = {"url": "https://chat.example.com/"}


class Guarded:
    """Answers access reviews: of the Secrets in `readable` with yes; with an error to whoever may not ask."""

    def __init__(self, canary: Mapping[str, Any], *readable: str, may_ask: bool = True) -> None:
        self.spec = {"modelTag": "mnist", "strategy": {"canary": canary}}
        self.readable, self.may_ask = readable, may_ask
        self.asked: list[dict[str, Any]] = []

    def list_page(self, resource: Resource, **_: Any) -> Page:
        assert resource.plural == "modelsplits"
        body = {"metadata": {"name": "mnist", "namespace": "models"}, "spec": self.spec}
        return Page((Item(ObjectKey("models", "mnist"), "1", body),), "1")

    def create(self, resource: Resource, body: Mapping[str, Any]) -> bytes:
        assert resource.plural == "subjectaccessreviews"
        assert body["metadata"] == {}, "a real server refuses a review that has any"
        if not self.may_ask:
            raise Forbidden(403, "Forbidden", "no")
        self.asked.append(body["spec"])
        allowed = body["spec"]["resourceAttributes"]["name"] in self.readable
        return json.dumps({**body, "metadata": {}, "status": {"allowed": allowed}}).encode()


def check(api: Guarded) -> list[Verdict]:
    cluster = Cluster(api, "here", "default")  # type: ignore[arg-type]
    return list(run_check(check_secrets, Patient(cluster, "", "meshsplit-system")))


def signed(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {**body, "hmacSecret": {"name": name, "key": "k"}}


def test_the_commands_that_grant_what_is_missing_and_nothing_else_are_named() -> None:
    api = Guarded({"gates": [signed(GATE, "qa-key"), GATE], "notify": [signed(HOOK, "chat"), HOOK]}, "chat")
    (verdict,) = check(api)
    assert verdict.level is Level.FAILURE
    assert verdict.text.endswith(": models/qa-key")
    assert verdict.fix == (
        "kubectl create role meshsplit-webhooks -n models --verb=get --resource=secrets "
        "--resource-name=qa-key && kubectl create rolebinding meshsplit-webhooks -n models "
        "--role=meshsplit-webhooks --serviceaccount=meshsplit-system:meshsplit-controller"
    )
    assert {each["user"] for each in api.asked} == {
        "system:serviceaccount:meshsplit-system:meshsplit-controller"
    }


def test_what_may_be_read_is_fine_and_what_is_not_signed_needs_nothing() -> None:
    (verdict,) = check(Guarded({"notify": [signed(HOOK, "chat")]}, "chat"))
    assert verdict.level is Level.OK
    assert check(Guarded({"notify": [HOOK], "gates": [GATE]})) == []
    assert check(Guarded({"gates": "none"})) == []


def test_who_may_not_ask_is_told_that_it_is_unknown() -> None:
    (verdict,) = check(Guarded({"notify": [signed(HOOK, "chat")]}, may_ask=False))
    assert verdict.level is Level.UNKNOWN
