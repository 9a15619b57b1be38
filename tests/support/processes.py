"""Look at processes from outside. Any of them may end while it is looked at."""

from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and that nobody has waited for yet does not."""
    fields = _stat_of(pid)
    return bool(fields) and fields[0] != "Z"


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children of `pid`, whichever of its threads started them."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return sorted(each for each in pids if _stat_of(each)[1:2] == [str(pid)])


def _stat_of(pid: int) -> list[str]:
    """What proc_stat(5) says behind the program's name: state, parent and so on; nothing of one that is gone.

    A process may go between the opening and the reading too: that is a ProcessLookupError.
    """
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
