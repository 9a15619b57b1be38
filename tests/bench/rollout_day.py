"""A day of rollouts in simulated time: how they end, whether every move has a reason, what a pass costs."""

import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.report import parse_quick, say, say_header, say_table

from support.day import play_day, replay

GROUPS, QUICK_GROUPS = 2_000, 200


def main() -> int:
    """Play the days; 1 when a move had no reason, or a day ended otherwise after deaths of the process."""
    groups = QUICK_GROUPS if parse_quick(__doc__, f"{QUICK_GROUPS} groups") else GROUPS
    say_header("A day of rollouts", Path(__file__).name)
    ends: Counter[tuple[str, str]] = Counter()
    rollouts = passes = unexplained = different = 0
    began = time.process_time()
    for number in range(groups):
        day = play_day(random.Random(f"bench {number}"))
        ends.update(("bad" if day.bad else "good", outcome) for outcome in day.outcomes)
        rollouts, passes = rollouts + day.group_day.state.rollouts, passes + len(day.inputs)
        unexplained += day.unexplained
        different += replay(day, random.Random(number)) != day.group_day.state
    spent = time.process_time() - began
    say(f"{groups} groups, {rollouts} rollouts, {passes} passes, {spent:.1f} s CPU, played twice.")
    say(
        f"Moves without a reason on record: {unexplained}. Days that end otherwise after deaths: {different}."
    )
    say()
    say_table(("canary", "end", "rollouts"), [(*end, str(times)) for end, times in sorted(ends.items())])
    return 1 if unexplained or different else 0


if __name__ == "__main__":
    sys.exit(main())
