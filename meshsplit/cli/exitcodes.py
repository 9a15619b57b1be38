"""One table of exit codes for all commands; the output format never changes them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code means."""

    YES = 0
    """Yes, nothing to report, no difference."""
    NO = 1
    """The answer is no: findings at or above --fail-on, or differences."""
    UNANSWERED = 2
    """Could not answer: a bad flag, an unreadable file, a bug."""
    REFUSED = 3
    """Not legal in this state, not confirmed, or changed since the preview."""
    TIMEOUT = 4
    """--timeout was reached."""
    INTERRUPTED = 130
    """Ctrl-C: 128 + SIGINT, as shells report it."""
