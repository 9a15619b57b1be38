"""The pages tell the truth: links lead somewhere, tables are complete, commands print what is shown."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

from meshsplit.api import request
from meshsplit.api.disvc import DistributedInferenceServiceSpec
from meshsplit.api.settings import SettingsFile
from meshsplit.api.structural import Schema, to_structural
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.fields import ROOT as MODELSPLIT
from meshsplit.cli.fields import find_field, to_type
from meshsplit.cli.findings import IGNORE_ANNOTATION
from meshsplit.cli.main import VERBS, cli
from meshsplit.diagnostics import RULES
from meshsplit.disvc import names as disvc_names
from meshsplit.istio import names
from meshsplit.kserve import keys
from meshsplit.simulation.scenario import Expect, RatePhase, Scenario

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference.md"
INDEX = ROOT / "docs" / "README.md"
GENERATED = ROOT / "docs" / "codes.md"
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "SCOPE.md", "CONTRIBUTING.md", "CHANGELOG.md")),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "adr").glob("*.md"),
        ROOT / "examples" / "README.md",
    ]
)

ELSEWHERE = ("http://", "https://", "mailto:")
GAP = "…"
"""Stands for any part of a line, alone on its line for any number of lines."""
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$\n?", re.MULTILINE | re.DOTALL)
RENDERED = re.compile(r"<!-- rendered from (\S+) -->")

# What a block may run besides meshsplit and still be sure to leave everything but its own copy alone.
HARMLESS = frozenset({"sed", "echo"})
ANSWERING = [["meshsplit", verb] for verb in VERBS if verb not in {"local", "demo"}]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@dataclass(frozen=True)
class Block:
    """A fenced block, its indentation taken off; `comment` is the last line of text before it."""

    page: Path
    line: int
    language: str
    text: str
    comment: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Step:
    """One command of a console block, and what the page says it prints."""

    command: str
    output: str


def read_blocks(page: Path) -> tuple[list[Block], str]:
    """The fenced blocks of a page, and its text without them."""
    text = page.read_text(encoding="utf-8")
    blocks, prose, at = [], "", 0
    for fence in FENCE.finditer(text):
        prose += text[at : fence.start()]
        at = fence.end()
        inside = re.sub(rf"^{fence['indent']}", "", fence["text"], flags=re.MULTILINE)
        line = text.count("\n", 0, fence.start()) + 1
        comment = prose.rstrip("\n").rpartition("\n")[2]
        blocks.append(Block(page, line, fence["language"], inside, comment))
    prose += text[at:]
    assert "```" not in prose, f"{page}: a block that does not end"
    return blocks, prose


def read_steps(block: Block) -> list[Step]:
    """The commands of a block: lines after `$` in a console block, every line of a shell block."""
    text = block.text.replace("\\\n", " ")
    if block.language == "sh":
        return [Step(line, "") for line in text.splitlines() if line.strip()]
    steps: list[Step] = []
    for line in text.splitlines() if block.language == "console" else ():
        if line.startswith("$ "):
            steps.append(Step(line.removeprefix("$ "), ""))
        else:
            steps[-1] = Step(steps[-1].command, f"{steps[-1].output}{line}\n")
    return steps


def split_programs(command: str) -> list[list[str]]:
    """The simple commands of a line, each as its words, without the files of redirections."""
    programs: list[list[str]] = [[]]
    is_file = False
    for word in shlex.shlex(command, posix=True, punctuation_chars=True):
        is_operator = not word.strip("();<>|&")
        if is_operator and not is_file:
            programs.append([])
        elif not is_operator and not is_file:
            programs[-1].append(word)
        is_file = word in {">", ">>", "<"}
    return [words for words in programs if words]


def find_calls(block: Block) -> list[list[str]]:
    """Every call of meshsplit in a block, its own name first."""
    programs = [words for step in read_steps(block) for words in split_programs(step.command)]
    plain = [words[1:] if words[:2] == ["kubectl", "meshsplit"] else words for words in programs]
    return [words for words in plain if words[0] == "meshsplit"]


def is_run(block: Block) -> bool:
    """Whether the block shows output, and of nothing but commands that answer and end."""
    steps = read_steps(block) if block.language == "console" else []
    programs = [words for step in steps for words in split_programs(step.command)]
    known = all(words[0] in HARMLESS or words[:2] in ANSWERING for words in programs)
    return known and any(step.output for step in steps)


def read_table(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without the head; backticks stay."""
    text = page.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1]
    lines = [line for line in text.split("\n## ", 1)[0].splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[cell.strip().replace("\\|", "|") for cell in row] for row in rows[2:]]


