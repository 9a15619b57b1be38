"""One API server a worker, a namespace a test."""

import os
from collections.abc import Iterator

import pytest

from support.scene import EXISTING, Api, Scene, serve_api, serve_embedded


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Controllers of two workers would work on one existing cluster's namespaces: one worker takes all."""
    if os.environ.get(EXISTING):
        for item in items:
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API server that the environment asks for."""
    with serve_api(tmp_path_factory.mktemp("api")) as served:
        yield served


@pytest.fixture(scope="session")
def faulty_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An embedded one, whose faults are the test's."""
    with serve_embedded(tmp_path_factory.mktemp("faulty")) as served:
        yield served


@pytest.fixture
def scene(api: Api) -> Iterator[Scene]:
    """A namespace of the test's own."""
    made = Scene(api)
    yield made
    made.clean()


@pytest.fixture
def faulty(faulty_api: Api) -> Iterator[Scene]:
    """The same where requests can be made to fail; only the embedded server can be told to."""
    made = Scene(faulty_api)
    yield made
    faulty_api.faults.clear()
    made.clean()


@pytest.fixture
def other_namespace(api: Api, scene: Scene) -> Iterator[Scene]:
    """A second namespace, on the first one's gateway."""
    made = Scene(api)
    made.annotate_namespace(gateway=scene.gateway)
    yield made
    made.clean()
