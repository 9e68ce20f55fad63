"""A registry, tracks and a finished store for the tests of the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_town import drive, muckwatch, write_csv, write_registry


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry folder without a fault; not to be written to."""
    return write_registry(tmp_path_factory.mktemp("town") / "registry")


@pytest.fixture(scope="session")
def town_tracks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("tracks") / "fixes.csv", drive())


@pytest.fixture(scope="session")
def town_store(tmp_path_factory: pytest.TempPathFactory, town: Path, town_tracks: Path) -> Path:
    """A store that `run` made; for reading only."""
    folder = tmp_path_factory.mktemp("done") / "store"
    done = muckwatch("run", "--registry", town, "--tracks", town_tracks, "--out", folder)
    assert done.code == 0, done.err
    return folder
