"""The store: one writer, one transaction a run, the same run twice is once, decisions are never edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from small_store import (
    DAY_MS,
    HOUR_MS,
    MONDAY_MS,
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
from reports.store import SCHEMA_VERSION, Store, StoreError, StoreUnusable
from rules.findings import Findings, Stop, TerminalHealth, Trip
from rules.policy import Policy
from rules.registry import Registry, digest, load, snapshot

Head = Callable[..., RunHead]
SPAN = {"苏A10001": (MONDAY_MS, MONDAY_MS + 3 * DAY_MS), "苏A10003": (MONDAY_MS, MONDAY_MS + 3 * DAY_MS)}


def decide(store: Store, rule: str, status: str) -> str:
    """What a review page will do one day."""
    store.execute("UPDATE kept.violations SET status = ? WHERE rule = ?", [status, rule])
    return str(store.query("SELECT violation_id FROM violations WHERE rule = ?", [rule]).item())


def row(store: Store, violation_id: str) -> dict[str, object]:
    return queries.violation(store, violation_id).row(0, named=True)


# --- one run, said again -----------------------------------------------------------------------------------------


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


# --- what a later run says ---------------------------------------------------------------------------------------


def test_what_is_not_found_any_more_is_removed_within_the_span_only(store: Store, make_head: Head) -> None:
    leg, dumping, quiet = make_findings().violations
    spans = {"苏A10001": (MONDAY_MS, dumping.start_ms - 1)}  # the dumping begins after it, the other truck is not in it
    result = store.record(RunRecord(make_head("later"), Findings(), spans))
    assert set(store.query("FROM violations")["violation_id"]) == {dumping.violation_id, quiet.violation_id}
    assert result.removed == 1
    assert store.query("FROM trips")["plate"].to_list() == ["苏A10003"]
    assert store.query("FROM stops").is_empty()
    assert leg.violation_id not in store.query("FROM violations")["violation_id"]


def test_the_span_is_inclusive_at_both_ends(store: Store, make_head: Head) -> None:
    leg, dumping, _ = make_findings().violations
    store.record(RunRecord(make_head("a"), Findings(), {"苏A10001": (leg.start_ms + 1, dumping.start_ms - 1)}))
    assert store.query("SELECT count(*) FROM violations").item() == 3
    store.record(RunRecord(make_head("b"), Findings(), {"苏A10001": (leg.start_ms, dumping.start_ms)}))
    assert store.query("SELECT count(*) FROM violations").item() == 1


def test_changed_facts_are_a_new_revision(store: Store, make_head: Head) -> None:
    later = make_findings()
    later.violations[0] = replace(later.violations[0], end_ms=later.violations[0].end_ms + 1)
    changed = later.violations[0].violation_id
    result = store.record(RunRecord(make_head("later", started_at_ms=MONDAY_MS), later, SPAN))
    assert (result.new, result.revised, result.unchanged) == (0, 1, 2)
    assert row(store, changed)["revision"] == 2
    assert set(store.query("SELECT revision FROM violations WHERE violation_id <> ?", [changed])["revision"]) == {1}


def test_the_order_of_evidence_is_no_change(store: Store, make_head: Head) -> None:
    later = make_findings()
    leg = later.violations[0]
    later.violations[0] = replace(leg, evidence=dict(reversed(leg.evidence.items())))
    assert store.record(RunRecord(make_head("later"), later, SPAN)).revised == 0


@pytest.mark.parametrize("status", ["confirmed", "rejected", "appealed", "overturned"])
def test_a_decided_one_is_flagged_and_never_edited(store: Store, make_head: Head, status: str) -> None:
    decided = decide(store, "off_route", status)
    before = row(store, decided)
    later = make_findings()
    later.violations[0] = replace(later.violations[0], confidence=0.1)
    result = store.record(RunRecord(make_head("later"), later, SPAN))
    assert result.facts_changed == 1
    assert row(store, decided) == {**before, "facts_changed": True}
    assert store.record(RunRecord(make_head("gone"), Findings(), SPAN)).facts_changed == 1
    assert row(store, decided) == {**before, "facts_changed": True}
    store.record(RunRecord(make_head("as it was"), make_findings(), SPAN))
    assert row(store, decided) == before


def test_a_trip_that_a_decision_rests_on_stays(store: Store, make_head: Head) -> None:
    decide(store, "off_route", "confirmed")
    store.record(RunRecord(make_head("gone"), Findings(), SPAN))
    assert store.query("FROM trips")["plate"].to_list() == ["苏A10001"]


def test_a_trip_that_ends_elsewhere_replaces_the_old(store: Store, make_head: Head) -> None:
    later = make_findings()
    later.trips[0] = replace(later.trips[0], disposal_site="s9", dumped_ms=later.trips[0].left_ms)
    store.record(RunRecord(make_head("later"), later, SPAN))
    trips = queries.trips_between(store, MONDAY_MS, MONDAY_MS + 7 * DAY_MS)
    assert trips["disposal_site"].to_list() == ["s9", "s2"]
    assert trips["trip_id"].n_unique() == 2


def test_things_said_twice_in_one_run_are_once(store: Store, make_head: Head) -> None:
    twice = make_findings()
    twice += make_findings()
    store.record(RunRecord(make_head("twice"), twice, SPAN))
    for table, count in (("violations", 3), ("trips", 2), ("stops", 1), ("terminal_health", 2)):
        assert store.query(f"SELECT count(*) FROM {table}").item() == count


def test_tallies_are_by_input(store: Store, make_head: Head) -> None:
    store.record(RunRecord(make_head(), make_findings(), SPAN, make_tally()))
    assert queries.rejected(store)["count"].to_list() == [3]
    store.record(RunRecord(make_head("other input"), make_findings(), SPAN, make_tally()))
    assert queries.rejected(store)["count"].to_list() == [6]
    assert queries.runs(store)["input_digest"].to_list() == ["i" * 64, "other input"]


def test_hostile_text_is_text(store: Store, make_head: Head, hostile: list[str]) -> None:
    span = (MONDAY_MS, MONDAY_MS + DAY_MS)
    found = Findings()
    for n, text in enumerate(hostile):
        start = MONDAY_MS + n * 1000
        found.violations.append(make_violation(text, hour=n / 10, evidence={text: text}, company_id=text))
        found.trips.append(Trip(text, start, start + 1, None, text, text, text, 1))
        found.stops.append(Stop(text, start, start + 1, 1.0, 1.0, text, text))
    store.record(RunRecord(make_head("hostile"), found, dict.fromkeys(hostile, span)))
    kept = store.query("SELECT plate, evidence ->> ('$.\"' || 'x' || '\"') AS x FROM violations")["plate"].to_list()
    assert sorted(set(kept) & set(hostile)) == sorted(hostile)
    for text in hostile:
        assert queries.fixes_of(store, text, 0, MONDAY_MS).is_empty()


def test_evidence_that_json_cannot_say_is_refused_by_name(store: Store, make_head: Head) -> None:
    bad = make_violation(hour=1, evidence={"speed_kmh": float("nan")})
    with pytest.raises(StoreError, match=f"{bad.violation_id}.*off_route.*JSON"):
        store.record(RunRecord(make_head("bad"), Findings([bad]), SPAN))


# --- who may open it ---------------------------------------------------------------------------------------------

HOLD = """
import sys
from pathlib import Path
from reports.store import Store
with getattr(Store, sys.argv[2])(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("theirs", "ours", "allowed"),
    [("open", "open", False), ("open", "read", False), ("read", "open", False), ("read", "read", True)],
)
def test_many_readers_or_one_writer(tmp_path: Path, theirs: str, ours: str, allowed: bool) -> None:
    Store.open(tmp_path / "store", create=True).close()
    command = [sys.executable, "-c", HOLD, str(tmp_path / "store"), theirs]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout and child.stdout.readline() == "held\n"
        try:
            if allowed:
                getattr(Store, ours)(tmp_path / "store").close()
            else:
                with pytest.raises(StoreError, match=f"in use by process {child.pid};"):
                    getattr(Store, ours)(tmp_path / "store")
        finally:
            child.communicate("\n")
    getattr(Store, ours)(tmp_path / "store").close()


