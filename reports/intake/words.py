"""Reads what workers say (the topic `findings`) into findings, withdrawals, late spans and accounts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ingest.kafka.client import StreamBroken
from rules.findings import Findings, Stop, Trip, Violation

_DECODER = msgspec.json.Decoder()
_KINDS = {"violation": Violation, "trip": Trip, "stop": Stop}
_FIELDS = {kind: set(made.__struct_fields__) for kind, made in _KINDS.items()}


@dataclass
class Words:
    """Some records in order: of one id the last word counts. `early` are the ids of violations that are still open."""

    violations: dict[str, Violation] = field(default_factory=dict)
    early: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    trips: dict[str, Trip] = field(default_factory=dict)
    stops: dict[tuple[str, int], Stop] = field(default_factory=dict)
    late: list[tuple[str, int, int, int]] = field(default_factory=list)
    tallies: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def findings(self) -> Findings:
        """What was found, each thing once."""
        return Findings(list(self.violations.values()), list(self.trips.values()), list(self.stops.values()))


def read_words(values: Iterable[tuple[int, int, bytes | None]]) -> Words:
    """Reads records.

    Args:
        values: partition, offset and value of each, in the order of each partition; one message a line.

    Raises:
        StreamBroken: for a record that no worker wrote; it names the place.
    """
    words = Words()
    for partition, offset, value in values:
        try:
            for said in _DECODER.decode_lines(value or b"null"):
                _take(words, said)
        except (msgspec.DecodeError, KeyError, TypeError, AttributeError, UnicodeError) as error:
            raise StreamBroken(
                f"findings, partition {partition}, offset {offset}: is no worker's word ({error}); another program "
                "writes to this topic"
            ) from error
    return words


def _take(words: Words, said: dict[str, Any]) -> None:
    kind = said["kind"]
    if kind == "violation":
        found = Violation(**_of(said, kind))
        words.violations[found.violation_id] = found
        words.withdrawn.discard(found.violation_id)
        (words.early.add if said["open"] else words.early.discard)(found.violation_id)
    elif kind == "withdrawn":
        words.withdrawn.add(said["id"])
        if said["id"] in words.early:
            words.early.discard(said["id"])
            words.violations.pop(said["id"], None)
    elif kind == "trip":
        trip = Trip(**_of(said, kind))
        words.trips[trip.trip_id] = trip
    elif kind == "stop":
        stop = Stop(**{**_of(said, kind), "kind": said["site_kind"]})
        words.stops[stop.plate, stop.start_ms] = stop
    elif kind == "late":
        words.late.append((said["plate"], said["first_ms"], said["last_ms"], said["fixes"]))
    elif kind == "tally":
        words.tallies[said["partition"]] = said
    else:
        raise KeyError(f"kind {kind!r}")


def _of(said: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name in _FIELDS[kind]}
