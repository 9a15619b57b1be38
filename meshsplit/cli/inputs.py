"""Where a command's manifests come from: files, folders, a pipe, kustomize; and the settings file."""

import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from io import StringIO, UnsupportedOperation
from os import fstat
from pathlib import Path
from typing import Any, NoReturn, TextIO, TypeVar

import click
from click.core import ParameterSource

from meshsplit.api.settings import to_settings
from meshsplit.cli.connection import Connection, connection_options
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.findings import locate_findings, make_places
from meshsplit.cli.program import program_of
from meshsplit.cli.terminal import Style
from meshsplit.cli.text import to_text
from meshsplit.diagnostics import Finding, ObjectRef
from meshsplit.manifests.construct import construct
from meshsplit.manifests.document import Document, position_at
from meshsplit.manifests.files import UnreadableInput, read_kustomization, read_paths
from meshsplit.manifests.merge import combine
from meshsplit.manifests.reader import DEFAULT_NAMESPACE, ReadResult
from meshsplit.manifests.syntax import Problem
from meshsplit.manifests.tree import compose
from meshsplit.model import Settings

STDIN = "-"

Command = TypeVar("Command", bound=Callable[..., Any])


class CannotRead(click.ClickException):
    """Input that stops a command before it can answer."""

    exit_code = ExitCode.UNANSWERED


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was named on the command line, in order."""

    paths: tuple[str, ...]
    kustomization: str | None
    namespace: str
    settings: Path | None
    live: Connection | None = None
    named_namespace: str = ""
    """The namespace that the command line names, "" when it names none."""

    def __str__(self) -> str:
        """The same input for the next command to type."""
        named = [*self.paths, *(["-k", self.kustomization] if self.kustomization else [])]
        if self.live is not None:
            where = f" -n {self.named_namespace}" if self.named_namespace else ""
            return " ".join([*named, f"--live{where}{self.live.flags}"])
        return " ".join(named) or STDIN

    @property
    def has_files(self) -> bool:
        """Whether anything but a cluster is named."""
        return bool(self.paths) or self.kustomization is not None

    def read(self) -> ReadResult:
        """Everything named, as one input; CannotRead for a file that is not there or cannot be read."""
        paths = self.paths
        if not self.has_files and self.live is None:
            require_pipe()
            paths = (STDIN,)
        results = []
        try:
            if paths:
                results.append(read_paths(paths, stdin(), self.namespace))
            if self.kustomization is not None:
                results.append(read_kustomization(self.kustomization, self.namespace))
        except UnreadableInput as error:
            raise CannotRead(str(error)) from None
        return combine(results)


def stdin() -> TextIO:
    """Standard input; empty for a process that was started without one."""
    return sys.stdin or StringIO()


def require_pipe() -> None:
    """CannotRead unless something was piped or redirected to standard input."""
    try:
        mode = fstat(sys.stdin.fileno()).st_mode if sys.stdin else 0
    except (UnsupportedOperation, ValueError, OSError):
        return
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        program = program_of(click.get_current_context())
        command = click.get_current_context().info_name
        raise CannotRead(
            "no manifests: name files or folders, pipe them in, or read a cluster with --live.\n"
            f"Next: {program} {command} DIR    or: {program} {command} --live"
        )


def input_options(command: Command) -> Command:
    """Add the options that name manifests; the command gets one `inputs`."""

    @click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
    @click.option(
        "-f",
        "--filename",
        "filenames",
        multiple=True,
        type=click.Path(allow_dash=True),
        help="A file, a folder, or - for standard input; repeatable.",
    )
    @click.option(
        "-R", "--recursive", is_flag=True, expose_value=False, help="Implied: folders are read whole."
    )
    @click.option(
        "-k", "--kustomize", "kustomization", type=click.Path(), help="A folder to run kustomize on."
    )
    @namespace_option
    @settings_option
    @click.option("--offline", is_flag=True, help="No connection is opened; implied without --live.")
    @click.option(
        "--live", is_flag=True, help="Add the objects of the cluster; those in FILES take their place."
    )
    @connection_options
    @wraps(command)
    def with_inputs(
        *args: Any,
        files: Sequence[str],
        filenames: Sequence[str],
        kustomization: str | None,
        namespace: str,
        settings: Path | None,
        offline: bool,
        live: bool,
        connection: Connection,
        **kwargs: Any,
    ) -> Any:
        if offline and live:
            raise click.UsageError("--offline and --live exclude each other")
        context = click.get_current_context()
        is_named = context.get_parameter_source("namespace") is ParameterSource.COMMANDLINE
        if live and not is_named:
            namespace = connection.own_namespace()
        inputs = Inputs(
            (*files, *filenames),
            kustomization,
            namespace,
            settings,
            live=connection if live else None,
            named_namespace=namespace if is_named else "",
        )
        return command(*args, inputs=inputs, **kwargs)

    return with_inputs  # type: ignore[return-value]  # click's decorators erase the signature


def namespace_option(command: Command) -> Command:
    """Add `--namespace`; the command gets the name."""
    return click.option(
        "-n",
        "--namespace",
        default=DEFAULT_NAMESPACE,
        show_default=True,
        help="Namespace of objects that name none.",
    )(command)


def settings_option(command: Command) -> Command:
    """Add `--settings FILE`; the command gets its path, for `load_settings`."""
    return click.option(
        "--settings", type=click.Path(path_type=Path), help="Settings of the installation (kind: Settings)."
    )(command)


def load_settings(path: Path | None) -> Settings:
    """The settings in a file, the defaults without one; CannotRead names everything wrong with it."""
    if path is None:
        return Settings()
    value, document = read_own(path, "settings", "the settings are not valid")
    settings = to_settings(value)
    if not isinstance(settings, Settings):
        raise_findings("the settings are not valid", settings, document)
    return settings


def read_own(path: Path, what: str, heading: str) -> tuple[Any, Document]:
    """The value of a file with one document of ours, and where its fields are; CannotRead when it is no YAML.

    `what` names the file and `heading` opens the list of its faults.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRead(f"cannot read {what}: {error}") from None
    value, problems = _parse(text)
    document = Document(ObjectRef("", "", str(path)), {}, str(path), 1, text)
    if problems:
        found = [
            Finding(p.code, p.message, fix=p.fix, position=position_at(str(path), 1, text, p.index))
            for p in problems
        ]
        raise_findings(heading, found, document)
    return value, document


def raise_findings(heading: str, findings: Sequence[Finding], document: Document) -> NoReturn:
    """CannotRead with all findings about `document`, each at its place."""
    placed = [each if each.position else replace(each, object=document.ref) for each in findings]
    located = locate_findings(placed, make_places([document]))
    raise CannotRead(f"{heading}\n{to_text(located, Style())}")


def _parse(text: str) -> tuple[Any, tuple[Problem, ...]]:
    root = compose(text)
    if root is None:
        return None, ()
    return (None, (root,)) if isinstance(root, Problem) else construct(root)
