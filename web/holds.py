"""Who is working on which case right now: soft locks in memory, lost on a restart, given up after five minutes."""

from __future__ import annotations

import threading

#: A page asks again every minute while it is open.
HELD_FOR_MS = 5 * 60_000


class Holds:
    """Cases held by reviewers, so that two do not work on the same one; the tables decide if they do all the same."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[str, tuple[str, str, int]] = {}

    def take(self, case_id: str, user_id: str, name: str, now_ms: int) -> str:
        """Holds a case, or says who does; empty if it is ours now."""
        with self._guard:
            holder, its_name, until = self._held.get(case_id, ("", "", 0))
            if until > now_ms and holder != user_id:
                return its_name
            self._held[case_id] = (user_id, name, now_ms + HELD_FOR_MS)
            return ""

    def release(self, case_id: str, user_id: str) -> None:
        """Gives a case up, if it is held by that user."""
        with self._guard:
            if self._held.get(case_id, ("",))[0] == user_id:
                del self._held[case_id]

    def holder(self, case_id: str, but: str, now_ms: int) -> str:
        """The name of who holds a case, if it is anybody but `but`."""
        with self._guard:
            user_id, name, until = self._held.get(case_id, ("", "", 0))
            return name if until > now_ms and user_id != but else ""
