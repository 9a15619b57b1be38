"""Kubernetes objects as an answer: YAML, a List in JSON, or names."""

from collections.abc import Mapping, Sequence
from typing import Any

from meshsplit.cli.output import to_json
from meshsplit.manifests.writer import write_documents

FORMATS = ("yaml", "json", "name")


def to_output(objects: Sequence[Mapping[str, Any]], output_format: str) -> str:
    """The objects in one of FORMATS, without the final line end."""
    if output_format == "json":
        return to_json({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    if output_format == "name":
        return "\n".join(_to_name(body) for body in objects)
    return write_documents(objects).rstrip("\n")


def _to_name(body: Mapping[str, Any]) -> str:
    """The object as `kubectl -o name` writes it: kind.group/name, the core group left out."""
    group, slash, _ = body["apiVersion"].partition("/")
    kind = f"{body['kind'].lower()}.{group}" if slash else body["kind"].lower()
    return f"{kind}/{body['metadata']['name']}"
