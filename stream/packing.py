"""The state of trucks as bytes and back, typed and checked; what another version wrote is refused, not guessed."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Any, get_type_hints

import msgspec
import polars as pl
import pyarrow as pa

from ingest.fix import FIX_SCHEMA
from ingest.kafka.client import StreamBroken
from rules.clones import Sighting
from rules.engine import State
from rules.hauls import Loading
from rules.load_word import Flip, LoadWord
from rules.stretches import Rows, Stretch
from rules.truck import Truck
from rules.voice import Voice

PACKING = 2
_PARTS = (Truck, Stretch, LoadWord, Flip, Loading, Sighting, Voice)


def _shape() -> str:
    """Names every field of what is packed and its type; it changes when a version packs something else."""
    told = [(part.__name__, sorted((n, str(t)) for n, t in get_type_hints(part).items())) for part in _PARTS]
    return hashlib.sha256(repr((PACKING, told, sorted(FIX_SCHEMA))).encode()).hexdigest()[:16]


#: Of this program; a state of another shape cannot be read.
SHAPE = _shape()


class _Packed(msgspec.Struct):
    shape: str
    trucks: list[Truck]
    voices: dict[str, Voice]
    judged_ms: dict[str, int]
    pending: bytes
    context: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Packed)
_HEAD = msgspec.msgpack.Decoder(dict[str, Any])
_CODEC = pa.Codec("zstd", compression_level=1)


def pack(state: State) -> bytes:
    """A state, small enough for a record when it is that of a bucket of trucks."""
    packed = _Packed(
        SHAPE,
        list(state.trucks.values()),
        dict(state.voices),
        dict(state.judged_ms),
        _frame_bytes(state.pending),
        _frame_bytes(state.context),
    )
    whole = _ENCODER.encode(packed)
    return len(whole).to_bytes(8, "big") + bytes(_CODEC.compress(whole, asbytes=True))


def unpack(data: bytes, where: str) -> State:
    """The state again.

    Raises:
        StreamBroken: if the bytes are damaged, or another version packed them; names `where` they were.
    """
    try:
        whole = _CODEC.decompress(data[8:], int.from_bytes(data[:8], "big"), asbytes=True)
        packed = _DECODER.decode(whole)
        if packed.shape != SHAPE:
            raise StreamBroken(_other(where, packed.shape))
        return State(
            {truck.plate: _with_tuples(truck) for truck in packed.trucks},
            packed.voices,
            packed.judged_ms,
            pl.read_ipc(io.BytesIO(packed.pending)),
            pl.read_ipc(io.BytesIO(packed.context)),
        )
    except msgspec.ValidationError as error:
        raise StreamBroken(_other(where, str(error))) from error
    except (OSError, ValueError, OverflowError, pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise StreamBroken(f"{where}: the state cannot be read: {str(error).splitlines()[0]}") from error


def _other(where: str, what: str) -> str:
    return f"{where}: the state is of another version ({what[:80]}); start the worker with --rejudge-hours"


def _with_tuples(truck: Truck) -> Truck:
    """Keys of several members come back as lists; they are tuples."""
    rows: Rows = {
        name: [row._replace(key=tuple(row.key)) if type(row.key) is list else row for row in held]
        for name, held in truck.rows.items()
    }
    return dataclasses.replace(truck, rows=rows)


def _frame_bytes(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_ipc(out)
    return out.getvalue()


def part_of(state: State, plates: Iterable[str]) -> State:
    """The state of some trucks alone."""
    wanted = set(plates)
    return State(
        _some(state.trucks, wanted),
        _some(state.voices, wanted),
        _some(state.judged_ms, wanted),
        _rows(state.pending, wanted),
        _rows(state.context, wanted),
    )


def without(state: State, plates: Iterable[str]) -> State:
    """The state of all other trucks."""
    gone = set(plates)

    def left(held: Mapping[str, Any]) -> dict[str, Any]:
        return {plate: value for plate, value in held.items() if plate not in gone}

    def rows(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(~frame["plate"].is_in(list(gone))) if frame.height and gone else frame

    voices, judged = left(state.voices), left(state.judged_ms)
    return State(left(state.trucks), voices, judged, rows(state.pending), rows(state.context))


def together(states: Iterable[State]) -> State:
    """States of different trucks as one."""
    every = list(states)
    if len(every) == 1:
        return every[0]
    empty = State()
    return State(
        {p: t for s in every for p, t in s.trucks.items()},
        {p: v for s in every for p, v in s.voices.items()},
        {p: ms for s in every for p, ms in s.judged_ms.items()},
        pl.concat([empty.pending, *(s.pending for s in every if s.pending.height)]),
        pl.concat([empty.context, *(s.context for s in every if s.context.height)]),
    )


def plates_of(state: State) -> set[str]:
    """Every truck that a state knows something of."""
    known = {*state.trucks, *state.voices, *state.judged_ms}
    return known.union(state.pending["plate"].unique().to_list(), state.context["plate"].unique().to_list())


def _some(held: Mapping[str, Any], wanted: set[str]) -> dict[str, Any]:
    if len(wanted) * 4 > len(held):
        return {plate: value for plate, value in held.items() if plate in wanted}
    return {plate: held[plate] for plate in wanted if plate in held}


def _rows(frame: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
    return frame.filter(frame["plate"].is_in(list(wanted))) if frame.height else frame
