"""What the invented towns of the tests share: shapes and feature collections as files hold them, and tracks as read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from ingest.fix import FIX_SCHEMA


def square(lon: float, lat: float, half_deg: float = 0.001) -> dict[str, Any]:
    west, east, south, north = lon - half_deg, lon + half_deg, lat - half_deg, lat + half_deg
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def collection(*features: tuple[dict[str, Any], dict[str, Any]]) -> str:
    """Pairs of a shape and its properties as the text of a GeoJSON file."""
    listed = [{"type": "Feature", "geometry": shape, "properties": told} for shape, told in features]
    return json.dumps({"type": "FeatureCollection", "features": listed}, ensure_ascii=False)


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Makes the folder with these files in it."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def as_fixes(rows: pl.DataFrame, **told: object) -> pl.DataFrame:
    """The rows with all columns of a fix: what is told of every row, the rest empty."""
    typed = rows.with_columns(pl.lit(value).alias(name) for name, value in told.items())
    missing = [pl.lit(None).alias(name) for name in FIX_SCHEMA if name not in typed.columns]
    return typed.with_columns(missing).select(list(FIX_SCHEMA)).cast(pl.Schema(FIX_SCHEMA))
