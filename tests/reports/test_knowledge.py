"""What workers are told of terminals is what the store's last health says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reports.knowledge import knowledge_of
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.findings import Findings, TerminalHealth


def test_sick_sensors_are_dated_and_a_wrong_clock_is_no_sensor(
    tmp_path: Path, make_head: Callable[..., RunHead]
) -> None:
    faults = {
        "datum": {"why": "fits gcj02", "since_ms": 1},
        "clock": {"why": "8 h ahead", "since_ms": 1},
        "load": {"why": "always loaded", "since_ms": 7},
    }
    sick = TerminalHealth("苏A10001", "013900000001", 1, 9, 5, 1.0, "gcj02", faults)
    with Store.open(tmp_path / "store", create=True) as store:
        store.record(RunRecord(make_head(), Findings(health=[sick]), {"苏A10001": (1, 9)}))
        known = knowledge_of(store)
    who = ("苏A10001", "013900000001")
    assert known.datums == {who: "gcj02"}
    assert known.ill_sensors == {who: frozenset({"load"})}
    assert known.ill_since_ms == {(*who, "load"): 7}
    assert not known.fleet.roads