def code_words(cell: str) -> list[str]:
    """What a cell has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


ALL_BLOCKS = [block for page in PAGES for block in read_blocks(page)[0]]
with_calls = [block for block in ALL_BLOCKS if find_calls(block)]
runnable = [block for block in ALL_BLOCKS if is_run(block)]
rendered = [block for block in ALL_BLOCKS if RENDERED.fullmatch(block.comment)]


# Links


def to_anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    anchors: list[str] = []
    for line in read_blocks(page)[1].splitlines():
        heading = re.fullmatch(r"#{1,6} (.*)", line)
        if heading:
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            slug = re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-")
            times = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", anchor) is not None for anchor in anchors)
            anchors.append(f"{slug}-{times}" if times else slug)
    return set(anchors)


def find_links(page: Path) -> list[str]:
    prose = re.sub(r"`[^`\n]*`", "", read_blocks(page)[1])
    return re.findall(r"\]\(([^)\s]+)\)", prose)


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in find_links(page):
        if link.startswith(ELSEWHERE):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        assert not anchor or anchor in to_anchors(target), f"{link}: no such heading"


def test_the_index_knows_every_page() -> None:
    linked = {(INDEX.parent / link.partition("#")[0]).resolve() for link in find_links(INDEX)}
    assert {page for page in (ROOT / "docs").glob("*.md") if page != INDEX} <= linked


# Commands


@pytest.mark.parametrize("block", with_calls, ids=str)
def test_every_command_names_a_verb_and_options_that_exist(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    for _, verb, *arguments in find_calls(block):
        command = cli.get_command(click.Context(cli), verb)
        assert command is not None, f"no verb {verb}"
        with command.make_context(verb, arguments):
            pass


@every_page
def test_every_verb_in_running_text_exists(page: Path) -> None:
    spans = re.findall(r"`(?:kubectl )?meshsplit ([a-z]+)[^`]*`", read_blocks(page)[1])
    assert set(spans) <= set(VERBS)


@pytest.mark.parametrize("block", runnable, ids=str)
def test_commands_print_what_the_page_shows(block: Block, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    steps = read_steps(block)
    # `$?` in a command is the exit code of the one before it, as it is in a terminal.
    script = "".join(f"echo '\001'; (exit $code)\n{step.command}\ncode=$?\n" for step in steps)
    programs = str(Path(sys.executable).parent)
    run = subprocess.run(
        ["bash", "-c", f"exec 2>&1; code=0\n{script}"],
        cwd=tmp_path,
        env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    for step, printed in zip(steps, run.stdout.split("\001\n")[1:], strict=True):
        assert re.fullmatch(to_pattern(step.output), printed), f"$ {step.command}\n{printed}"


def to_pattern(shown: str) -> str:
    """The regular expression of an output in which gaps stand for what is left out."""
    lines = [
        r"(?:.*\n)*" if line.strip() == GAP else re.escape(line).replace(GAP, ".*") + r"\n"
        for line in shown.splitlines()
    ]
    return "".join(lines)


@pytest.mark.parametrize("block", rendered, ids=str)
def test_yaml_that_is_said_to_be_rendered_is(block: Block) -> None:
    found = RENDERED.fullmatch(block.comment)
    assert found is not None
    output = CliRunner().invoke(cli, ["render", str(ROOT / found[1])]).stdout
    at = 0
    for part in block.text.split(f"{GAP}\n"):
        found_at = output.find(f"\n{part}", at)
        assert found_at >= 0, part
        at = found_at + len(part)


# Codes


@pytest.mark.parametrize("page", [page for page in PAGES if page != GENERATED], ids=lambda page: page.name)
def test_every_code_is_in_the_table_and_raised_by_this_version(page: Path) -> None:
    codes = set(re.findall(r"\bMSP\d{3}\b", page.read_text(encoding="utf-8")))
    assert codes <= {code for code, rule in RULES.items() if rule.raised}


# Tables of the reference


def walk_modelsplit(path: str) -> Iterator[tuple[str, str]]:
    """Every field below `path` with the type that `explain` prints, list indices left out."""
    field = find_field(path)
    assert field is not None
    for name, kind in field.fields:
        yield f"{path}.{name}".removeprefix(f"{MODELSPLIT}.spec."), kind
        yield from walk_modelsplit(f"{path}.{name}")


def walk_model(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The names, as they are written in a document, of every value of a model and the models in it."""
    for field in model.model_fields.values():
        name = f"{prefix}{field.alias}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from walk_model(field.annotation, f"{name}.")
        else:
            yield name


