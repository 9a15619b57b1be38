"""CPU time of processes and of the machine, as Linux counts it."""

import os
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CORES = len(os.sched_getaffinity(0))

# proc_pid_stat(5): utime and stime are fields 14 and 15; what follows the name in brackets begins at 3.
_UTIME, _STIME = 14 - 3, 15 - 3
# proc_stat(5): user, nice, system, irq, softirq and steal. A kernel without CONFIG_IRQ_TIME_ACCOUNTING also
# charges interrupts to the process that they hit, so this sum is that of all processes.
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)

_QUIET_SECONDS = 0.5
_QUIET_SHARE = 0.04


def get_cpu_seconds(pid: int) -> float:
    """User and system time of a process so far; the clock counts in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / TICKS_A_SECOND


def wait_until_quiet(pid: int, seconds: float) -> None:
    """Return when the process has used next to no CPU for half a second; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    before = get_cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        after = get_cpu_seconds(pid)
        if after - before <= _QUIET_SHARE * _QUIET_SECONDS:
            return
        before = after
    raise TimeoutError(f"process {pid} is still busy after {seconds:g} s")


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment: wall time, CPU time of the whole machine, and CPU time of everything this script runs."""

    wall: float
    machine: float
    ours: float

    @classmethod
    def now(cls, children: Iterable[int]) -> Self:
        """Read all clocks; `children` are the running child processes, ended ones count by themselves."""
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
        machine = sum(int(fields[index]) for index in _BUSY_FIELDS) / TICKS_A_SECOND
        usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
        ours = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return cls(time.monotonic(), machine, ours + sum(map(get_cpu_seconds, children)))

    def others_since(self, start: Self) -> float:
        """Share of the machine's cores (0 to 1) that others took since `start`: how noisy it was."""
        wall = self.wall - start.wall
        others = (self.machine - start.machine) - (self.ours - start.ours)
        return min(max(others / (wall * CORES), 0.0), 1.0)


def wait_for_calm(children: Iterable[int], share: float, deadline: float) -> None:
    """Return once others take less than `share` of the machine for half a second, or at `deadline`."""
    pids = list(children)
    while time.monotonic() < deadline:
        start = Clock.now(pids)
        time.sleep(_QUIET_SECONDS)
        if Clock.now(pids).others_since(start) < share:
            return
