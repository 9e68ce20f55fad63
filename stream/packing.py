"""The state of trucks as bytes and back, typed and checked; what another version wrote is refused, not guessed."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Mapping, Sequence
from typing import get_type_hints

import msgspec
import polars as pl
import pyarrow as pa

from ingest.fix import FIX_SCHEMA
from ingest.kafka.client import StreamBroken
from rules.clones import Sighting
from rules.hauls import Loading
from rules.load_word import Flip, LoadWord
from rules.stretches import Rows, Stretch
from rules.truck import Truck
from rules.voice import Voice

PACKING = 6
_PARTS = (Truck, Stretch, LoadWord, Flip, Loading, Sighting, Voice)


def _shape() -> str:
    """Names every field of what is packed and its type; it changes when a version packs something else."""
    told = [(part.__name__, sorted((n, str(t)) for n, t in get_type_hints(part).items())) for part in _PARTS]
    return hashlib.sha256(repr((PACKING, told, sorted(FIX_SCHEMA))).encode()).hexdigest()[:16]


#: Of this program; a state of another shape cannot be read.
SHAPE = _shape()


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Some trucks as they are kept: each packed, what is asked of all, and their fixes; as they are before `offset`.

    `fresh` counts the fixes of a truck that have come since it was judged.
    """

    offset: int
    trucks: Mapping[str, bytes]
    laden: Sequence[str]
    voices: Mapping[str, Voice]
    judged_ms: Mapping[str, int]
    fresh: Mapping[str, int]
    pending: pl.DataFrame
    context: pl.DataFrame


class _Packed(msgspec.Struct):
    shape: str
    offset: int
    trucks: dict[str, bytes]
    laden: list[str]
    voices: dict[str, Voice]
    judged_ms: dict[str, int]
    fresh: dict[str, int]
    pending: bytes
    context: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Packed)
_TRUCK = msgspec.msgpack.Decoder(Truck)
_CODEC = pa.Codec("zstd", compression_level=1)


def pack_truck(truck: Truck) -> bytes:
    """A truck as bytes; not compressed, for many go together into a bucket."""
    return _ENCODER.encode(truck)


def unpack_truck(data: bytes, plate: str) -> Truck:
    """The truck again.

    Raises:
        StreamBroken: if another version packed it, or the bytes are damaged.
    """
    try:
        return _with_tuples(_TRUCK.decode(data))
    except msgspec.MsgspecError as error:
        raise StreamBroken(_other(f"truck {plate}", str(error))) from error


def pack(bucket: Bucket) -> bytes:
    """Some trucks as a record."""
    packed = _Packed(
        SHAPE,
        bucket.offset,
        dict(bucket.trucks),
        list(bucket.laden),
        dict(bucket.voices),
        dict(bucket.judged_ms),
        dict(bucket.fresh),
        _frame_bytes(bucket.pending),
        _frame_bytes(bucket.context),
    )
    whole = _ENCODER.encode(packed)
    return len(whole).to_bytes(8, "big") + bytes(_CODEC.compress(whole, asbytes=True))


def unpack(data: bytes, where: str) -> Bucket:
    """The trucks again.

    Raises:
        StreamBroken: if the bytes are damaged, or another version packed them; names `where` they were.
    """
    try:
        whole = _CODEC.decompress(data[8:], int.from_bytes(data[:8], "big"), asbytes=True)
        packed = _DECODER.decode(whole)
        if packed.shape != SHAPE:
            raise StreamBroken(_other(where, packed.shape))
        return Bucket(
            packed.offset,
            packed.trucks,
            packed.laden,
            packed.voices,
            packed.judged_ms,
            packed.fresh,
            _frame(packed.pending),
            _frame(packed.context),
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
    return msgspec.structs.replace(truck, rows=rows)


def _frame(data: bytes) -> pl.DataFrame:
    return pl.read_ipc(io.BytesIO(data)) if data else pl.DataFrame(schema=FIX_SCHEMA)


def _frame_bytes(frame: pl.DataFrame) -> bytes:
    if not frame.height:
        return b""
    out = io.BytesIO()
    frame.write_ipc(out)
    return out.getvalue()
