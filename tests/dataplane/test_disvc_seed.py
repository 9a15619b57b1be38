"""The second document as its reader walks it: kubectl, a real Envoy, real MLServers; and nothing fails."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshsplit.local.mlserver.installed import ENVIRONMENT
from support.disvc_seed import NAMESPACE, Demo, demo, find_documents, find_file, read_calls
from support.kubectl import need_kubectl
from support.load import Load, ask, constant_load
from support.local_mesh import wait_for

pytestmark = pytest.mark.xdist_group("mlserver")

NAME = "sklearn-v2-iris-rest"
EXTERNAL = f"{NAME}-{NAMESPACE}.example.com"
INTERNAL = f"{NAME}.{NAMESPACE}.svc.cluster.local"
PATH = f"/v2/models/{NAME}/infer"
CLIENTS = 2
SPECIES = [1, 1]
"""Both are versicolor: the answer that KServe's documentation gives to the same payload."""
# An MLServer starts in 4 s on an idle machine.
SECONDS = 120.0


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Demo]:
    need_kubectl()
    find_documents()
    environment = Path(__file__).parents[2] / ENVIRONMENT
    if not (environment / "bin" / "mlserver").exists():
        assert "CI" not in os.environ, "CI must have MLServer: scripts/setup mlserver"
        pytest.skip("no MLServer on this machine: scripts/setup mlserver")
    (tmp_path / ENVIRONMENT).symlink_to(environment)
    with demo(tmp_path, "--model-server", "mlserver") as running:
        where = {EXTERNAL: running.mesh.url, INTERNAL: running.mesh.inside}
        lines = [f'connect-to = "{host}:80:{url.removeprefix("http://")}"\n' for host, url in where.items()]
        (tmp_path / ".curlrc").write_text("silent\nshow-error\nfail\n" + "".join(lines))
        yield running


def serves(reader: Demo, version: int) -> None:
    """Wait until the status says that this version serves."""
    wait_for(lambda: reader.status(NAME, "currentVersion") == str(version), SECONDS, f"version {version}")


def confirm(reader: Demo, version: int) -> None:
    """The document's list: what is there, what the status says, and that requests are answered."""
    group = f"{NAME}-v{version}"
    assert f"{group}-0" in reader.names("isvc")
    assert {NAME, group} <= set(reader.names("svc"))
    assert reader.names("vs") == [NAME]
    assert reader.status(NAME, "url") == f"http://{EXTERNAL}"
    address = f"{group}.{NAMESPACE}.svc.cluster.local"
    assert reader.status(NAME, "address.url") == f"http://{address}"
    assert reader.status(NAME, "conditions[?(@.type=='Ready')].status") == "True"
    inside, outside = read_calls()[2 * (version - 1) :][:2]
    for call in (inside, outside):
        answer = json.loads(reader.kubectl.script(call, reader.kubectl.home))
        assert answer["model_name"] == NAME
        assert answer["outputs"][0]["data"] == SPECIES
    wait_for(
        lambda: ask(reader.mesh.inside, PATH, {"Host": address})[0] == 200, SECONDS, "the address answers"
    )


def has_served(load: Load, isvc: str) -> bool:
    return load.last(30) == {isvc}


@pytest.mark.long
def test_the_document_holds_from_its_first_line_to_its_last(reader: Demo) -> None:
    reader.kubectl("create", "-f", str(find_file("rest/disvc-1.yaml")))
    serves(reader, 1)
    confirm(reader, 1)
    outside = constant_load(reader.mesh.url, PATH, CLIENTS, {"Host": EXTERNAL})
    inside = constant_load(reader.mesh.inside, PATH, CLIENTS, {"Host": INTERNAL})
    with outside as external, inside as internal:
        wait_for(
            lambda: all(has_served(each, f"{NAME}-v1-0") for each in (external, internal)), SECONDS, "v1"
        )
        reader.kubectl("apply", "-f", str(find_file("rest/disvc-2.yaml")))
        serves(reader, 2)
        # Until the usual 30 s are over version 1 is all there.
        assert reader.names("isvc") == [f"{NAME}-v1-0", f"{NAME}-v2-0"]
        confirm(reader, 2)
        for load in (external, internal):
            wait_for(lambda load=load: has_served(load, f"{NAME}-v2-0"), SECONDS, "version 2")  # type: ignore[misc]
        reader.kubectl("patch", "disvc", NAME, "--type=merge", "-p", '{"spec": {"drainSeconds": 1}}')
        wait_for(lambda: reader.names("isvc") == [f"{NAME}-v2-0"], SECONDS, "the end of version 1")
        services = [NAME, f"{NAME}-v2", f"{NAME}-v2-0-predictor"]
        wait_for(lambda: reader.names("svc") == services, SECONDS, "the end of its Services")
        for load in (external, internal):
            seen = len(load.members)
            wait_for(lambda load=load, seen=seen: len(load.members) > seen + 50, SECONDS, "more")  # type: ignore[misc]
            assert load.failures == []
            # It flips once: who has been served by version 2 is never served by version 1 again, and of the
            # other clients only what was on its way.
            since = Counter(load.members[load.members.index(f"{NAME}-v2-0") :])
            assert since.keys() <= {f"{NAME}-v1-0", f"{NAME}-v2-0"}
            assert since[f"{NAME}-v1-0"] < CLIENTS
