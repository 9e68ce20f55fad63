"""Who sits at the terminal, and when: what the log says of what a command changed."""

from __future__ import annotations

import getpass
import time


def me() -> str:
    """The name that the log gives to whoever runs the command, as the operating system knows him."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        return "os:unknown"


def now_ms() -> int:
    """The clock, epoch ms."""
    return time.time_ns() // 1_000_000
