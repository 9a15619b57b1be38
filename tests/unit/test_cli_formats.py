from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator

from meshsplit import __version__
from meshsplit.cli.findings import Located, locate_findings, make_places
from meshsplit.cli.github import to_github
from meshsplit.cli.junit import to_junit
from meshsplit.cli.sarif import to_sarif
from meshsplit.diagnostics import RULES, Finding, ObjectRef, Position, Related, Severity

GATEWAY = ObjectRef("Gateway", "istio-system", "gw")


def locate(*findings: Finding) -> tuple[Located, ...]:
    return locate_findings(findings, make_places(()))


ERROR = Finding(
    "MSP101",
    "100% of, what: 110",
    fix="set it\r\nto 20",
    details=("Istio would serve it.",),
    position=Position("a,b:c 100%.yaml", 3, 7),
)
WARNING = Finding("MSP105", "one member", position=Position("models/x.yaml", 1, 1))
NOWHERE = Finding("MSP206", "201 groups", GATEWAY)


def test_github_commands_are_escaped_as_the_runner_reads_them() -> None:
    assert to_github(locate(ERROR, WARNING, NOWHERE)).splitlines() == [
        (
            "::error file=a%2Cb%3Ac 100%25.yaml,line=3,col=7::MSP101 100%25 of, what: 110"
            "%0AIstio would serve it.%0Afix: set it%0D%0Ato 20"
        ),
        "::warning file=models/x.yaml,line=1,col=1::MSP105 one member",
        "::notice::MSP206 201 groups",
    ]


# The parts of the SARIF 2.1.0 schema that are written; there too, unknown properties are not allowed.
def closed(required: list[str], **properties: object) -> dict[str, object]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
PLACE = closed(
    ["artifactLocation"],
    artifactLocation=closed(["uri"], uri={"type": "string", "pattern": r"^(?:[A-Za-z0-9_.~%/:-])+$"}),
    region=closed(
        [], startLine={"type": "integer", "minimum": 1}, startColumn={"type": "integer", "minimum": 1}
    ),
)
LOCATION = closed(
    [],
    id={"type": "integer", "minimum": -1},
    physicalLocation=PLACE,
    message=closed(["text"], text=TEXT),
)
RULE = closed(
    ["id"],
    id=TEXT,
    shortDescription=closed(["text"], text=TEXT),
    fullDescription=closed(["text"], text=TEXT),
    help=closed(["text"], text=TEXT),
    defaultConfiguration=closed([], level=LEVEL),
)
RESULT = closed(
    ["message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=closed(["text"], text=TEXT),
    locations={"type": "array", "items": LOCATION},
    relatedLocations={"type": "array", "items": LOCATION, "uniqueItems": True},
)
RUN = closed(
    ["tool"],
    tool=closed(
        ["driver"],
        driver=closed(
            ["name"],
            name=TEXT,
            semanticVersion=TEXT,
            rules={"type": "array", "items": RULE, "uniqueItems": True},
        ),
    ),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": RESULT},
)
SARIF = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string"}, "version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}},
)


def test_sarif_has_the_shape_of_the_standard_and_names_rules_by_index() -> None:
    absolute = Finding("MSP102", "no", position=Position("/src/ä b.yaml", 2, 1))
    log = to_sarif(locate(ERROR, WARNING, NOWHERE, absolute))
    Draft202012Validator(SARIF).validate(log)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("meshsplit", __version__)
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    for result in run["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["defaultConfiguration"]["level"] == result["level"]
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
        if "locations" in result
    ]
    assert uris == ["file:///src/%C3%A4%20b.yaml", "a%2Cb%3Ac%20100%25.yaml", "models/x.yaml"]


def test_sarif_carries_region_fix_and_related_places() -> None:
    related = Related("the other", ObjectRef("X", "", "y"))
    located = Located(
        ERROR, Severity.ERROR, ERROR.position, ((related, Position("b.yaml", 4, 2)), (related, None))
    )
    (result,) = to_sarif([located])["runs"][0]["results"]
    assert result["message"]["text"].splitlines() == [
        "100% of, what: 110",
        "Istio would serve it.",
        "fix: set it",
        "to 20",
    ]
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 7}
    assert result["relatedLocations"] == [
        {
            "id": 0,
            "physicalLocation": {
                "artifactLocation": {"uri": "b.yaml"},
                "region": {"startLine": 4, "startColumn": 2},
            },
            "message": {"text": "the other"},
        }
    ]


def parse(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - what was written a moment ago


def suites(text: str) -> dict[str, ET.Element]:
    return {suite.get("name", ""): suite for suite in parse(text)}


@pytest.mark.parametrize(("fail_on", "failures"), [("error", 1), ("warning", 2), ("note", 3)])
def test_junit_counts_as_failures_what_fails_the_run(fail_on: str, failures: int) -> None:
    text = to_junit(locate(ERROR, WARNING, NOWHERE), ["models/x.yaml", "clean.yaml"], Severity(fail_on))
    root = parse(text)
    assert text.startswith('<?xml version="1.0"')
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", str(failures), "0")
    assert len(root.findall(".//failure")) == failures
    assert len(root.findall(".//testcase")) == 4


def test_junit_shows_clean_files_as_passed_and_findings_without_place_in_a_suite_of_their_own() -> None:
    found = suites(to_junit(locate(ERROR, NOWHERE), ["clean.yaml"], Severity.ERROR))
    assert list(found) == ["(no file)", "a,b:c 100%.yaml", "clean.yaml"]
    assert [case.get("name") for case in found["clean.yaml"]] == ["no findings"]
    (case,) = found["a,b:c 100%.yaml"]
    assert case.get("name") == "MSP101:3:7 100% of, what: 110"
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert "fix: set it" in (failure.text or "")


def test_junit_replaces_what_xml_cannot_hold() -> None:
    text = to_junit(
        locate(Finding("MSP102", "a\x00\x1b<&>\ufffe", position=Position("f\x01", 1, 1))), [], Severity.ERROR
    )
    (case,) = suites(text)["f\ufffd"]
    assert case.get("name") == "MSP102:1:1 a\ufffd\ufffd<&>\ufffd"
