"""Settings that change while a controller runs."""

from pathlib import Path

import click
import pytest

from meshsplit.cli.livesettings import LiveSettings
from meshsplit.model import Settings

HEAD = "apiVersion: cli.meshsplit.dev/v1alpha1\nkind: Settings\n"


def write(path: Path, text: str) -> None:
    """Put a new file in its place, as a mounted ConfigMap does."""
    beside = path.with_suffix(".new")
    beside.write_text(HEAD + text)
    beside.replace(path)


def test_the_switch_for_all_rollouts_is_seen_when_it_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(path, "")
    live = LiveSettings(path)
    assert (live.read().stop_rollouts, live.read().max_concurrent_rollouts) == (False, None)
    write(path, "rollouts: {stop: true, maxConcurrent: 3}\n")
    assert (live.read().stop_rollouts, live.read().max_concurrent_rollouts) == (True, 3)


@pytest.mark.parametrize("text", ["rollouts: {stop: perhaps}\n", "rollouts: {\n", "x: 1\n"])
def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.yaml"
    write(path, "rollouts: {stop: true}\n")
    live = LiveSettings(path)
    write(path, text)
    assert live.read().stop_rollouts
    path.unlink()
    assert live.read().stop_rollouts


def test_a_file_that_is_wrong_from_the_start_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    write(path, "rollouts: {stop: perhaps}\n")
    with pytest.raises(click.ClickException):
        LiveSettings(path)


def test_without_a_file_the_settings_are_the_defaults() -> None:
    assert LiveSettings(None).read() == Settings()
