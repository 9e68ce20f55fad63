"""Fixes that lie in the city only with longitude and latitude exchanged, where both are possible places."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from fleet import Drive, town

from ingest.datum import from_wgs84
from ingest.second_look import LEAST_FIXES, Otherwise
from rules.extent import MARGIN_DEG, extent_of, turned
from rules.registry import Registry

#: A city in the west, where a longitude may be a latitude too.
WEST = (79.5, 39.5, 80.5, 40.5)


def in_the_west(steps: int = 60) -> pl.DataFrame:
    fixes = Drive().go(steps * 100, 0).fixes()
    return fixes.with_columns(lon=pl.col("lon") - 38.8, lat=pl.col("lat") + 8.0)


def exchanged(fixes: pl.DataFrame, rows: slice) -> pl.DataFrame:
    which = np.zeros(fixes.height, bool)
    which[rows] = True
    mask = pl.Series(which)
    return fixes.with_columns(
        lon=pl.when(mask).then("lat").otherwise("lon"), lat=pl.when(mask).then("lon").otherwise("lat")
    )


@pytest.mark.parametrize("rows", [slice(0, None), slice(10, 40)])
def test_a_terminal_that_exchanges_its_axes_for_a_while_is_read_right(rows: slice) -> None:
    fixes = in_the_west()
    right, whose = turned(exchanged(fixes, rows), WEST)
    assert right.equals(fixes)
    time_ms = fixes["time_ms"][rows]
    assert whose == [Otherwise("苏A00001", "t1", "axes", len(time_ms), time_ms[0], time_ms[-1])]


def test_a_datum_is_converted_the_right_way_round() -> None:
    fixes = in_the_west()
    lon, lat = from_wgs84(fixes["lon"].to_numpy(), fixes["lat"].to_numpy(), "gcj02")
    told = fixes.with_columns(lon=pl.Series(lat), lat=pl.Series(lon), datum=pl.lit("gcj02").cast(fixes["datum"].dtype))
    right, _ = turned(told, WEST)  # the place it told lies outside China, where the datums are one
    for name in ("lon", "lat"):
        assert np.abs(right[name].to_numpy() - fixes[name].to_numpy()).max() < 1e-7


def test_slips_and_far_drives_stay_as_they_were_told() -> None:
    fixes = in_the_west()
    slips = exchanged(fixes, slice(0, LEAST_FIXES - 1))
    for told in (slips, fixes.with_columns(lon=pl.col("lon") + 9.0), fixes):
        same, whose = turned(told, WEST)
        assert same.equals(told) and not whose
    assert turned(slips, None)[1] == []


def test_the_extent_is_around_all_that_the_registry_knows() -> None:
    west, south, east, north = extent_of(town()) or (0.0, 0.0, 0.0, 0.0)
    bounds = town().districts[0].polygon.bounds
    assert west == pytest.approx(bounds[0] - MARGIN_DEG) and north == pytest.approx(bounds[3] + MARGIN_DEG)
    assert south < bounds[1] and east > bounds[2]
    assert extent_of(Registry(policy=town().policy)) is None
