"""Writes small files of fixes in every format, and reads them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa

from ingest.files import read_fixes
from ingest.fix import FIX_SCHEMA
from ingest.tally import Tally

#: 2026-11-16T22:00:00+08:00, a little before what these tests take for now.
FIX_MS = 1_794_837_600_000
NOW_MS = FIX_MS + 3_600_000
GOOD = {"plate": "苏A12345", "time": "2026-11-16T22:00:00+08:00", "lon": 118.78, "lat": 32.04}
FORMATS = ("csv", "csv.gz", "jsonl", "jsonl.gz", "jsonl.zst", "ndjson", "parquet")


def packed(data: bytes, ending: str) -> bytes:
    if ending == "gz":
        return gzip.compress(data)
    if ending == "zst":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, "zstd") as stream:
            stream.write(data)
        return sink.getvalue().to_pybytes()
    return data


def text_of(value: object) -> str:
    if value is None:
        return ""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


class Tracks:
    """A folder for tracks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, rows: list[dict[str, object]], kind: str, name: str = "fixes") -> Path:
        """Writes rows (whose values may be of any type) as `csv`, `jsonl.gz`, `parquet`, ..."""
        path = self.folder / f"{name}.{kind}"
        names = list(dict.fromkeys(key for row in rows for key in row))
        first, _, packing = kind.partition(".")
        if first == "parquet":
            typed = {}
            for key in names:
                values = [row.get(key) for row in rows]
                kinds = {type(value) for value in values if value is not None}
                typed[key] = values if len(kinds) < 2 else [None if v is None else text_of(v) for v in values]
            pl.DataFrame(typed, strict=False).write_parquet(path)
            return path
        out = io.StringIO()
        if first == "csv":
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(names)
            writer.writerows([text_of(row.get(key)) for key in names] for row in rows)
        else:
            out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_bytes(packed(out.getvalue().encode(), packing))
        return path

    def raw(self, data: bytes, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


def read(*paths: Path | str, batch_rows: int = 500_000) -> tuple[pl.DataFrame, Tally]:
    """All fixes of some files and what became of every row; the balance must close."""
    tally = Tally()
    frames = list(read_fixes(paths, now_ms=NOW_MS, tally=tally, batch_rows=batch_rows))
    tally.check()
    for frame in frames:
        assert dict(frame.schema) == FIX_SCHEMA
        assert frame.height
    return (pl.concat(frames) if frames else pl.DataFrame(schema=FIX_SCHEMA)), tally
