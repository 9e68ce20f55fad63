"""Fixes of many trucks in buckets that fit in memory, each with the whole history of its trucks.

As long as the fixes fit, they stay in memory. Else they are written to Arrow files, in each file ordered by a hash of
the plate that never changes (the shard), one record batch a shard. Once the sizes are known, shards are joined to
buckets; a bucket reads its record batches, and nothing else, from every file.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from ingest.arrange import arrange
from ingest.fix import FIX_SCHEMA

#: How many shards fixes are spread over: buckets can be this many times smaller than the whole.
SHARDS = 256
#: How many fixes go into one file at most, unless a single frame has more.
_FILE_FIXES = 1_000_000


@dataclass(frozen=True)
class Bucket:
    """Some trucks' fixes, in memory or as shards in files; picklable, so that another process may load it."""

    fixes: int
    paths: tuple[Path, ...] = ()
    shards: tuple[int, ...] = ()
    frame: pl.DataFrame | None = field(default=None, repr=False)

    def load(self) -> tuple[pl.DataFrame, int]:
        """The fixes, arranged, and how many repeats were dropped."""
        if self.frame is not None:
            return arrange(self.frame)
        batches: list[pa.RecordBatch] = []
        for path in self.paths:
            with pa.memory_map(str(path)) as file:
                reader = pa.ipc.open_file(file)
                batches += [batch for batch in map(reader.get_batch, self.shards) if batch.num_rows]
        if not batches:
            return pl.DataFrame(schema=FIX_SCHEMA), 0
        stored = pl.DataFrame(pa.Table.from_batches(batches))
        codes = {name: dtype for name, dtype in FIX_SCHEMA.items() if isinstance(dtype, pl.Enum)}
        return arrange(stored.with_columns(pl.col(name).cat.to(dtype) for name, dtype in codes.items()))


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
    frames: Iterable[pl.DataFrame], *, memory_fixes: int = 4_000_000, folder: Path, at_least: int = 1
) -> Buckets:
    """Collects fixes into buckets of at most about `memory_fixes`.

    Args:
        frames: fixes, columns `FIX_SCHEMA`, in any order.
        memory_fixes: how many fixes may be in memory at once.
        folder: where a spool folder is made if they do not fit; made if missing.
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
            held.append(frame)
            rows += frame.height
            if spool is None and rows > memory_fixes:
                spool = _Spool(folder)
            if spool is not None and rows >= min(_FILE_FIXES, memory_fixes):
                spool.add_all(held)
                rows = 0
        if spool is None:
            return Buckets(_in_memory(held, at_least), None)
        spool.add_all(held)
        count = max(at_least, -(-spool.fixes // memory_fixes))
        return Buckets(spool.buckets(count), spool.folder)
    except BaseException:
        if spool is not None:
            shutil.rmtree(spool.folder, ignore_errors=True)
        raise


class _Spool:
    """Files being written, and how many fixes of each shard they hold."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = Path(mkdtemp(prefix="spool-", dir=folder))
        self._paths: list[Path] = []
        self._sizes = np.zeros(SHARDS, np.int64)

    @property
    def fixes(self) -> int:
        return int(self._sizes.sum())

    def add_all(self, held: list[pl.DataFrame]) -> None:
        """Writes the frames, a few at a time, and empties the list."""
        while held:
            some = [held.pop(0)]
            while held and sum(frame.height for frame in some) + held[0].height <= _FILE_FIXES:
                some.append(held.pop(0))
            self._write(pl.concat(some))

    def _write(self, frame: pl.DataFrame) -> None:
        by_shard, sizes = _by_shard(frame)
        table = by_shard.with_columns(pl.col(pl.Enum).to_physical()).to_arrow()  # enumerations as their codes
        path = self.folder / f"{len(self._paths):06d}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            start = 0
            for size in sizes.tolist():
                batches = table.slice(start, size).combine_chunks().to_batches()
                writer.write_batch(batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema))
                start += size
        self._paths.append(path)
        self._sizes += sizes

    def buckets(self, count: int) -> list[Bucket]:
        paths = tuple(self._paths)
        return [
            Bucket(int(self._sizes[list(shards)].sum()), paths, shards) for shards in _share_out(self._sizes, count)
        ]


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
    """The fixes ordered by shard, else as they were, and how many each shard has."""
    shards = shard_of(frame["plate"])
    sizes = np.bincount(shards, minlength=SHARDS).astype(np.int64)
    return frame.rechunk()[np.argsort(shards, kind="stable")], sizes


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
    distinct = plates.unique()
    shards = np.array([zlib.crc32(plate.encode()) % SHARDS for plate in distinct], np.uint16)
    codes = plates.cast(pl.Enum(distinct)).to_physical().to_numpy()
    spread: NDArray[np.uint16] = shards[codes]
    return spread
