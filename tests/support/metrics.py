"""Read the text that a scraper gets; a status to show in it."""

import json
from urllib.request import urlopen

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parse(text: str) -> Series:
    """The value of every sample, by its name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def series_of(registry: CollectorRegistry) -> Series:
    return parse(generate_latest(registry).decode())


def value_of(registry: CollectorRegistry, name: str, /, **labels: str) -> float | None:
    return series_of(registry).get((name, tuple(sorted(labels.items()))))


def read(url: str) -> str:
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - a server of the test's own
        content: bytes = answer.read()
    return content.decode()


def make_status(*weights: tuple[str, int, int], ready: str = "True", total: int = 100) -> str:
    return json.dumps(
        {
            "total": total,
            "members": [{"name": name, "targetWeight": to, "weight": now} for name, to, now in weights],
            "conditions": [
                {
                    "type": "Ready",
                    "status": ready,
                    "reason": "Steady" if ready == "True" else "Invalid",
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }
            ],
        }
    )
