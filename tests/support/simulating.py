"""`meshsplit simulate` as a caller in the same process sees it."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from meshsplit.cli.main import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *arguments])


def write(folder: Path, text: str, name: str = "scenario.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def report_of(result: Result) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(result.stdout)
    assert report["kind"] == "SimulationReport"
    assert report["apiVersion"] == "cli.meshsplit.dev/v1alpha1"
    return report
