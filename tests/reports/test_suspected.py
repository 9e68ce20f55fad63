"""Suspected places in the store: derived anew with every recording, in its transaction, from what is recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from shapely.geometry import Point, shape
from small_store import DAY_MS, HOUR_MS, MONDAY_MS, make_violation, rows_of

from reports import queries
from reports.database import _ADDED
from reports.recording import RunHead, RunRecord
from reports.store import SCHEMA_VERSION, Store
from reports.suspected import LOOK_BACK_MS, refresh_suspected
from rules.findings import Findings, Stop, Trip, Violation
from rules.registry import Registry

Head = Callable[..., RunHead]
LON, LAT = 118.9, 32.1


def dumping(plate: str, hour: float = 22, **changes: object) -> Violation:
    where = {"lon": LON, "lat": LAT, "evidence": {"unloaded_by": ["load", "lift"]}}
    return make_violation(plate, "unauthorised_dumping", hour, **(where | changes))


def record(store: Store, head: RunHead, *found: Violation) -> None:
    spans = {v.plate: (v.start_ms - HOUR_MS, v.end_ms + HOUR_MS) for v in found}
    store.record(RunRecord(head, Findings(list(found)), spans))


def test_the_view_has_its_columns(store: Store) -> None:
    types = dict(store.query("SELECT column_name, column_type FROM (DESCRIBE suspected_sites)").iter_rows())
    names = "suspect_id kind polygon lon lat trucks visits first_seen last_seen evidence_grade confidence evidence"
    assert list(types) == [*names.split(), "district_id"]
    assert types["first_seen"] == types["last_seen"] == "TIMESTAMP WITH TIME ZONE"
    assert queries.suspected_sites(store).is_empty()


def test_a_recording_derives_them(store: Store, make_head: Head) -> None:
    record(store, make_head("more"), dumping("苏A10002"), dumping("苏A10004", 30))
    (place,) = queries.suspected_sites(store).iter_rows(named=True)
    assert (place["kind"], place["trucks"], place["visits"], place["evidence_grade"]) == ("dumping", 2, 2, "A")
    assert (place["lon"], place["lat"], place["district_id"]) == (LON, LAT, None)
    assert shape(json.loads(place["polygon"])).contains(Point(LON, LAT))
    assert place["first_seen"].timestamp() * 1000 == MONDAY_MS + 22 * HOUR_MS
    assert {stay["plate"] for stay in json.loads(place["evidence"])["stays"]} == {"苏A10002", "苏A10004"}


def test_loading_places_come_from_trips_and_stops(store: Store, make_head: Head) -> None:
    found = Findings()
    for n in (2, 4):
        at = MONDAY_MS + n * HOUR_MS
        found.trips.append(Trip(f"苏A1000{n}", at + 300_000, at + 600_000, at + HOUR_MS, None, "s2", None, 9_000))
        found.stops.append(Stop(f"苏A1000{n}", at, at + 600_000, LON, LAT, None, "unknown"))
    store.record(RunRecord(make_head("pit"), found, {}))
    (place,) = queries.suspected_sites(store).iter_rows(named=True)
    assert (place["kind"], place["trucks"]) == ("loading", 2)


def test_said_again_nothing_changes_and_withdrawn_it_is_gone(store: Store, make_head: Head) -> None:
    cases = [dumping("苏A10002"), dumping("苏A10004", 30)]
    record(store, make_head("more"), *cases)
    before = rows_of(store)
    record(store, make_head("more"), *cases)
    assert rows_of(store) == before
    spans = {v.plate: (v.start_ms - HOUR_MS, v.end_ms + HOUR_MS) for v in cases}
    store.record(RunRecord(make_head("better"), Findings(), spans))
    assert queries.suspected_sites(store).is_empty()


@pytest.mark.parametrize("status", ["rejected", "overturned"])
def test_what_a_person_refused_counts_against_a_place(
    store: Store, make_head: Head, registry: Registry, status: str
) -> None:
    record(store, make_head("more"), dumping("苏A10002"), dumping("苏A10004", 30))
    store.execute("UPDATE kept.violations SET status = ? WHERE plate = '苏A10004'", [status])
    with store.transaction():
        assert refresh_suspected(store, registry) == 0
    assert queries.suspected_sites(store).is_empty()
    store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE plate = '苏A10004'")
    with store.transaction():
        assert refresh_suspected(store, registry) == 1


def test_what_is_long_past_is_no_longer_suspected(store: Store, make_head: Head) -> None:
    record(store, make_head("more"), dumping("苏A10002"), dumping("苏A10004", 30))
    days = LOOK_BACK_MS // DAY_MS
    record(store, make_head("later"), dumping("苏A10001", 24 * days - 24, lon=118.0))
    assert queries.suspected_sites(store).height == 1
    record(store, make_head("latest"), dumping("苏A10001", 24 * days + 48, lon=118.0))
    assert queries.suspected_sites(store).is_empty()


def test_a_fault_on_the_way_leaves_the_run_out(store: Store, make_head: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> list[object]:
        raise RuntimeError("no")

    before = rows_of(store)
    monkeypatch.setattr("reports.suspected.suspects", fail)
    with pytest.raises(RuntimeError):
        record(store, make_head("more"), dumping("苏A10002"))
    assert rows_of(store) == before


def test_a_store_of_the_first_version_is_brought_up_by_its_writer(
    store: Store, make_head: Head, tmp_path: Path
) -> None:
    path = store.path
    for file in reversed(list(_ADDED.values())):
        made = re.findall(
            r"^CREATE (SCHEMA|TABLE|VIEW|SEQUENCE|INDEX|MACRO) (\w+(?:\.\w+)?)", file.read_text(), re.MULTILINE
        )
        for kind, name in reversed(made):
            store.execute(f"DROP {kind} {name}")
    store.execute("UPDATE kept.meta SET schema_version = 1")
    store.close()
    with Store.read(path) as old:
        assert queries.suspected_sites(old).is_empty()
        assert old.query("SELECT schema_version FROM kept.meta").item() == 1
    with Store.open(path) as new:
        assert new.query("SELECT schema_version FROM kept.meta").item() == SCHEMA_VERSION
        record(new, make_head("more"), dumping("苏A10002"), dumping("苏A10004", 30))
    with duckdb.connect(str(path / "muckwatch.duckdb"), read_only=True) as anybody:
        assert anybody.execute("SELECT count(*) FROM suspected_sites").fetchall() == [(1,)]


def test_hostile_text_stays_text(store: Store, make_head: Head, hostile: list[str]) -> None:
    cases = [dumping(text, 20 + n / 10) for n, text in enumerate(hostile)]
    record(store, make_head("hostile"), *cases)
    (place,) = queries.suspected_sites(store).iter_rows(named=True)
    assert {stay["plate"] for stay in json.loads(place["evidence"])["stays"]} == set(hostile)
