"""A tiny clean week: few trucks, exact positions every five seconds, every sensor there and well."""

from __future__ import annotations

from pathlib import Path

import pytest

from sample_tracks.fleet import Knobs
from sample_tracks.generate import generate

CLEAN = Knobs(trucks=5, interval_s=5.0, ill_share=0.0, datum_liars=0, other_datums=0, outfit="full", noise="clean")
WEEK = ["2026-W47"]


@pytest.fixture(scope="session")
def clean_week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean_week")
    generate(folder, WEEK, seed=5, city_seed=12, knobs=CLEAN, spoil=False)
    return folder
