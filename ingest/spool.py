"""Fixes of many trucks in buckets that fit in memory, each with the whole history of its trucks.

As long as the fixes fit, they stay in memory. Else they are written to Arrow files in batches, each ordered by a hash
of the plate that never changes (the shard) and by plate, with names as codes. Once the sizes are known, shards are
joined to buckets; a bucket takes its shards' rows, and nothing else, from every batch.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.arrange import arrange
from ingest.fix import CODED_SCHEMA, FIX_SCHEMA

#: How many shards fixes are spread over: buckets can be this many times smaller than the whole.
SHARDS = 256
#: How many fixes go into one batch at least, as long as so many may be in memory, and how many batches into one file.
#: The columns of a batch must fit into the cache of a core, or ordering it takes twice as long.
_BATCH_FIXES, _FILE_BATCHES = 100_000, 16
_NAMES = ("plate", "terminal")
_CODES = [*_NAMES, *(name for name, dtype in FIX_SCHEMA.items() if isinstance(dtype, pl.Enum))]


@dataclass(frozen=True)
class Spooled:
    """Where spooled fixes are: files of batches, rows of each shard by batch, and what the codes of names stand for."""

    paths: tuple[Path, ...]
    sizes: NDArray[np.int64] = field(repr=False)
    names: dict[str, dict[int, str]] = field(repr=False)

    def rows_of(self, shards: Sequence[int]) -> pl.DataFrame:
        """The fixes of some shards, columns `CODED_SCHEMA`."""
        parts: list[pl.DataFrame] = []
        for number, path in enumerate(self.paths):
            with pa.memory_map(str(path)) as file:
                reader = pa.ipc.open_file(file)
                for at in range(reader.num_record_batches):
                    sizes = self.sizes[number * _FILE_BATCHES + at]
                    ends = np.cumsum(sizes)
                    batch = pl.DataFrame(reader.get_batch(at))
                    parts += [batch[ends[shard] - sizes[shard] : ends[shard]] for shard in shards if sizes[shard]]
        if not parts:
            return pl.DataFrame(schema=CODED_SCHEMA)
        stored = pl.concat(parts, rechunk=True)
        named = [_named(stored[column], names) for column, names in self.names.items()]
        kinds = [pl.col(name).cat.to(dtype) for name, dtype in FIX_SCHEMA.items() if isinstance(dtype, pl.Enum)]
        return stored.with_columns(*named, *kinds)


def _named(codes: pl.Series, names: dict[int, str]) -> pl.Series:
    """Codes of another process as codes of this one."""
    dtype = CODED_SCHEMA[codes.name]
    here = np.zeros(max(names) + 1, np.uint32)
    here[np.fromiter(names, np.uint32, len(names))] = pl.Series(list(names.values()), dtype=dtype).to_physical()
    return pl.Series(codes.name, here[codes.to_numpy()]).cat.to(dtype)


@dataclass(frozen=True)
class Bucket:
    """Some trucks' fixes, in memory or as shards in files; picklable, so that another process may load it."""

    fixes: int
    spooled: Spooled | None = None
    shards: tuple[int, ...] = ()
    frame: pl.DataFrame | None = field(default=None, repr=False)

    def load(self) -> tuple[pl.DataFrame, int]:
        """The fixes, arranged, columns `FIX_SCHEMA`, and how many repeats were dropped."""
        frame = self.frame
        if frame is None:
            assert self.spooled is not None
            frame = self.spooled.rows_of(self.shards)
        arranged, repeated = arrange(frame)
        return arranged.with_columns(pl.col(*_NAMES).cast(pl.String)), repeated


class Buckets:
    """All fixes in buckets; a context manager that removes its files at the end."""

    def __init__(self, buckets: list[Bucket], spool: Path | None) -> None:
        self.buckets = buckets
        self._spool = spool
        self._repeated: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.buckets)

    def __enter__(self) -> Buckets:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def fixes(self) -> int:
        """How many fixes there are, repeats included."""
        return sum(bucket.fixes for bucket in self.buckets)

    @property
    def repeated(self) -> int:
        """How many repeats the buckets loaded here had; complete once each has been loaded."""
        return sum(self._repeated.values())

    def load(self, index: int) -> pl.DataFrame:
        """The fixes of one bucket, arranged."""
        frame, self._repeated[index] = self.buckets[index].load()
        return frame

    def close(self) -> None:
        """Removes the files."""
        self.buckets = []
        if self._spool is not None:
            shutil.rmtree(self._spool, ignore_errors=True)


