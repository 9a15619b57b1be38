"""Findings as JUnit XML: a suite per file, so that clean files show as passed."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

from meshsplit.cli.findings import Located
from meshsplit.cli.terminal import Style
from meshsplit.cli.text import to_text
from meshsplit.diagnostics import Severity

# What XML 1.0 cannot contain, not even escaped (section 2.2, Char).
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ELSEWHERE = "(no file)"


def to_junit(located: Sequence[Located], files: Iterable[str], fail_on: Severity) -> str:
    """Findings at or above `fail_on` are failures, the others are passed cases with their text as output."""
    root = ET.Element("testsuites", {"name": "meshsplit lint"})
    by_file = {file: list(group) for file, group in groupby(located, key=_file)}
    for file in sorted(set(files) | set(by_file)):
        root.append(_suite(file, by_file.get(file, []), fail_on))
    for total in ("tests", "failures", "errors"):
        root.set(total, str(sum(int(suite.get(total, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _file(located: Located) -> str:
    return located.position.file if located.position is not None else ELSEWHERE


def _suite(file: str, located: Sequence[Located], fail_on: Severity) -> ET.Element:
    failures = sum(each.severity.rank >= fail_on.rank for each in located)
    suite = ET.Element(
        "testsuite",
        {
            "name": _legal(file),
            "tests": str(max(len(located), 1)),
            "failures": str(failures),
            "errors": "0",
        },
    )
    if not located:
        ET.SubElement(suite, "testcase", {"name": "no findings", "classname": _legal(file)})
    for each in located:
        suite.append(_case(file, each, fail_on))
    return suite


def _case(file: str, located: Located, fail_on: Severity) -> ET.Element:
    position = located.position
    place = f":{position.line}:{position.column}" if position is not None else ""
    name = _legal(f"{located.finding.code}{place} {located.finding.message}")
    case = ET.Element("testcase", {"name": name, "classname": _legal(file)})
    text = _legal(to_text([located], Style()))
    if located.severity.rank >= fail_on.rank:
        attributes = {"message": _legal(located.finding.message), "type": located.severity.value}
        ET.SubElement(case, "failure", attributes).text = text
    else:
        ET.SubElement(case, "system-out").text = text
    return case


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
