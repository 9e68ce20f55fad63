"""What a worker says: findings, counts and late fixes as JSON objects, one a record of the topic `findings`.

`kind` is one of `violation`, `withdrawn`, `trip`, `stop`, `late`, `tally`. Ids are stable, so taking them in twice
changes nothing. A violation with `"open": true` is an early word: its rule's threshold is passed, its end is not known;
the same id comes again without it once the stretch has closed, or is withdrawn if what followed explains it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from rules.findings import Findings, Stop, Trip, Violation

_ENCODER = msgspec.json.Encoder(order="deterministic", enc_hook=lambda value: value.item())


def violation(v: Violation, *, still_open: bool = False) -> bytes:
    """A violation, or the early word of one."""
    return _said("violation", id=v.violation_id, open=still_open, **_fields(v))


def withdrawn(violation_id: str, plate: str) -> bytes:
    """An early word that did not come true."""
    return _said("withdrawn", id=violation_id, plate=plate)


def trip(t: Trip) -> bytes:
    """A trip."""
    return _said("trip", **_fields(t))


def stop(s: Stop) -> bytes:
    """A stop."""
    return _said("stop", site_kind=s.kind, **{name: value for name, value in _fields(s).items() if name != "kind"})


def late(plate: str, first_ms: int, last_ms: int, fixes: int) -> bytes:
    """Fixes of a truck that came after their time had been judged: only a re-judgement can take them in."""
    return _said("late", plate=plate, first_ms=first_ms, last_ms=last_ms, fixes=fixes)


def tally(partition: int, figures: dict[str, Any]) -> bytes:
    """What became of everything received in a partition so far; the last word replaces the ones before."""
    return _said("tally", partition=partition, **figures)


def of_findings(found: Findings) -> Iterable[tuple[str, bytes]]:
    """Every finding with its truck."""
    for v in found.violations:
        yield v.plate, violation(v)
    for t in found.trips:
        yield t.plate, trip(t)
    for s in found.stops:
        yield s.plate, stop(s)


def _fields(record: Violation | Trip | Stop) -> dict[str, Any]:
    return msgspec.structs.asdict(record)  # a plain copy: nothing is changed, and the encoder reads what is within


def _said(what: str, **fields: Any) -> bytes:
    return _ENCODER.encode({"kind": what, **fields})
