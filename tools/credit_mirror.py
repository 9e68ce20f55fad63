"""A sample client of the credit API: a mirror of the score events in one SQLite file, kept in step, for copying from.

Needs Python alone. What it shows: keep the cursor in the transaction of the events it stands behind; an event may come
twice, so take it by its number; 304 is the usual answer; 410 means to start again; come back when Retry-After says so;
reconcile now and then.

    MUCKWATCH_TOKEN=mwt_... python tools/credit_mirror.py https://muckwatch.example/ mirror.sqlite --every 60
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

#: Asks for a path with headers; gives status, headers (names in small letters) and body. Raises OSError when cut off.
Ask = Callable[[str, Mapping[str, str]], tuple[int, Mapping[str, str], bytes]]

_TABLES = """
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT, etag TEXT);
INSERT OR IGNORE INTO place VALUES (1, '', '');
CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY, event_id TEXT UNIQUE, op TEXT, violation_id TEXT, status TEXT, points INTEGER, act TEXT,
    rule TEXT, rule_points INTEGER, plate TEXT, company_id TEXT, day TEXT
);
"""
_NOW = """
SELECT e.violation_id, e.points, e.act, e.rule_points, e.plate, e.company_id, e.day FROM events e
JOIN (SELECT violation_id, max(seq) AS seq FROM events GROUP BY violation_id) USING (violation_id, seq)
WHERE e.status = 'confirmed' ORDER BY e.violation_id
"""


class TryLater(Exception):
    """The server cannot answer now; `wait_s` is when to ask again."""

    def __init__(self, status: int, wait_s: float) -> None:
        super().__init__(f"the server answered {status}; next try in {wait_s:.0f} s")
        self.wait_s = wait_s


class Mirror:
    """The events in a file, and what follows from them."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def sync(self, ask: Ask) -> int:
        """Fetches what is new; gives how many events came.

        Raises:
            TryLater: 429 or 5xx.
            OSError: if the line was cut; nothing is lost, ask again.
            PermissionError: if the token is no good.
        """
        came = 0
        while True:
            cursor, etag = self._db.execute("SELECT cursor, etag FROM place").fetchone()
            headers = {"If-None-Match": etag} if etag else {}
            query = urlencode({"cursor": cursor} if cursor else {})
            status, told, body = ask(f"/api/v1/score-events?{query}".rstrip("?"), headers)
            if status == 304:
                return came
            if status == 410:  # the server was set back: what we hold may never have been
                with self._db:
                    self._db.execute("DELETE FROM events")
                    self._db.execute("UPDATE place SET cursor = '', etag = ''")
                continue
            _refused(status, told)
            page = json.loads(body)
            came += self._take(page, cursor, str(told.get("etag", "")))
            if not page["has_more"]:
                return came

    def _take(self, page: Mapping[str, Any], cursor: str, etag: str) -> int:
        """Takes a page in, once, together with the place behind it."""
        before = self._db.total_changes
        with self._db:
            self._db.executemany(
                "INSERT OR IGNORE INTO events VALUES (:seq, :event_id, :op, :violation_id, :status, :points, :act, "
                ":rule, :rule_points, :plate, :company_id, :date)",
                page["items"],
            )
            came = self._db.total_changes - before
            # An ETag belongs to one address: the one just asked, unless the cursor moved on.
            same = page["next_cursor"] == cursor
            self._db.execute("UPDATE place SET cursor = ?, etag = ?", (page["next_cursor"], etag if same else ""))
        return came

    @property
    def last_seq(self) -> int:
        """The number of the newest event here."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def reckoning(self, day: date) -> tuple[int, int, str]:
        """How many confirmed violations up to a date, how many points, and the hash that the server must agree with."""
        rows = [row for row in self._db.execute(_NOW) if row[6] <= day.isoformat()]
        lines = "".join(f"{violation_id} {points}\n" for violation_id, points, *_ in rows)
        return len(rows), sum(row[1] for row in rows), hashlib.sha256(lines.encode()).hexdigest()

    def agrees(self, ask: Ask, day: date) -> bool:
        """Whether the server reckons the same of the events that are here."""
        path = f"/api/v1/reconcile?{urlencode({'date': day.isoformat(), 'seq': self.last_seq})}"
        status, told, body = ask(path, {})
        _refused(status, told)
        said = json.loads(body)
        return self.reckoning(day) == (said["count"], said["points"], said["sha256"])

    def scores(self, as_of: date, score_days: int) -> dict[tuple[str, str], int]:
        """Points of every vehicle and company with any confirmed violation in the period, as the server works them out.

        Of one act only the gravest violation in the period counts; of equals the one that the act is named after.
        """
        begin = (as_of - timedelta(days=score_days)).isoformat()
        carriers: dict[str, tuple[int, bool, str, str, str | None]] = {}
        scores: dict[tuple[str, str], int] = {}
        for violation_id, _, act, rule_points, plate, company_id, day in self._db.execute(_NOW):
            if not begin < day <= as_of.isoformat():
                continue
            for who in [("vehicle", plate)] + ([("company", company_id)] if company_id else []):
                scores.setdefault(who, 0)
            mine = (rule_points, violation_id == act, violation_id, plate, company_id)
            other = carriers.get(act)
            if other is None or (mine[0], mine[1], other[2]) > (other[0], other[1], mine[2]):
                carriers[act] = mine
        for points, _, _, plate, company_id in carriers.values():
            scores["vehicle", plate] += points
            if company_id:
                scores["company", company_id] += points
        return scores


def _refused(status: int, headers: Mapping[str, str]) -> None:
    if status in (401, 403):
        raise PermissionError(f"the server answered {status}: the token is wrong, has ended, or is for something else")
    if status == 429 or status >= 500:
        raise TryLater(status, float(headers.get("retry-after", 30)))
    if status != 200:
        raise RuntimeError(f"the server answered {status}")


def over_http(base: str, token: str) -> Ask:
    """Asks a server; the token goes into the header, never into the address."""

    def ask(path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
        every = {"Authorization": f"Bearer {token}", "Accept": "application/json", **headers}
        request = urllib.request.Request(base.rstrip("/") + path, headers=every)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    return ask


def main() -> None:
    """Keeps a mirror in step until stopped."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("server", help="such as https://muckwatch.example/; the token is read from MUCKWATCH_TOKEN")
    parser.add_argument("mirror", type=Path, help="the SQLite file")
    parser.add_argument("--every", type=float, default=0, metavar="S", help="ask again after so long; default: once")
    asked = parser.parse_args()
    token = os.environ.get("MUCKWATCH_TOKEN", "")
    if not token:
        sys.exit("MUCKWATCH_TOKEN is not set")
    mirror, ask = Mirror(asked.mirror), over_http(asked.server, token)
    while True:
        wait_s = asked.every
        try:
            came = mirror.sync(ask)
            agrees = mirror.agrees(ask, date.max)
            print(f"{came} new events, {mirror.last_seq} in all; {'agrees' if agrees else 'DIFFERS'}", flush=True)
        except TryLater as later:
            print(later, flush=True)
            wait_s = later.wait_s
        except PermissionError as error:
            sys.exit(str(error))
        except OSError as error:
            print(f"cut off: {error}", flush=True)
        if not asked.every:
            return
        time.sleep(wait_s)


if __name__ == "__main__":
    main()