def test_a_writer_in_this_process_is_named_too(store: Store) -> None:
    with pytest.raises(StoreError, match="this one"):
        Store.open(store.path)


@pytest.mark.parametrize("opening", [Store.open, Store.read])
def test_no_store(tmp_path: Path, opening: Callable[[Path], Store]) -> None:
    with pytest.raises(StoreUnusable, match="there is no store"):
        opening(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnusable, match="not a store"):
        opening(tmp_path / "folder")
    assert not any((tmp_path / "folder").iterdir())


def test_a_new_store_is_not_made_among_other_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(StoreUnusable, match=r"not empty.*holiday\.jpg"):
        Store.open(tmp_path, create=True)
    with pytest.raises(StoreUnusable, match="not a folder"):
        Store.open(tmp_path / "holiday.jpg", create=True)
    with pytest.raises(StoreUnusable, match=r"cannot make a store|not a folder"):
        Store.open(tmp_path / "holiday.jpg" / "store", create=True)
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_name_that_duckdb_misreads_is_refused(tmp_path: Path) -> None:
    """It would put its write-ahead log in another folder."""
    with pytest.raises(StoreUnusable, match=r"'\?'"):
        Store.open(tmp_path / "what?", create=True)
    assert not any(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot make a store here"):
        Store.open(Path("/proc/muckwatch"), create=True)


def test_a_name_that_no_folder_can_have(tmp_path: Path) -> None:
    for opening in (Store.read, Store.open, lambda path: Store.open(path, create=True)):
        with pytest.raises(StoreUnusable, match="cannot be a store"):
            opening(tmp_path / ("x" * 300))


FILLED = """
import resource, signal, sys
from pathlib import Path
from reports.recording import RunHead, RunRecord
from reports.store import Store, StoreError
from rules.findings import Findings
from rules.policy import Policy
from rules.registry import Registry, digest
from small_store import MONDAY_MS, make_violation
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
found = Findings([make_violation(hour=n / 99, evidence={"x": f"{n:09}" * 99}) for n in range(9000)])
head = RunHead(Registry(Policy(), digest=digest({})), {}, "full", "1", MONDAY_MS, "run")
try:
    with store:
        store.record(RunRecord(head, found, {}))
except StoreError as error:
    print("told:", str(error).count(chr(10)), error)
"""


def test_a_disk_that_fills_up_is_told_and_loses_nothing(store: Store) -> None:
    """A limit on the size of files stands in for the full disk."""
    before = rows_of(store)
    store.close()
    limit = (store.path / "muckwatch.duckdb").stat().st_size + 100_000
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FILLED, str(store.path), str(limit)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("told: 0 "), done.stdout + done.stderr
    with Store.open(store.path) as again:
        assert rows_of(again) == before


def test_health_of_several_runs_is_joined(store: Store, make_head: Head) -> None:
    """A week later the same terminal is worse; said twice, it is said once."""
    later = MONDAY_MS + 7 * DAY_MS
    worse = TerminalHealth(
        "苏A10001", "0139", later, later + 3 * DAY_MS - 60_000, 1000, 0.37, "gcj02", {"lift": {"why": "x"}}
    )
    for _ in range(2):
        spans = {"苏A10001": (later, later + 3 * DAY_MS)}
        store.record(RunRecord(make_head("later"), Findings(health=[worse]), spans))
    joined = queries.terminal_health(store).row(0, named=True)
    assert (joined["fixes"], joined["datum_found"], joined["faults"]) == (5320, "gcj02", '{"lift":{"why":"x"}}')
    assert joined["completeness"] == pytest.approx((0.97 + 0.37) / 2)
    assert joined["first_seen"].timestamp() * 1000 == MONDAY_MS
    assert queries.health_between(store, later, later + DAY_MS)["completeness"].to_list() == [0.37]


def test_a_newer_store_is_refused(store: Store) -> None:
    path = store.path
    store.execute("UPDATE kept.meta SET schema_version = ?", [SCHEMA_VERSION + 1])
    store.close()
    for opening in (Store.open, Store.read):
        with pytest.raises(StoreUnusable, match=f"version {SCHEMA_VERSION + 1}.*newer"):
            opening(path)


def test_another_database_is_refused(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "muckwatch.duckdb")) as con:
        con.execute("CREATE TABLE t (a INTEGER)")
    with pytest.raises(StoreUnusable, match="not a muckwatch database"):
        Store.open(tmp_path)


def test_a_damaged_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "muckwatch.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        Store.open(tmp_path)
    assert "\n" not in str(caught.value)


def test_an_old_duckdb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "1.4.5")
    with pytest.raises(StoreError, match=r"1\.4\.5 .*1\.5\.6"):
        Store.open(tmp_path / "store", create=True)


# --- moving and asking -------------------------------------------------------------------------------------------


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
