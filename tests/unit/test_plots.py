"""The plots in the documentation are what the script draws from simulated rollouts."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PLOTS = ("evidence.svg", "failures.svg")


def run_make_plots(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    script = root / "scripts" / "make_plots"
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
    )


def test_the_committed_plots_are_drawn_again_byte_for_byte() -> None:
    done = run_make_plots(ROOT, "--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_plot_that_was_edited_is_found(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "make_plots", tmp_path / "scripts" / "make_plots")
    shutil.copytree(IMAGES, tmp_path / "docs" / "images")
    edited = tmp_path / "docs" / "images" / "failures.svg"
    edited.write_text(edited.read_text(encoding="utf-8").replace("meshsplit", "somebody"), encoding="utf-8")
    done = run_make_plots(tmp_path, "--check")
    assert done.returncode == 1
    assert "docs/images/failures.svg" in done.stderr
    assert "evidence.svg" not in done.stderr


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_an_image_with_a_title_that_a_page_shows(name: str) -> None:
    root = ET.parse(IMAGES / name).getroot()  # noqa: S314 - our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.find("{http://www.w3.org/2000/svg}title") is not None
    assert f"images/{name}" in (ROOT / "docs" / "how-it-decides.md").read_text(encoding="utf-8")
