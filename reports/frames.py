"""Findings and other records as typed frames, the form in which the store takes them in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from reports.archive import ArchiveFile
from reports.errors import StoreError
from rules.findings import Findings, Stop, TerminalHealth, Trip, Violation
from rules.registry import Registry

_S, _I, _F = pl.String(), pl.Int64(), pl.Float64()

#: The frames that a recording lends to DuckDB as `new_<name>`, with the columns of the table that takes them.
SCHEMAS: dict[str, dict[str, pl.DataType]] = {
    "violations": {
        "violation_id": _S,
        "rule": _S,
        "plate": _S,
        "company_id": _S,
        "permit_no": _S,
        "trip_id": _S,
        "start_ms": _I,
        "end_ms": _I,
        "lon": _F,
        "lat": _F,
        "district_id": _S,
        "site_id": _S,
        "confidence": _F,
        "points": _I,
        "scored_under": _S,
        "rule_version": _S,
        "evidence": _S,
        "facts": _S,
    },
    "trips": {
        "trip_id": _S,
        "plate": _S,
        "permit_no": _S,
        "origin_site": _S,
        "disposal_site": _S,
        "loaded_ms": _I,
        "left_ms": _I,
        "dumped_ms": _I,
        "distance_m": _I,
        "dump_lon": _F,
        "dump_lat": _F,
    },
    "stops": {"plate": _S, "start_ms": _I, "end_ms": _I, "lon": _F, "lat": _F, "site_id": _S, "kind": _S},
    "health": {
        "plate": _S,
        "terminal": _S,
        "first_ms": _I,
        "last_ms": _I,
        "fixes": _I,
        "completeness": _F,
        "datum_found": _S,
        "faults": _S,
    },
    "tagged": {"plate": _S, "terminal": _S, "tag": _S, "fixes": _I, "first_ms": _I, "last_ms": _I},
    "spans": {"plate": _S, "first_ms": _I, "last_ms": _I},
}

#: What makes a row the same thing.
KEYS: dict[str, list[str]] = {
    "violations": ["violation_id"],
    "trips": ["trip_id"],
    "stops": ["plate", "start_ms"],
    "health": ["plate", "terminal", "first_ms"],
    "tagged": ["plate", "terminal", "tag", "first_ms"],
}

_REJECTED = {"input_digest": _S, "reason": _S, "count": _I, "first_ms": _I, "last_ms": _I, "example": _S}
_ARCHIVE = {
    "path": _S,
    "day": pl.Date(),
    "rows": _I,
    "sha256": _S,
    "first_ms": _I,
    "last_ms": _I,
    "plates": pl.List(pl.String()),
}
_SUBJECTS = {"subject": _S, "subject_id": _S, "name": _S, "company_id": _S}
_GRADES = {"subject": _S, "grade": _S, "from_points": _I}


def of_findings(findings: Findings) -> dict[str, pl.DataFrame]:
    """Violations, trips, stops, health and tags as frames in the columns of `SCHEMAS`.

    Raises:
        StoreError: if evidence or faults hold what JSON cannot say.
    """
    rows: dict[str, Iterable[tuple[Any, ...]]] = {
        "violations": map(_violation, findings.violations),
        "trips": map(_trip, findings.trips),
        "stops": map(_stop, findings.stops),
        "health": map(_health, findings.health),
        "tagged": (row for h in findings.health for row in _tagged(h)),
    }
    return {name: _frame(found, SCHEMAS[name]) for name, found in rows.items()}


def of_spans(spans: Mapping[str, tuple[int, int]]) -> pl.DataFrame:
    """Each truck's first and last fix."""
    return _frame(((plate, *span) for plate, span in spans.items()), SCHEMAS["spans"])


def of_rejected(input_digest: str, rejected: Mapping[str, Mapping[str, Any]]) -> pl.DataFrame:
    """Reasons for setting fixes aside, with counts, the times said and one example each."""
    rows = [
        (input_digest, reason, r["count"], r.get("first_ms"), r.get("last_ms"), _text(r.get("example")))
        for reason, r in sorted(rejected.items())
    ]
    return _frame(rows, _REJECTED)


def of_archive(files: Sequence[ArchiveFile]) -> pl.DataFrame:
    """The manifest."""
    return _frame(((f.path, f.day, f.rows, f.sha256, f.first_ms, f.last_ms, list(f.plates)) for f in files), _ARCHIVE)


def of_subjects(registry: Registry) -> pl.DataFrame:
    """Everyone who has a score, also a clean one: the registry's vehicles and companies."""
    vehicles = [("vehicle", v.plate, v.plate, v.company_id) for v in registry.vehicles]
    companies = [("company", c.company_id, c.name, c.company_id) for c in registry.companies]
    return _frame([*vehicles, *companies], _SUBJECTS)


def of_grades(grades: Mapping[str, Mapping[str, int]]) -> pl.DataFrame:
    """The lower end of each grade."""
    return _frame(((subject, g, low) for subject, of in grades.items() for g, low in of.items()), _GRADES)


def hashes_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _frame(rows: Iterable[tuple[Any, ...]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _violation(v: Violation) -> tuple[Any, ...]:
    # As DuckDB gives them back, so that the digest can be taken again from the row.
    where = (float(v.lon), float(v.lat), v.district_id, v.site_id, float(v.confidence))
    head = (v.rule, v.plate, v.company_id, v.permit_no, v.trip_id, v.start_ms, v.end_ms)
    rest = (*where, v.points, v.scored_under, str(v.evidence.get("rule_version", "")))
    evidence = json_text(v.evidence, f"violation {v.violation_id} ({v.rule})")
    facts = hashlib.sha256(json_text([*head, *rest, evidence], v.violation_id).encode()).hexdigest()
    return (v.violation_id, *head, *rest, evidence, facts)


def _trip(t: Trip) -> tuple[Any, ...]:
    where = (t.plate, t.permit_no, t.origin_site, t.disposal_site)
    return (t.trip_id, *where, t.loaded_ms, t.left_ms, t.dumped_ms, t.distance_m, t.dump_lon, t.dump_lat)


def _stop(s: Stop) -> tuple[Any, ...]:
    return (s.plate, s.start_ms, s.end_ms, s.lon, s.lat, s.site_id, s.kind)


def _health(h: TerminalHealth) -> tuple[Any, ...]:
    faults = json_text(h.faults, f"terminal {h.terminal} of {h.plate}")
    return (h.plate, h.terminal, h.first_ms, h.last_ms, h.fixes, h.completeness, h.datum_found, faults)


def _tagged(h: TerminalHealth) -> Iterator[tuple[Any, ...]]:
    return ((h.plate, h.terminal, tag, t["fixes"], t["first_ms"], t["last_ms"]) for tag, t in sorted(h.tags.items()))


def json_text(value: Any, whose: str) -> str:
    """JSON text that is the same for the same value, whatever the order of its keys.

    Raises:
        StoreError: naming `whose` it is, if JSON cannot say it.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError) as error:
        raise StoreError(f"{whose}: its evidence cannot be kept as JSON: {error}") from error


def _plain(value: Any) -> Any:
    """A numpy number as a Python one."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"), default=_plain)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value, "rejected fix")
