"""The program: its verbs by family, and an exit code for everything that can happen."""

import gc
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click

from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.notdone import NotDone
from meshsplit.cli.program import called_as
from meshsplit.cli.terminal import visible

TRACEBACK = "MESHSPLIT_TRACEBACK"

FAMILIES: dict[str, dict[str, str]] = {
    "Offline (opens no connection, but for --live and explain GROUP)": {
        "render": "manifests in, Istio YAML out",
        "lint": "find mistakes; stable codes MSP101...",
        "plan": "how a rollout would go: time, exposure, limits",
        "simulate": "play a rollout against a traffic script",
        "diff": "what render would change, against files or a cluster",
        "explain": "a code, a field, or why a live group is where it is",
        "local": "a cluster and a real Envoy on a folder of manifests",
        "demo": "a live split on this machine, measured",
    },
    "Live (your kubeconfig)": {
        "get": "the splits of a cluster, one line each",
        "status": "one split: target, now, members and objects",
        "watch": "a rollout as it goes, a line a decision",
        "events": "what was told of splits and their members",
        "history": "what a group served, and what may be gone back to",
        "promote": "give the canary its target, or its next step",
        "pause": "hold a rollout where it is",
        "resume": "let a paused rollout go on",
        "abort": "end a rollout and go back to its start",
        "retry": "try a target again that was given up",
        "set": "set weights for a time",
        "flip": "give all traffic to the other side",
        "rollback": "go back to the last good split",
        "wait": "block until promoted, rolled back or paused",
        "check": "is this cluster ready for meshsplit?",
    },
    "Setup": {
        "controller": "the in-cluster process",
        "install": "the controller's objects, for kubectl apply",
        "completion": "completion for bash, zsh and fish",
        "version": "versions of meshsplit, Python and Envoy",
    },
}
"""Verbs with their line in the help; a verb is `<verb>_command` of the module of its name, or of MODULES."""

MODULES = {
    **dict.fromkeys(("promote", "pause", "resume", "abort", "retry"), "steering"),
    **dict.fromkeys(("flip", "rollback"), "switching"),
    "set": "overriding",
}
"""Where families of verbs are that share a module."""

CONTROLLER_PACKAGES = ("kubernetes", "prometheus_client", "urllib3")
"""What the extra `controller` brings; all other packages come with `local`."""

VERBS = tuple(verb for verbs in FAMILIES.values() for verb in verbs)


class Verbs(click.Group):
    """A group that imports a verb when it is called, so that completion and `--help` stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, by family."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command; None when there is none of that name."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"meshsplit.cli.{MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section a family."""
        for family, verbs in FAMILIES.items():
            with formatter.section(family):
                formatter.write_dl(list(verbs.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """The verbs that begin with what is typed, without importing any of them."""
        from click.shell_completion import CompletionItem  # completion is the only one to need it

        lines = {verb: line for verbs in FAMILIES.values() for verb, line in verbs.items()}
        return [CompletionItem(verb, help=lines[verb]) for verb in VERBS if verb.startswith(incomplete)]


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def cli() -> None:
    """Turn groups of ML models into Istio traffic.

    Manifests come from files, folders, standard input, or a cluster.
    """


# What a command reads lives until it ends: looking for garbage among it as often as Python does by default
# was a third of the time of a large render (tests/bench/render_scale.py).
GARBAGE_THRESHOLD = 50_000


def main() -> int:
    """Run the command line; the return value is the process's exit code, and no traceback is ever shown."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    program = called_as(sys.argv[0])
    try:
        code = cli.main(prog_name=program, standalone_mode=False)
    except click.ClickException as error:
        _report(error, program)
        return error.exit_code if isinstance(error, NotDone) else ExitCode.UNANSWERED
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except ModuleNotFoundError as error:
        extra = "controller" if (error.name or "").partition(".")[0] in CONTROLLER_PACKAGES else "local"
        click.echo(f"error: this needs the package {error.name}: pip install 'meshsplit[{extra}]'", err=True)
        return ExitCode.UNANSWERED
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback is no answer
        _report_bug(error)
        return ExitCode.UNANSWERED
    return code if isinstance(code, int) else ExitCode.YES


def _report(error: click.ClickException, program: str) -> None:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    click.echo(f"error: {error.format_message()}", err=True)
    if isinstance(error, click.UsageError):
        click.echo(f"Next: {error.ctx.command_path if error.ctx else program} --help", err=True)


def _report_bug(error: Exception) -> None:
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
        return
    text = visible(f"{type(error).__name__}: {error}")
    click.echo(f"bug: {text}, rerun with {TRACEBACK}=1", err=True)
