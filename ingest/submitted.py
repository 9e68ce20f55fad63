"""Fixes that a program hands over in one piece of JSON: which rows can be used, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from ingest.kafka.pieces import MAX_VALUE_BYTES
from ingest.kafka.records import decode

BODY_MAX_BYTES = MAX_VALUE_BYTES
ROWS_MAX = 20_000
#: Fixes of one plate in one record.
FIXES_A_RECORD = 100


class Unreadable(ValueError):
    """A body that is no JSON of the expected shape; one line that says what is."""


@dataclass(frozen=True)
class Row:
    """A row that cannot be used: its number, from 1, and a key of `ingest.tally.REASONS`."""

    number: int
    reason: str


@dataclass(frozen=True)
class Submitted:
    """Rows as they were handed over.

    Attributes:
        received: how many rows there are; blank lines are none.
        fixes: plate and text of each that can be used, in order.
        set_aside: the others.
    """

    received: int
    fixes: tuple[tuple[str, bytes], ...]
    set_aside: tuple[Row, ...]

    def records(self) -> Iterator[tuple[str, bytes]]:
        """Plates and values for Kafka: each plate's fixes in order, up to a hundred a record, one a line."""
        held: dict[str, list[bytes]] = {}
        for plate, line in self.fixes:
            waiting = held.setdefault(plate, [])
            waiting.append(line)
            if len(waiting) == FIXES_A_RECORD:
                yield plate, b"\n".join(held.pop(plate))
        for plate, waiting in held.items():
            yield plate, b"\n".join(waiting)


@dataclass(frozen=True)
class _Value:
    value: bytes
    offset: int = 0


def read_submitted(body: bytes, *, by_lines: bool, now_ms: int) -> Submitted:
    """Reads a body.

    Args:
        body: at most `BODY_MAX_BYTES`.
        by_lines: one object a line (NDJSON); otherwise one object, or an array of them.
        now_ms: the present, epoch ms; fixes too far ahead of it are set aside.

    Raises:
        Unreadable: if it is not JSON, empty, or has more than `ROWS_MAX` rows.
    """
    lines = body.split(b"\n") if by_lines else _elements(body)
    numbers = [number for number, line in enumerate(lines, start=1) if line.strip()]
    rows = [lines[number - 1].strip() for number in numbers]
    if not rows:
        raise Unreadable("no rows")
    if len(rows) > ROWS_MAX:
        raise Unreadable(f"{len(rows)} rows; at most {ROWS_MAX} at once")
    found = decode({0: [_Value(b"\n".join(rows))]}, 1, now_ms=now_ms)
    reasons = {aside.line: aside.reason for aside in found.aside}
    usable = [line for line in range(len(rows)) if line not in reasons]
    fixes = zip(found.fixes["plate"].to_list(), (rows[line] for line in usable), strict=True)
    aside = tuple(Row(numbers[line], reasons[line]) for line in sorted(reasons))
    return Submitted(len(rows), tuple(fixes), aside)


def _elements(body: bytes) -> list[bytes]:
    """The elements of an array, or the one object, each in a line of its own."""
    try:
        packed = msgspec.json.format(body, indent=-1)
        if packed[:1] == b"[":
            return [bytes(element) for element in msgspec.json.decode(packed, type=list[msgspec.Raw])]
        msgspec.json.decode(packed, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    return [packed]
