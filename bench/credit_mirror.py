"""Keeps a mirror of the credit API through random decisions, restarts on both sides and lost answers.

python -m bench.credit_mirror [--moves 1000] [--seed 1]

After each sync that went through, the mirror's scores as of some date and its reckoning must be those of the store.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from fastapi.testclient import TestClient

from bench.credit_world import DAY_MS, MONDAY_MS, decide, fill, make_registry, make_violations
from reports.credit.tokens import add_token
from reports.ledger.signing import KEY_VARIABLE
from reports.scores import scores
from reports.shared import SharedStore
from reports.store import Store
from rules.registry import Registry
from tools.credit_mirror import Ask, Mirror, TryLater
from web.app import create_app
from web.context import Context
from web.services import Services

#: Where a case may go from each status, as people decide.
NEXT = {
    "flagged": ("confirmed", "confirmed", "rejected"),
    "confirmed": ("appealed", "overturned"),
    "appealed": ("confirmed", "overturned"),
}


class Trial:
    """One store with its server, and one mirror."""

    def __init__(self, folder: Path, seed: int, acts: int = 150, registry: Registry | None = None) -> None:
        self.by, self.folder = random.Random(seed), folder
        self.registry = registry or make_registry()
        violations = make_violations(self.registry, acts, days=40, seed=seed)
        self.status = {v.violation_id: "flagged" for v in violations}
        with Store.open(folder / "store", create=True) as store:
            fill(store, self.registry, violations, days=40)
            self.token = add_token(
                store, "mirror", ["scores:read"], actor="bench", at_ms=MONDAY_MS, days=366, per_minute=100_000
            )
        self.now_ms = MONDAY_MS + 41 * DAY_MS
        self.lost = self.restarts = self.synced = 0
        self._start_server()
        self.mirror = Mirror(folder / "mirror.sqlite")

    def _start_server(self) -> None:
        self.store = SharedStore(Store.open(self.folder / "store"))
        context = Context(self.store, self.registry, self.folder, Services([], print), now_ms=lambda: self.now_ms)
        self._http = TestClient(create_app(context), headers={"Authorization": f"Bearer {self.token}"})

    def close(self) -> None:
        self.mirror.close()
        self.store.close()

    def move(self) -> None:
        """One thing happens: mostly a decision; now and then a sync, or a restart of either side."""
        self.now_ms += 1000
        what = self.by.random()
        if what < 0.7:
            self._decide()
        elif what < 0.9:
            self._sync(losing=self.by.random() < 0.5)
        elif what < 0.95:
            self.restarts += 1
            self.store.close()
            self._start_server()
        else:
            self.restarts += 1
            self.mirror.close()
            self.mirror = Mirror(self.folder / "mirror.sqlite")

    def _decide(self) -> None:
        open_ones = [violation for violation, status in self.status.items() if status in NEXT]
        violation = self.by.choice(open_ones)
        status = self.by.choice(NEXT[self.status[violation]])
        with self.store.writing() as store:
            decide(store, violation, status, self.now_ms)
        self.status[violation] = status

    def _sync(self, losing: bool) -> None:
        try:
            self.mirror.sync(self._ask(losing))
        except (OSError, TryLater):
            self.lost += 1
            return
        self.synced += 1
        self.compare()

    def _ask(self, losing: bool) -> Ask:
        def ask(path: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
            if losing and self.by.random() < 0.15:
                raise OSError("cut off before asking")
            limit = f"{'&' if '?' in path else '?'}limit={self.by.choice((1, 2, 50))}" if "score-events" in path else ""
            answer = self._http.get(path + limit, headers=dict(headers))
            if losing and self.by.random() < 0.35:
                raise OSError("the answer was lost")
            return answer.status_code, answer.headers, answer.content

        return ask

    def compare(self) -> None:
        """The mirror is the store, or AssertionError."""
        day = date(2026, 11, 16) + timedelta(days=self.by.randrange(50))
        with self.store.reading() as store:
            kept = scores(store, day)
            confirmed = store.query("SELECT violation_id FROM kept.violations WHERE status = 'confirmed'")
        theirs = {(row["subject"], row["subject_id"]): row["points"] for row in kept.iter_rows(named=True)}
        ours = {who: 0 for who in theirs} | self.mirror.scores(day, self.registry.policy.score_days)
        assert ours == theirs, f"scores as of {day} differ"
        assert self.mirror.reckoning(date.max)[0] == len(confirmed), "not the same violations are confirmed"
        assert self.mirror.agrees(self._ask(losing=False), day), f"the reckoning of {day} differs"


def main() -> None:
    """Runs the trial and says what happened in it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--moves", type=int, default=1000, help="decisions; syncs and restarts come on top")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        os.environ[KEY_VARIABLE] = f"{name}/key.pem"
        trial = Trial(Path(name), asked.seed, acts=600)
        decided = 0
        while decided < asked.moves:
            before = dict(trial.status)
            trial.move()
            decided += before != trial.status
        trial._sync(losing=False)
        print(
            f"{decided} decisions, {trial.restarts} restarts, {trial.lost} syncs cut off, {trial.synced} that went "
            f"through, each compared: equal; {trial.mirror.last_seq} events"
        )
        trial.close()


if __name__ == "__main__":
    main()