def walk_schema(schema: Schema, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a structural schema with its type, list indices left out."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{prefix}{name}", to_type(inner)
        yield from walk_schema(inner, f"{prefix}{name}.")


def find_keys(module: ModuleType) -> Iterator[str]:
    """Every label or annotation key among a module's constants."""
    for value in vars(module).values():
        listed = value if isinstance(value, tuple) else (value,)
        texts = (part for each in listed for part in (each if isinstance(each, tuple) else (each,)))
        yield from (text for text in texts if isinstance(text, str) and re.fullmatch(r"[\w.-]+/[\w-]+", text))


def test_the_table_of_modelsplit_has_every_field_with_its_type() -> None:
    rows = {code_words(row[0])[0]: row[1] for row in read_table(REFERENCE, "ModelSplit")}
    assert rows == dict(walk_modelsplit(f"{MODELSPLIT}.spec"))


def test_the_table_of_disvc_has_every_field_with_its_type() -> None:
    rows = {code_words(row[0])[0]: row[1] for row in read_table(REFERENCE, "DistributedInferenceService")}
    fields = dict(walk_schema(to_structural(DistributedInferenceServiceSpec)))
    split = dict(walk_modelsplit(f"{MODELSPLIT}.spec"))
    # What is handed to a ModelSplit is told of there.
    for field, there in (("canary", "strategy.canary"), ("analysis", "analysis")):
        handed = f"deploymentStrategy.{field}."
        inner = {
            name.removeprefix(handed): fields.pop(name) for name in list(fields) if name.startswith(handed)
        }
        known = {name for name in split if name.startswith(f"{there}.")}
        assert inner
        assert {f"{there}.{name}" for name in inner} <= known
    assert rows == fields


def test_the_table_of_settings_has_every_field() -> None:
    rows = {code_words(row[0])[0] for row in read_table(REFERENCE, "Settings file")}
    assert rows == set(walk_model(SettingsFile))


def test_the_table_of_scenarios_has_every_field() -> None:
    rows = {field for row in read_table(REFERENCE, "Scenario file") for field in code_words(row[0])}
    parts = {"expect": Expect, "errors": RatePhase}
    inner = {name for part, model in parts.items() for name in walk_model(model, f"{part}.")}
    assert rows == ({*walk_model(Scenario), *inner} - {"expect"})


def test_the_table_of_labels_and_annotations_has_every_key() -> None:
    rows = {code_words(row[0])[0] for row in read_table(REFERENCE, "Labels and annotations")}
    without_a_prefix = {
        keys.ENABLE_ROUTE,
        names.INFERENCESERVICE_NAME,
        disvc_names.DISVC,
        disvc_names.DISVC_GROUP,
        disvc_names.SERVICE_GROUP,
    }
    assert rows == {
        *find_keys(keys),
        *find_keys(names),
        *find_keys(request),
        *find_keys(disvc_names),
        IGNORE_ANNOTATION,
        *without_a_prefix,
    }


def get_options(verb: str) -> Sequence[click.Option]:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    return [each for one in commands for each in one.params if isinstance(each, click.Option)]


def test_the_table_of_options_has_every_option_of_every_verb() -> None:
    told = set()
    for names_of_option, verbs, _ in read_table(REFERENCE, "Options"):
        _, every, but = verbs.partition("all but ")
        of = tuple(verb for verb in VERBS if verb != but) if every else tuple(verbs.split(", "))
        told |= {(verb, option) for verb in of for option in code_words(names_of_option)}
    assert told == {(verb, name) for verb in VERBS for option in get_options(verb) for name in option.opts}


def test_the_table_of_verbs_has_every_verb_with_its_formats() -> None:
    told = {code_words(row[0])[0]: code_words(row[2]) for row in read_table(REFERENCE, "Verbs")}
    formats: dict[str, list[str]] = {verb: [] for verb in VERBS}
    formats |= {
        verb: list(option.type.choices)
        for verb in VERBS
        for option in get_options(verb)
        if option.name == "output_format" and isinstance(option.type, click.Choice)
    }
    assert told == formats


def test_the_table_of_exit_codes_has_every_code() -> None:
    assert [int(row[0]) for row in read_table(REFERENCE, "Exit codes")] == sorted(ExitCode)


def test_the_table_of_variables_names_what_the_program_reads() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "meshsplit" / "cli").glob("*.py"))
    for row in read_table(REFERENCE, "Environment"):
        assert f'"{code_words(row[0])[0]}"' in source
