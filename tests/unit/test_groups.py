"""Tests that share an Envoy, a Prometheus or a cluster run in one worker; that may be lost without a word."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is one process: -n 0")
@pytest.mark.xdist_group("kept-together")
def test_a_group_reaches_the_scheduler(request: pytest.FixtureRequest) -> None:
    """pytest-xdist tells it by the end of a test's name."""
    assert request.node.nodeid.endswith("@kept-together")