def gather(
    frames: Iterable[pl.DataFrame],
    *,
    memory_fixes: int = 4_000_000,
    folder: Path | Callable[[], Path],
    at_least: int = 1,
) -> Buckets:
    """Collects fixes into buckets of at most about `memory_fixes`.

    Args:
        frames: fixes, columns `FIX_SCHEMA` or `CODED_SCHEMA`, in any order.
        memory_fixes: how many fixes may be in memory at once.
        folder: where a spool folder is made if they do not fit, made if missing; or what tells it then.
        at_least: how many buckets there should be at least, say one for each worker process.

    Returns:
        The buckets, of about equal size; which truck is in which depends on the plates and sizes alone.

    Raises:
        OSError: if the spool cannot be written.
    """
    if memory_fixes < 1 or at_least < 1:
        raise ValueError("memory_fixes and at_least must be 1 or more")
    held: list[pl.DataFrame] = []
    rows = 0
    spool: _Spool | None = None
    try:
        for frame in frames:
            held.append(frame.with_columns(pl.col(name).cast(CODED_SCHEMA[name]) for name in _NAMES))
            rows += frame.height
            if spool is None and rows > memory_fixes:
                spool = _Spool(folder() if callable(folder) else folder)
            if spool is not None and rows >= min(_BATCH_FIXES, memory_fixes):
                spool.add_all(held)
                rows = 0
        if spool is None:
            return Buckets(_in_memory(held, at_least), None)
        spool.add_all(held)
        spool.close()
        count = max(at_least, -(-spool.fixes // memory_fixes))
        return Buckets(spool.buckets(count), spool.folder)
    except BaseException:
        if spool is not None:
            shutil.rmtree(spool.folder, ignore_errors=True)
        raise


class _Spool:
    """Files being written, how many fixes of each shard each batch in them holds, and the names met."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(mkdtemp(prefix="spool-", dir=folder))
        self._paths: list[Path] = []
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._sizes: list[NDArray[np.int64]] = []
        self._names: dict[str, dict[int, str]] = {name: {} for name in _NAMES}

    @property
    def fixes(self) -> int:
        return sum(int(sizes.sum()) for sizes in self._sizes)

    def add_all(self, held: list[pl.DataFrame]) -> None:
        """Writes the frames, a few at a time, and empties the list."""
        while held:
            some = [held.pop(0)]
            while held and sum(frame.height for frame in some) < _BATCH_FIXES:
                some.append(held.pop(0))
            self._write(pl.concat(some))

    def _write(self, frame: pl.DataFrame) -> None:
        for name, known in self._names.items():
            distinct = frame[name].unique()
            known.update(zip(distinct.to_physical().to_list(), distinct.cast(pl.String).to_list(), strict=True))
        by_shard, sizes = _by_shard(frame)
        table = by_shard.with_columns(pl.col(*_CODES).to_physical()).to_arrow().combine_chunks()
        if len(self._sizes) % _FILE_BATCHES == 0:
            self.close()
            self._paths.append(self.folder / f"{len(self._paths):06d}.arrow")
            self._writer = pa.ipc.new_file(str(self._paths[-1]), table.schema)
        assert self._writer is not None
        self._writer.write_batch(*table.to_batches())
        self._sizes.append(sizes)

    def close(self) -> None:
        """Finishes the file at hand."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def buckets(self, count: int) -> list[Bucket]:
        whole = np.stack(self._sizes)
        sizes = whole.sum(axis=0)
        spooled = Spooled(tuple(self._paths), whole, self._names)
        return [Bucket(int(sizes[list(shards)].sum()), spooled, shards) for shards in _share_out(sizes, count)]


def _in_memory(held: list[pl.DataFrame], count: int) -> list[Bucket]:
    """Buckets in memory."""
    if not any(frame.height for frame in held):
        return []
    frame = pl.concat(held)
    held.clear()
    if count == 1:
        return [Bucket(frame.height, frame=frame)]
    by_shard, sizes = _by_shard(frame)
    starts = np.cumsum(sizes) - sizes
    parts = [
        pl.concat([by_shard.slice(int(starts[shard]), int(sizes[shard])) for shard in shards])
        for shards in _share_out(sizes, count)
    ]
    return [Bucket(part.height, frame=part) for part in parts]


def _by_shard(frame: pl.DataFrame) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """The fixes ordered by shard and plate, else as they were, and how many each shard has."""
    distinct = frame["plate"].unique()
    codes, shards = distinct.to_physical().to_numpy(), shard_of(distinct)
    rank = np.zeros(int(codes.max(initial=0)) + 1, np.uint16 if len(codes) <= 1 << 16 else np.uint32)
    by_shard = np.lexsort((codes, shards))
    rank[codes[by_shard]] = np.arange(len(codes))
    ranks = rank[frame["plate"].to_physical().to_numpy()]
    sizes = np.bincount(shards[by_shard][ranks], minlength=SHARDS).astype(np.int64)
    return frame.rechunk()[np.argsort(ranks, kind="stable")], sizes


def _share_out(sizes: NDArray[np.int64], count: int) -> list[tuple[int, ...]]:
    """Shares shards out to `count` buckets of about equal size, the largest first; leaves out empty buckets."""
    totals = [0] * count
    shares: list[list[int]] = [[] for _ in range(count)]
    for shard in np.argsort(-sizes, kind="stable").tolist():
        if sizes[shard] == 0:
            break
        least = totals.index(min(totals))
        totals[least] += int(sizes[shard])
        shares[least].append(shard)
    return [tuple(sorted(share)) for share in shares if share]


def shard_of(plates: pl.Series) -> NDArray[np.uint16]:
    """The shard of each plate: CRC-32 of its UTF-8 bytes, so it is the same in every process and version."""
    return np.array([zlib.crc32(plate.encode()) % SHARDS for plate in plates.cast(pl.String)], np.uint16)
