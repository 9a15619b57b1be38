"""Output options of every verb, and reports as JSON or YAML."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import click

from meshsplit.cli.terminal import ColourChoice, Style, echo, make_style
from meshsplit.manifests.writer import write_documents

REPORT_VERSION = "cli.meshsplit.dev/v1alpha1"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how one command answers: stdout is the answer, stderr is for messages."""

    format: str
    stdout: Style
    stderr: Style

    def answer(self, text: str) -> bool:
        """Print to stdout, adding the line end; False when the reader has gone away."""
        return echo(text, self.stdout)

    def say(self, text: str) -> None:
        """Print to stderr, adding the line end."""
        echo(text, self.stderr, to_stderr=True)

    def report(self, kind: str, body: Mapping[str, Any]) -> None:
        """Print a report of `kind` as JSON or, with `-o yaml`, as YAML; `generatedAt` is RFC 3339 in UTC."""
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        whole = {"apiVersion": REPORT_VERSION, "kind": kind, "generatedAt": now, **body}
        self.answer(to_yaml(whole) if self.format == "yaml" else to_json(whole))


def to_json(body: Mapping[str, Any]) -> str:
    """Indented JSON; ASCII, so that it survives any terminal and any pipe."""
    return json.dumps(body, indent=2)


def to_yaml(body: Mapping[str, Any]) -> str:
    """YAML that Go reads as Python does, without the final line end."""
    return write_documents([body]).removeprefix("---\n").rstrip("\n")


def output_options(formats: Sequence[str]) -> Callable[[Command], Command]:
    """Add `-o` (the first format is the default), `--color` and `--ascii`; the command gets one `output`."""

    def decorate(command: Command) -> Command:
        @click.option(
            "-o",
            "--output",
            "output_format",
            type=click.Choice(formats),
            default=formats[0],
            show_default=True,
            help="Format of the answer; the exit code does not depend on it.",
        )
        @click.option(
            "--color",
            "colour",
            type=click.Choice(["auto", "always", "never"]),
            default="auto",
            help="Colour; auto follows NO_COLOR, FORCE_COLOR, TERM and whether the output is a terminal.",
        )
        @click.option("--ascii", "ascii_only", is_flag=True, help="Print ASCII characters only.")
        @wraps(command)
        def with_output(
            *args: Any, output_format: str, colour: ColourChoice, ascii_only: bool, **kwargs: Any
        ) -> Any:
            output = Output(
                output_format,
                make_style(colour, ascii_only, sys.stdout, os.environ),
                make_style(colour, ascii_only, sys.stderr, os.environ),
            )
            return command(*args, output=output, **kwargs)

        return with_output  # type: ignore[return-value]  # click's decorators erase the signature

    return decorate
