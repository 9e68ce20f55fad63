"""A store of flagged violations of many trucks, in acts of one to three, for what tries the credit API."""

from __future__ import annotations

import random

from reports.credit.events import publish
from reports.ledger.entries import append
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.findings import Findings, Violation
from rules.policy import Policy
from rules.registry import Company, Registry, Vehicle, digest

MONDAY_MS = 1_794_758_400_000  # 2026-11-16 00:00 in Shanghai
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
RULES = ("unauthorised_dumping", "no_permit", "off_route", "quiet_zone", "overspeed")
FILES = {"vehicles.csv": "plate\n苏A00000\n".encode(), "policy.toml": b""}


def make_registry(trucks: int = 8, companies: int = 3) -> Registry:
    """Trucks that belong to companies in turn."""
    owners = tuple(Company(f"c{n}", f"第{n}运输公司") for n in range(companies))
    vehicles = tuple(Vehicle(f"苏A{n:05d}", f"c{n % companies}", f"0139{n:08d}", "new_type") for n in range(trucks))
    return Registry(Policy(), owners, vehicles, digest=digest(FILES))


def make_violations(registry: Registry, acts: int, days: int = 7, seed: int = 1) -> list[Violation]:
    """Acts of one to three violations each, spread over the days after Monday; some last past midnight."""
    by, points, found = random.Random(seed), Policy().points, []
    for number in range(acts):
        vehicle = registry.vehicles[number % len(registry.vehicles)]
        start = MONDAY_MS + by.randrange(days) * DAY_MS + by.randrange(24) * HOUR_MS + number * 1000
        first = ""
        for rule in by.sample(RULES, by.choice((1, 1, 2, 3))):
            begin = start + by.choice((0, 0, 20)) * HOUR_MS * bool(first)  # so that acts lie across ends of periods
            evidence = {"rule_version": "1", "fixes": [begin]}
            made = Violation(
                rule, vehicle.plate, begin, begin + 600_000, 118.7, 32.0, 0.9, points[rule],
                company_id=vehicle.company_id, scored_under=first, evidence=evidence,
            )  # fmt: skip
            first = first or made.violation_id
            found.append(made)
    return found


def fill(store: Store, registry: Registry, found: list[Violation], days: int = 7) -> None:
    """Records them as one run."""
    head = RunHead(registry, FILES, "w" * 64, "1.0", MONDAY_MS + days * DAY_MS, "run")
    spans = {v.plate: (MONDAY_MS, MONDAY_MS + days * DAY_MS) for v in registry.vehicles}
    store.record(RunRecord(head, Findings(found), spans))


def decide(store: Store, violation_id: str, status: str, at_ms: int) -> None:
    """Gives a violation a status, as the decision about a case does: with the log and the credit system told."""
    with store.transaction():
        store.execute("UPDATE kept.violations SET status = ? WHERE violation_id = ?", [status, violation_id])
        append(store, "decision", violation_id, "bench", {"status": status}, at_ms=at_ms)
        publish(store, violation_id, at_ms=at_ms)
