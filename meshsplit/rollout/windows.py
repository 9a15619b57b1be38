"""Whether steps may move now: periods that begin at the times of a cron schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from meshsplit.api.cron import Cron, is_time_zone, to_cron


@dataclass(frozen=True, slots=True)
class Window:
    """A period of `seconds` from each time of `schedule`; one that cannot be read (None) never opens."""

    schedule: Cron | None
    seconds: float
    zone: str = "UTC"

    def is_open(self, now: float) -> bool:
        """Whether `now` (Unix seconds) is in a period: its begin counts, its end does not."""
        if self.schedule is None:
            return False
        zone = ZoneInfo(self.zone)
        day = datetime.fromtimestamp(now - self.seconds, zone).date()
        last = datetime.fromtimestamp(now, zone).date()
        while day <= last:
            for time in self.schedule.times(day, zone):
                if time.timestamp() <= now < time.timestamp() + self.seconds:
                    return True
            day += timedelta(days=1)
        return False

    def next_opening(self, now: float) -> float | None:
        """When the next period begins, after `now`; None when none ever does."""
        if self.schedule is None or self.seconds <= 0:
            return None
        zone = ZoneInfo(self.zone)
        day = self.schedule.next_day(datetime.fromtimestamp(now, zone).date())
        while day is not None:
            for time in self.schedule.times(day, zone):
                if time.timestamp() > now:
                    return time.timestamp()
            day = self.schedule.next_day(day + timedelta(days=1))
        return None


def make_window(schedule: str, seconds: float, zone: str) -> Window:
    """The window that a ModelSplit asks for."""
    return Window(to_cron(schedule) if is_time_zone(zone) else None, seconds, zone)


def find_closed(windows: Sequence[Window], now: float) -> str:
    """Why no step may move now; "" when one of the windows is open, or there are none."""
    if not windows or any(window.is_open(now) for window in windows):
        return ""
    openings = [window.next_opening(now) for window in windows]
    first = min((each for each in openings if each is not None), default=None)
    if first is None:
        return "the windows never open"
    return f"the next window opens {datetime.fromtimestamp(first, UTC):%Y-%m-%dT%H:%M:%SZ}"
