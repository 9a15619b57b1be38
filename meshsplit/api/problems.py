"""Pydantic's errors in our own words: the field, what was found there, and what to write instead."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from meshsplit.diagnostics import FieldPath

_LONGEST_QUOTE = 40
"""Characters of a found string that a message repeats."""
_KEY_ERROR = "[key]"
"""Pydantic's mark at the end of a location whose mapping key, not its value, is wrong."""

_WANTED = {
    "string_type": "a string",
    "string_unicode": "valid Unicode text",
    "dict_type": "a map",
    "model_type": "a map",
    "list_type": "a list",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "want": "{what}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "string_too_short": "a string that is not empty",
    "string_too_long": "a string of at most {max_length} characters",
    "too_short": "a list that is not empty",
    "too_long": "a list of at most {max_length} entries",
    "literal_error": "{expected}",
}
"""What a value should have been, by pydantic's type of error."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a document: the field, one sentence, and what to do."""

    path: FieldPath
    message: str
    fix: str


def to_problems(error: ValidationError, root: type[BaseModel]) -> tuple[Problem, ...]:
    """Every error of a document of type `root`, sorted by field and then by sentence."""
    errors = error.errors(include_url=False)
    meant = {_meant(_path(e), root) for e in errors if e["type"] == "extra_forbidden"}
    # A misspelt required field is both unknown and missing: that is one mistake.
    told = [e for e in errors if e["type"] != "missing" or _path(e) not in meant]
    problems = {_to_problem(details, root) for details in told}
    return tuple(sorted(problems, key=lambda problem: (tuple(map(str, problem.path)), problem.message)))


def dotted(path: FieldPath) -> str:
    """Write a path as kubectl does, for example spec.members[0].weight."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif "." in part or "/" in part:
            text += f'["{part}"]'
        else:
            text += f".{part}" if text else part
    return text or "the document"


def describe(value: object) -> str:
    """Say in a few words what was found: its JSON for a scalar, its kind for anything larger."""
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str) and len(value) > _LONGEST_QUOTE:
        value = value[:_LONGEST_QUOTE] + "…"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode()


def _to_problem(details: ErrorDetails, root: type[BaseModel]) -> Problem:
    path, kind, found = _path(details), details["type"], describe(details["input"])
    where = dotted(path)
    if kind == "missing":
        return Problem(path, f"{where} is missing", f"add {where}")
    if kind == "extra_forbidden":
        meant = _meant(path, root)
        return Problem(
            path, f"{where} is not a known field", f"did you mean {meant[-1]}?" if meant else "remove it"
        )
    wanted = _wanted(details)
    fix = f"write {wanted}"
    if kind == "string_type" and isinstance(details["input"], bool | int | float):
        fix = f'quote it: "{found}"'
    elif kind == "int_type" and re.fullmatch("[0-9]+", str(details["input"])):
        fix = f"remove the quotes: {details['input']}"
    return Problem(path, f"{where} is {found}, want {wanted}", fix)


def _path(details: ErrorDetails) -> FieldPath:
    return tuple(part for part in details["loc"] if part != _KEY_ERROR)


def _wanted(details: ErrorDetails) -> str:
    template = _WANTED.get(details["type"])
    if template is None:
        return f"something else: {details['msg']}"
    return template.format(**details.get("ctx", {})).replace("'", "")


def _meant(path: FieldPath, root: type[BaseModel]) -> FieldPath:
    """The known field that an unknown one is close to; () when there is none."""
    parent = _model_at(root, path[:-1])
    known = [field.alias or name for name, field in parent.model_fields.items()] if parent else []
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return (*path[:-1], close[0]) if close else ()


def _model_at(root: type[BaseModel], path: FieldPath) -> type[BaseModel] | None:
    """The schema at a path below `root`; a list's schema is that of its entries."""
    model: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, str) and model is not None:
            by_alias = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            model = _model_in(by_alias.get(part))
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
