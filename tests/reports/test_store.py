"""The store: one transaction a run, the same run twice is once, and it answers wherever it lies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from small_store import (
    DAY_MS,
    HOUR_MS,
    MONDAY_MS,
    SPAN,
    make_findings,
    make_fixes,
    make_tally,
    make_violation,
    rows_of,
    span_of,
)

from reports import queries
from reports.archive import archive_fixes
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from rules.findings import Findings
from rules.policy import Policy
from rules.registry import Registry, digest, load, snapshot

Head = Callable[..., RunHead]


def row(store: Store, violation_id: str) -> dict[str, object]:
    return queries.violation(store, violation_id).row(0, named=True)


def test_views_have_the_contracts_columns(store: Store) -> None:
    wanted = {
        "violations": "violation_id rule plate company_id permit_no trip_id start_time end_time lon lat district_id "
        "site_id confidence points status revision evidence",
        "trips": "trip_id plate permit_no origin_site disposal_site loaded_at dumped_at distance_m violations",
        "stops": "plate start_time end_time lon lat site_id kind",
        "scores": "subject subject_id as_of points grade violations",
        "terminal_health": "plate terminal first_seen last_seen fixes completeness datum_found faults",
        "rejected_fixes": "reason count first_seen last_seen example",
        "fixes": "plate time lon lat datum speed_kmh heading_deg load lift cover acc valid mileage_km terminal",
    }
    for view, names in wanted.items():
        assert store.query(f"FROM {view} LIMIT 0").columns[: len(names.split())] == names.split()
    types = dict(store.query("SELECT column_name, column_type FROM (DESCRIBE violations)").iter_rows())
    assert types["start_time"] == types["end_time"] == "TIMESTAMP WITH TIME ZONE"
    assert types["evidence"] == "JSON"


def test_a_run_is_there_as_it_was_found(store: Store) -> None:
    found = make_findings()
    assert set(store.query("FROM violations")["violation_id"]) == {v.violation_id for v in found.violations}
    leg = row(store, found.violations[0].violation_id)
    assert leg["start_time"].timestamp() * 1000 == found.violations[0].start_ms  # type: ignore[attr-defined]
    assert (leg["status"], leg["revision"], leg["facts_changed"]) == ("flagged", 1, False)
    assert leg["scored_under"] == found.violations[1].violation_id
    trips = queries.trips_between(store, MONDAY_MS, MONDAY_MS + 7 * DAY_MS)
    assert trips["violations"].to_list() == [2, 1]
    assert queries.fixes_of(store, "苏A10001", MONDAY_MS, MONDAY_MS + HOUR_MS).height == 60
    assert store.query("SELECT count(*) FROM fixes").item() == 2 * 3 * 24 * 60
    assert queries.rejected(store).row(0)[:2] == ("no_plate", 3)


def test_the_same_run_again_changes_nothing(store: Store, make_head: Head) -> None:
    before = rows_of(store)
    fixes = make_fixes(["苏A10001", "苏A10003"])
    head = make_head()
    result = store.record(RunRecord(head, make_findings(), span_of(fixes), make_tally(), store.manifest()))
    assert rows_of(store) == before
    assert (result.new, result.revised, result.unchanged, result.removed) == (0, 0, 3, 0)


def test_pieces_and_one_whole_are_the_same(store: Store, make_head: Head, tmp_path: Path) -> None:
    whole = make_findings()
    with Store.open(tmp_path / "pieces", create=True) as other:
        with other.recording(make_head()) as recording:
            recording.set_tally(make_tally())
            for plate in ("苏A10003", "苏A10001"):
                fixes = make_fixes([plate])
                own = lambda rows, plate=plate: [r for r in rows if r.plate == plate]
                part = Findings(own(whole.violations), own(whole.trips), own(whole.stops), own(whole.health))
                recording.add(part, span_of(fixes))
                recording.add_archive(archive_fixes(other.path, fixes, Policy().zone))
        a, b = rows_of(store), rows_of(other)
        assert {k: v for k, v in a.items() if k != "archive"} == {k: v for k, v in b.items() if k != "archive"}


def test_a_recording_that_raises_leaves_nothing(store: Store, make_head: Head) -> None:
    before = rows_of(store)
    with pytest.raises(RuntimeError), store.recording(make_head("other")) as recording:
        recording.add(Findings([make_violation(hour=1)]), SPAN)
        raise RuntimeError
    assert rows_of(store) == before


def test_a_fault_in_mid_transaction_leaves_nothing(
    store: Store, make_head: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(store)

    def fail(*_: object) -> None:
        raise duckdb.IOException("disk full")

    monkeypatch.setattr(store, "replace", fail)
    with pytest.raises(StoreError, match="disk full"):
        store.record(RunRecord(make_head("other"), Findings([make_violation(hour=1)]), SPAN))
    monkeypatch.undo()
    assert rows_of(store) == before


def test_a_moved_store_answers_from_where_it_is(store: Store, tmp_path: Path) -> None:
    fixes = store.query("SELECT count(*) FROM fixes").item()
    store.close()
    moved = tmp_path / "it's [a] move*d store"
    shutil.move(store.path, moved)
    with Store.read(moved) as reader:
        assert reader.query("SELECT count(*) FROM fixes").item() == fixes
    Store.open(moved).close()
    with duckdb.connect(str(moved / "muckwatch.duckdb"), read_only=True) as anybody:
        assert anybody.execute("SELECT count(*) FROM fixes").fetchall() == [(fixes,)]


def test_anybody_may_ask_an_unmoved_or_named_archive(store: Store) -> None:
    fixes = store.query("SELECT count(*) FROM fixes").item()
    store.close()
    with duckdb.connect(str(store.path / "muckwatch.duckdb"), read_only=True) as anybody:
        assert anybody.execute("SELECT count(*) FROM fixes").fetchall() == [(fixes,)]
        assert anybody.execute("SELECT count(*) FROM fixes_in(?)", [str(store.path)]).fetchall() == [(fixes,)]


def test_statements_reach_nothing_but_the_archive(store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (copy,) = (store.path / "registry").iterdir()
    for sql in (
        "FROM read_text('/etc/hostname')",
        f"FROM read_csv('{tmp_path}/secret.csv')",
        f"FROM read_text('{copy}/vehicles.csv')",
        f"FROM read_text('{store.path}/fixes/../../secret.csv')",
    ):
        with pytest.raises(StoreError, match="disabled"):
            store.query(sql)
    with pytest.raises(duckdb.Error):
        store.execute("SET enable_external_access = true")


def test_an_empty_store_answers(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", create=True) as empty:
        for view in ("violations", "trips", "stops", "scores", "terminal_health", "rejected_fixes", "fixes"):
            assert empty.query(f"FROM {view}").is_empty()
        assert queries.span_ms(empty) is None
        with pytest.raises(StoreError, match="no run"):
            queries.registry_of(empty)


def test_registry_copy_is_exact(store: Store) -> None:
    (folder,) = (store.path / "registry").iterdir()
    assert (folder / "vehicles.csv").read_bytes() == "plate\n苏A10001\n".encode()
    assert (folder / "policy.toml").read_bytes() == b""


def test_a_registry_file_cannot_leave_its_folder(store: Store, make_head: Head, registry: Registry) -> None:
    files = {"../escaped.csv": b""}
    head = make_head("x", registry_folder_files=files, registry=replace(registry, digest=digest(files)))
    with pytest.raises(StoreError, match="escaped"):
        store.record(RunRecord(head, Findings(), SPAN))
    assert not (store.path / "registry" / "escaped.csv").exists()


def test_a_registry_that_changed_under_the_run_is_refused(store: Store, make_head: Head) -> None:
    with pytest.raises(StoreError, match="changed while the run was under way"):
        store.record(
            RunRecord(make_head("x", registry_folder_files={"policy.toml": b"corridor_m = 9"}), Findings(), SPAN)
        )


def test_the_registry_comes_back_from_the_store_alone(store: Store, make_head: Head, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    square = lambda x: [[x, 32.0], [x + 0.01, 32.0], [x + 0.01, 32.01], [x, 32.01], [x, 32.0]]
    area = lambda x: {"type": "Polygon", "coordinates": [square(x)]}
    feature = lambda geometry, **properties: {"type": "Feature", "properties": properties, "geometry": geometry}
    collection = lambda *features: json.dumps({"type": "FeatureCollection", "features": features})
    sites = (
        feature(area(118.0), site_id="s1", name="工地", kind="construction"),
        feature(area(118.1), site_id="s2", name="消纳场", kind="disposal"),
    )
    line = {"type": "LineString", "coordinates": [[118.005, 32.005], [118.105, 32.005]]}
    texts = {
        "companies.csv": "company_id,name\nc1,甲\n",
        "vehicles.csv": "plate,company_id,terminal,kind\n苏A10001,c1,0139,new_type\n",
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        "p1,c1,s1,s2,,,,\n",
        "routes.geojson": collection(feature(line, permit_no="p1")),
        "sites.geojson": collection(*sites),
        "policy.toml": "score_days = 30\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    registry = load(folder)
    store.record(RunRecord(make_head("x", registry=registry, registry_folder_files=snapshot(folder)), Findings(), SPAN))
    shutil.rmtree(folder)
    assert queries.registry_of(store) == registry
    assert queries.registry_of(store).policy.score_days == 30
    copy = store.path / "registry" / registry.digest / "policy.toml"
    copy.write_text("score_days = 31\n")
    with pytest.raises(StoreError, match="changed since"):
        queries.registry_of(store)
    copy.write_text("score_days = many\n")
    with pytest.raises(StoreError, match="cannot be used"):
        queries.registry_of(store)
    shutil.rmtree(copy.parent)
    with pytest.raises(StoreError, match="is gone"):
        queries.registry_of(store)
