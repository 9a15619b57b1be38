#!/usr/bin/env python3
"""A day of rollouts in simulated time: how they end, whether every move has a reason, what a pass costs.

Usage: .venv/bin/python tests/bench/rollout_day.py [groups]
"""

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support.day import play_day, replay  # noqa: E402 - the path comes first

GROUPS = 1000


def main() -> int:
    groups = int(sys.argv[1]) if len(sys.argv) > 1 else GROUPS
    ends: Counter[tuple[str, str]] = Counter()
    rollouts = passes = unexplained = different = 0
    began = time.process_time()
    for number in range(groups):
        day = play_day(random.Random(f"bench {number}"))
        kind = "bad" if day.bad else "good"
        ends.update((kind, outcome) for outcome in day.outcomes)
        rollouts += day.group_day.state.rollouts
        passes += len(day.inputs)
        unexplained += day.unexplained
        different += replay(day, random.Random(number)) != day.group_day.state
    spent = time.process_time() - began
    print(f"{groups} groups, {rollouts} rollouts, {passes} passes, {spent:.1f} s CPU with the replay")
    print(
        f"moves without a reason on record: {unexplained}; days that end otherwise after deaths: {different}"
    )
    for (kind, outcome), times in sorted(ends.items()):
        print(f"  {kind:<5} {outcome:<24} {times:>6}")
    return 1 if unexplained or different else 0


if __name__ == "__main__":
    sys.exit(main())
