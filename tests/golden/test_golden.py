"""Every folder here is a case: `in.yaml` and what it gets, `out.yaml` and `findings.json`; its name says why.

MESHSPLIT_UPDATE_GOLDEN=1 writes the two answers instead of comparing them: read the diff before you keep it.
"""

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshsplit.api.settings import to_settings
from meshsplit.cli.findings import join_findings
from meshsplit.diagnostics import Finding, severity_of
from meshsplit.manifests.document import Document
from meshsplit.manifests.merge import combine
from meshsplit.manifests.reader import read_text
from meshsplit.manifests.writer import write_documents
from meshsplit.model import Settings
from meshsplit.translate import translate

HERE = Path(__file__).parent
CASES = sorted(folder for folder in HERE.iterdir() if (folder / "in.yaml").exists())


def make_answer(case: Path, documents: Sequence[Document], read: Sequence[Finding]) -> tuple[str, list[Any]]:
    translation = translate([d.body for d in documents], settings_of(case))
    found = sorted(
        (
            {
                "code": finding.code,
                "severity": severity_of(finding).value,
                "object": {"kind": ref.kind, "namespace": ref.namespace, "name": ref.name} if ref else None,
            }
            for finding in join_findings(read, translation.findings)
            for ref in [finding.object]
        ),
        key=lambda row: json.dumps(row, sort_keys=True),
    )
    return write_documents(translation.objects), found


def settings_of(case: Path) -> Settings:
    path = case / "settings.yaml"
    if not path.exists():
        return Settings()
    settings = to_settings(yaml.safe_load(path.read_text()))
    assert isinstance(settings, Settings), settings
    return settings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_case_gets_exactly_this(case: Path) -> None:
    result = combine([read_text((case / "in.yaml").read_bytes().decode(), "in.yaml")])
    out, findings = make_answer(case, result.documents, result.findings)
    if os.environ.get("MESHSPLIT_UPDATE_GOLDEN"):
        (case / "out.yaml").write_text(out)
        (case / "findings.json").write_text(json.dumps(findings, indent=1) + "\n")
    assert out == (case / "out.yaml").read_text()
    assert findings == json.loads((case / "findings.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_order_of_the_input_changes_nothing(case: Path) -> None:
    result = combine([read_text((case / "in.yaml").read_bytes().decode(), "in.yaml")])
    expected = make_answer(case, result.documents, ())
    shuffled = list(result.documents)
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        assert make_answer(case, shuffled, ()) == expected


def test_there_are_cases() -> None:
    assert len(CASES) >= 40
