"""Fixtures for the tests of reading."""

from __future__ import annotations

from pathlib import Path

import pytest
from some_tracks import Tracks


@pytest.fixture
def tracks(tmp_path: Path) -> Tracks:
    return Tracks(tmp_path)
