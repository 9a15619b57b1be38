"""What the YAML and the JSON side hand to the reader: values, and problems with their place in the text."""

from dataclasses import dataclass
from typing import Any

from meshsplit.diagnostics import FieldPath

MAX_DEPTH = 200
"""Levels of nesting that are read. Kubernetes' deepest schemas stay below 100, and every later stage may
recurse this far in Python's default stack of 1000 frames; kubectl itself stops at 10,000."""

BROKEN = "MSP001"
NOT_AN_OBJECT = "MSP002"
DUPLICATE_KEY = "MSP003"
WRONG_TYPE = "MSP007"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at `index` (in characters) of a document's text; `path` is the value it is about.

    A WRONG_TYPE problem leaves the value usable, every other one makes the object around it unusable.
    """

    code: str
    message: str
    fix: str
    index: int
    path: FieldPath = ()


@dataclass(frozen=True, slots=True)
class Parsed:
    """One YAML or JSON document: its text, the line of the file it begins at (from 1), its plain value.

    Without a usable value there is one problem with the empty path.
    """

    text: str
    first_line: int
    value: Any
    problems: tuple[Problem, ...] = ()


def too_deep(index: int) -> Problem:
    """The problem of a collection at `index` that lies below MAX_DEPTH others."""
    return Problem(BROKEN, f"nested deeper than {MAX_DEPTH} levels", "nest less", index)


def describe(value: object) -> str:
    """A short phrase for what was found in place of something else."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"{str(value).lower()}, a boolean"
    if isinstance(value, int | float):
        return f"{value}, a number"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHORT else f'"{value[:_SHORT]}…"'
    return "a list" if isinstance(value, list) else "a mapping"


_SHORT = 40  # characters of a value that fit on a line with the sentence around them


def format_path(path: FieldPath) -> str:
    """A field path as people write it: spec.members[0].weight, metadata.labels["a/b"]."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif step.isidentifier():
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f'["{step}"]')
    return "".join(parts)
