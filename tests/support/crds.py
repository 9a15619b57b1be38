"""Our own CustomResourceDefinitions on an embedded API server without its HTTP skin."""

import copy
from functools import cache
from typing import Any

from meshsplit.api.crd import make_disvc_crd, make_modelsplit_crd
from meshsplit.api.modelsplit import ModelSplit
from meshsplit.api.validation import to_modelsplit
from meshsplit.diagnostics import Finding
from meshsplit.kserve.modelsplits import UnreadableSplit, to_split_request
from meshsplit.kserve.weights import to_requested_target
from meshsplit.local.apiserver.builtin import CRDS
from meshsplit.local.apiserver.operation import Operation, Options
from meshsplit.local.apiserver.status import Refused
from support.embedded import Cluster

Body = dict[str, Any]
# As kubectl asks: unknown fields are errors; and nothing is kept.
ASK = Options(field_validation="Strict", dry_run=True)


@cache
def serve() -> Cluster:
    """A cluster with our kinds."""
    cluster = Cluster()
    for crd in (make_modelsplit_crd(), make_disvc_crd()):
        cluster.send(Operation("create", CRDS, body=crd))
    return cluster


def refusal_of_server(body: Body) -> str:
    """What the server says to a new object of ours; "" when it takes it."""
    group, version = body["apiVersion"].split("/")
    resource = serve().store.registry.find(group, version, f"{body['kind'].lower()}s")
    assert resource is not None
    mine = copy.deepcopy({**body, "metadata": {**body["metadata"], "namespace": "ns"}})
    try:
        serve().send(Operation("create", resource, "ns", body=mine, options=ASK))
    except Refused as refused:
        return str(refused)
    return ""


def refusals_offline(body: Body) -> list[str]:
    """What the check without a cluster says to a ModelSplit, the sum of its own weights included."""
    split = to_modelsplit(body)
    if not isinstance(split, ModelSplit):
        return [_with_code(finding) for finding in split]
    request, _ = to_split_request(body)
    assert not isinstance(request, UnreadableSplit)
    wrong = to_requested_target(request)[1] if request.from_spec else ()
    return [_with_code(finding) for finding in wrong]


def _with_code(finding: Finding) -> str:
    """A message of the server names the code, unless it is the one for every broken rule."""
    return finding.message if finding.code == "MSP009" else f"{finding.message} ({finding.code})"
