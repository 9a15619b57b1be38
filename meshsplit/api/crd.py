"""The CustomResourceDefinitions of our kinds, made from the models that also read their documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from meshsplit.api import disvc, modelsplit
from meshsplit.api.rules import DISVC_RULES, MODELSPLIT_RULES
from meshsplit.api.status import READY, ModelSplitStatus
from meshsplit.api.structural import RULES, Schema, to_structural

_API_VERSION: Schema = {
    "type": "string",
    "description": "The version of the schema that this object is written in.",
}
_OBJECT_KIND: Schema = {"type": "string", "description": "What this object is."}
_WIDE = 1
"""Columns of this priority are printed with `-o wide` only."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One column of `kubectl get`; `path` is a JSONPath into the object."""

    name: str
    path: str
    type: str = "string"
    priority: int = 0

    def to_json(self) -> Schema:
        wide = {"priority": self.priority} if self.priority else {}
        return {"name": self.name, "type": self.type, "jsonPath": self.path, **wide}


def _of_ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="{READY}")].{field}'


_AGE = _Column("Age", ".metadata.creationTimestamp", "date")


def make_modelsplit_crd() -> dict[str, Any]:
    """The CustomResourceDefinition modelsplits.meshsplit.dev."""
    return _make_crd(
        modelsplit.API_VERSION,
        {
            "kind": modelsplit.KIND,
            "listKind": f"{modelsplit.KIND}List",
            "plural": "modelsplits",
            "singular": "modelsplit",
            "shortNames": ["msplit"],
            "categories": ["meshsplit"],
        },
        _make_schema(
            "Where the traffic of one group of models goes, and how it gets there.",
            modelsplit.ModelSplitSpec,
            MODELSPLIT_RULES,
            ModelSplitStatus,
        ),
        {"status": {}},
        (
            _Column("Strategy", ".status.strategy"),
            _Column("Ready", _of_ready("status")),
            _Column("Status", _of_ready("reason")),
            _Column("Canary", ".status.canary"),
            _Column("Weight", ".status.weight"),
            _Column("Target", ".status.target", priority=_WIDE),
            _Column("Message", _of_ready("message"), priority=_WIDE),
            _AGE,
        ),
    )


def make_disvc_crd() -> dict[str, Any]:
    """The CustomResourceDefinition distributedinferenceservices.serving.kserve.io."""
    return _make_crd(
        disvc.API_VERSION,
        {
            "kind": disvc.KIND,
            "listKind": f"{disvc.KIND}List",
            "plural": "distributedinferenceservices",
            "singular": "distributedinferenceservice",
            "shortNames": ["disvc"],
            "categories": ["meshsplit"],
        },
        _make_schema(
            "One model as several InferenceServices behind one name, replaced without a failed request.",
            disvc.DistributedInferenceServiceSpec,
            DISVC_RULES,
            disvc.DistributedInferenceServiceStatus,
        ),
        {
            "status": {},
            "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
        },
        (
            _Column("URL", ".status.url"),
            _Column("Ready", _of_ready("status")),
            _Column("Replicas", ".status.replicas", "integer"),
            _Column("Current", ".status.currentVersion", "integer"),
            _Column("Prev", ".status.prevVersion", "integer"),
            _AGE,
        ),
    )


def _make_schema(
    description: str, spec: type[BaseModel], rules: Sequence[Schema], status: type[BaseModel]
) -> Schema:
    return {
        "description": description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": _API_VERSION,
            "kind": _OBJECT_KIND,
            "metadata": {"type": "object"},
            "spec": {**to_structural(spec), RULES: list(rules)},
            "status": to_structural(status, defaults=False),
        },
    }


def _make_crd(
    api_version: str, names: Schema, schema: Schema, subresources: Schema, columns: Sequence[_Column]
) -> dict[str, Any]:
    group, version = api_version.split("/")
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{names['plural']}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": names,
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": subresources,
                    "additionalPrinterColumns": [column.to_json() for column in columns],
                }
            ],
        },
    }
