"""Findings as SARIF 2.1.0, the format of code scanning services."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from meshsplit import __version__
from meshsplit.cli.findings import Located
from meshsplit.diagnostics import RULES, Position, Rule

# The schema's canonical address in the standard (OASIS SARIF 2.1.0, errata 01).
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_INDEX = {code: index for index, code in enumerate(RULES)}


def to_sarif(located: Iterable[Located]) -> dict[str, Any]:
    """One run; its rules are the whole table, so a service can show those without a result too."""
    driver = {
        "name": "meshsplit",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each) for each in located],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why}\n\nWhat meshsplit does: {rule.does}\n\nHow to fix: {rule.fix}"},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(located: Located) -> dict[str, Any]:
    finding = located.finding
    parts = [finding.message, *finding.details]
    if finding.fix:
        parts.append(f"fix: {finding.fix}")
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "level": located.severity.value,
        "message": {"text": "\n".join(parts)},
    }
    if located.position is not None:
        result["locations"] = [_location(located.position)]
    related = [
        {"id": number, **_location(position), "message": {"text": each.text}}
        for number, (each, position) in enumerate(located.related)
        if position is not None
    ]
    return {**result, "relatedLocations": related} if related else result


def _location(position: Position) -> dict[str, Any]:
    region = {"startLine": position.line, "startColumn": position.column}
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(position.file)}, "region": region}}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
