import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import meshsplit
from meshsplit.diagnostics import RULES, Rule, Severity
from meshsplit.diagnostics.catalogue import RANGES
from meshsplit.diagnostics.page import how_to_silence

PACKAGE = Path(meshsplit.__file__).parent
ROOT = Path(__file__).resolve().parents[2]
HUNDREDS = {
    "Input": "0",
    "Weights": "1",
    "Groups": "2",
    "Istio": "3",
    "Affinity": "4",
    "Analysis": "5",
    "GitOps": "6",
    "Platform": "7",
    "Distributed": "8",
}
RESERVED = {"MSP603"}

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def codes_in_source() -> set[str]:
    """Codes that appear as a whole string literal outside the catalogue."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if "catalogue" in path.parts or path.name == "page.py" or path.parent.name == "cli":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"MSP\d{3}", str(node.value)):
                found.add(str(node.value))
    return found


def test_codes_are_in_order_and_in_the_range_of_their_family() -> None:
    assert list(RULES) == sorted(RULES)
    assert sum(len(rules) for rules in RANGES.values()) == len(RULES)
    for family, rules in RANGES.items():
        for rule in rules:
            assert re.fullmatch(rf"MSP{HUNDREDS[family]}\d\d", rule.code)


@every_rule
def test_every_text_is_there_and_ends_as_a_sentence(rule: Rule) -> None:
    for text in (rule.why, rule.does, rule.fix):
        assert len(text) > 15
        assert text[-1] in ".:)", text
        assert text == text.strip()
        assert "\n" not in text
        assert "  " not in text
        assert text.count("`") % 2 == 0
    assert len(rule.title) < 80
    assert rule.title[-1] != "."


@every_rule
def test_every_example_is_one_yaml_document(rule: Rule) -> None:
    assert rule.example == "" or rule.example.endswith("\n")
    assert not rule.example.startswith((" ", "\n"))
    # Those that show a mistake beside its correction are not valid on purpose.
    if rule.example and "# wrong" not in rule.example:
        assert list(yaml.safe_load_all(rule.example))


@every_rule
def test_every_code_named_in_a_text_exists(rule: Rule) -> None:
    for code in re.findall(r"MSP\d+", rule.why + rule.does + rule.fix + rule.example):
        assert code in RULES


def test_the_codes_that_the_source_raises_are_exactly_those_the_table_calls_raised() -> None:
    assert codes_in_source() == {rule.code for rule in RULES.values() if rule.raised}


def test_reserved_codes_are_the_ones_that_wait_for_later_versions() -> None:
    assert {rule.code for rule in RULES.values() if not rule.raised} == RESERVED


@every_rule
def test_a_text_that_is_no_object_cannot_be_annotated(rule: Rule) -> None:
    ways = "\n".join(how_to_silence(rule))
    assert f"ignore[{rule.code}]" in ways
    assert f"--ignore {rule.code}" in ways
    assert ("annotation" in ways) == (rule.code > "MSP005")
    assert ("not what is done" in ways) == (rule.severity is Severity.ERROR)


def run_make_codes(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = root / "scripts" / "make_codes"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)


def test_the_committed_page_is_what_the_table_says() -> None:
    done = run_make_codes(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_page_is_noticed_and_rewritten(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make_codes", tmp_path / "scripts" / "make_codes")
    (tmp_path / "meshsplit").symlink_to(PACKAGE)
    assert run_make_codes(tmp_path, "--check").returncode == 1
    assert run_make_codes(tmp_path).returncode == 0
    assert run_make_codes(tmp_path, "--check").returncode == 0
    page = tmp_path / "docs" / "codes.md"
    page.write_text(page.read_text(encoding="utf-8") + "an edit by hand\n", encoding="utf-8")
    stale = run_make_codes(tmp_path, "--check")
    assert stale.returncode == 1
    assert "scripts/make_codes" in stale.stderr


def test_the_page_has_an_anchor_for_every_code_and_says_which_are_reserved() -> None:
    page = (ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (MSP\d{3})\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(RULES)
    for code, section in sections.items():
        rule = RULES[code]
        assert f"({rule.severity}, since {rule.since})" in section
        assert ("no check of this version raises it" in section) == (not rule.raised)
