import io
import os
import pty
import sys
from collections.abc import Mapping

import pytest

from meshsplit.cli.terminal import ColourChoice, Style, echo, make_style, visible
from meshsplit.diagnostics import Severity


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Pipe(Terminal):
    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("choice", "stream", "env", "colour"),
    [
        ("auto", Terminal(), {}, True),
        ("auto", Pipe(), {}, False),
        ("auto", Terminal(), {"NO_COLOR": "1"}, False),
        ("auto", Terminal(), {"NO_COLOR": ""}, True),
        ("auto", Terminal(), {"TERM": "dumb"}, False),
        ("auto", Pipe(), {"FORCE_COLOR": "1"}, True),
        ("auto", Pipe(), {"FORCE_COLOR": ""}, False),
        ("auto", Pipe(), {"FORCE_COLOR": "0"}, False),
        ("auto", Pipe(), {"FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "dumb"}, True),
        ("always", Pipe(), {"NO_COLOR": "1"}, True),
        ("never", Terminal(), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_flag_then_the_environment_then_the_stream(
    choice: ColourChoice, stream: io.StringIO, env: Mapping[str, str], colour: bool
) -> None:
    assert make_style(choice, False, stream, env).colour is colour


def test_a_real_terminal_is_one() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(leader, "rb"), os.fdopen(follower, "w", encoding="utf-8") as stream:
        assert make_style("auto", False, stream, {"TERM": "xterm"}).colour


@pytest.mark.parametrize(("encoding", "plain"), [("utf-8", False), ("UTF8", False), ("iso-8859-1", True)])
def test_a_stream_that_cannot_say_everything_gets_ascii(encoding: str, plain: bool) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert make_style("auto", False, stream, {}).ascii is plain
    assert make_style("auto", True, stream, {}).ascii is True


def test_a_word_accompanies_every_colour() -> None:
    painted = Style(colour=True).severity(Severity.ERROR)
    assert "error" in painted
    assert painted.startswith("\x1b[")
    assert Style().severity(Severity.WARNING) == "warning"


def test_control_characters_are_shown_not_obeyed() -> None:
    assert visible("a\x1b[31mb\nc\x9b\x00") == r"a\x1b[31mb\nc\x9b\x00"
    assert visible("grün →") == "grün →"


def test_ascii_swaps_signs_and_escapes_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    echo("80 → 20… ü", Style(ascii=True))
    echo("80 → 20… ü", Style(), to_stderr=True)
    captured = capsys.readouterr()
    assert captured.out == "80 -> 20... \\xfc\n"
    assert captured.err == "80 → 20… ü\n"


def test_a_name_that_is_no_text_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    echo("bad \udcff name", Style())
    assert capsys.readouterr().out == "bad \\udcff name\n"


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        echo("nobody listens", Style())
        echo("still nobody", Style())
