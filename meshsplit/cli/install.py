"""`meshsplit install`: the objects of an installation, printed for kubectl apply."""

from pathlib import Path
from typing import Any

import click

from meshsplit.api.names import is_dns_label
from meshsplit.cli.exitcodes import ExitCode
from meshsplit.cli.objects import FORMATS, to_output
from meshsplit.cli.output import Output, output_options
from meshsplit.cli.program import program_of
from meshsplit.manifests.reader import read_text

Body = dict[str, Any]

CLUSTER = "install.yaml"
NAMESPACED = "namespace-install.yaml"
POLICY = "policy/validatingadmissionpolicy.yaml"
DISVC = tuple(
    f"disvc/{name}.yaml"
    for name in (
        "distributedinferenceservices.serving.kserve.io",
        "clusterrole",
        "clusterrolebinding",
        "people",
    )
)
NAMESPACED_DISVC = ("disvc/namespaced/role.yaml",)


def _check_namespace(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_dns_label(value):
        raise click.BadParameter(f"{value!r} is not the name of a namespace")
    return value


@click.command("install")
@click.option("--export", is_flag=True, help="Print the objects.")
@click.option(
    "--namespaced",
    metavar="NAMESPACE",
    callback=_check_namespace,
    help="Watch and write this namespace alone, without a cluster role and without the CRD.",
)
@click.option("--crds-only", is_flag=True, help="Only the CustomResourceDefinition.")
@click.option("--with-policy", is_flag=True, help="Also the ValidatingAdmissionPolicy on percentages.")
@click.option(
    "--with-disvc", is_flag=True, help="Also the kind DistributedInferenceService and the rights to serve it."
)
@click.option("--image", help="The controller's image, as nodes pull it.")
@output_options(FORMATS)
@click.pass_context
def install_command(
    context: click.Context,
    export: bool,
    namespaced: str | None,
    crds_only: bool,
    with_policy: bool,
    with_disvc: bool,
    image: str | None,
    output: Output,
) -> None:
    """Print the objects of the controller.

    Nothing is installed by this command itself: standard output is only the objects, so it pipes into
    kubectl apply -f -.

    Exit codes: 0 printed; 2 the objects are not in this installation of meshsplit; 3 without --export.
    """
    if sum([bool(namespaced), crds_only, with_policy]) > 1:
        raise click.UsageError("--namespaced, --crds-only and --with-policy exclude one another")
    program = program_of(context)
    if not export:
        output.say(
            "error: install changes no cluster, it only prints what to apply: pass --export.\n"
            f"Next: {program} install --export | kubectl apply -f -"
        )
        context.exit(ExitCode.REFUSED)
    names = [NAMESPACED] if namespaced else [CLUSTER, POLICY] if with_policy else [CLUSTER]
    if with_disvc:
        names += NAMESPACED_DISVC if namespaced else DISVC
    objects = [body for name in names for body in _read(name)]
    if crds_only:
        objects = [body for body in objects if body["kind"] == "CustomResourceDefinition"]
    for body in objects:
        _adapt(body, namespaced, image)
    output.answer(to_output(objects, output.format))
    context.exit(ExitCode.YES)


def _read(name: str) -> list[Body]:
    """The objects of one file of config/."""
    path = _config() / name
    read = read_text(path.read_text(encoding="utf-8"), name)
    return [dict(document.body) for document in read.documents]


def _config() -> Path:
    """The folder of the objects in a checkout, or in an installed package."""
    package = Path(__file__).parents[1]
    for root in (package.parent / "config", package / "config"):
        if (root / CLUSTER).is_file():
            return root
    raise click.ClickException("the folder config is not in this installation of meshsplit")


def _adapt(body: Body, namespace: str | None, image: str | None) -> None:
    """Put the object, and the service account it names, into another namespace; set the image; in place."""
    if namespace:
        for holder in (body["metadata"], *body.get("subjects", ())):
            holder["namespace"] = namespace
    if image and body["kind"] == "Deployment":
        for container in body["spec"]["template"]["spec"]["containers"]:
            container["image"] = image
