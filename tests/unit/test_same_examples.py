"""In CI an example is the same on every run, whatever ran before it in the same process."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def draw_examples() -> list[tuple[str, int]]:
    drawn: list[tuple[str, int]] = []

    @settings(derandomize=True, database=None)
    @given(st.text(), st.integers())
    def draw(text: str, number: int) -> None:
        drawn.append((text, number))

    draw()
    return drawn


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere examples are new on every run")
def test_examples_do_not_depend_on_what_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = draw_examples()
    path = tmp_path / "constants.py"
    path.write_text("\n".join(f"a{number} = {number}, 'word{number}'" for number in range(1000, 1300)))
    spec = importlib.util.spec_from_file_location("constants", path)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "constants", importlib.util.module_from_spec(spec))
    assert draw_examples() == before
