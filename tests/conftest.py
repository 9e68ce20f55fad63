"""A registry, tracks and a finished store for the tests of the command line, and one browser for all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_town import drive, muckwatch, write_csv, write_registry
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

from tools.broker import Broker

# A build must not fail by chance: it tries the same examples each time, however busy its machine is. At the desk they
# are new each time.
settings.register_profile(
    "build", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
if os.environ.get("CI"):
    settings.load_profile("build")


@pytest.fixture(scope="session", autouse=True)
def signing_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key that signs the logs of all stores made here, also by commands that are started; nobody's own."""
    path = tmp_path_factory.mktemp("key") / "signing.pem"
    os.environ["MUCKWATCH_SIGNING_KEY"] = str(path)
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; one for the whole session, because two of its drivers do not run beside each other."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


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


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of a module's own, for tests that stop and kill it."""
    own = Broker(tmp_path_factory.mktemp("own_kafka"))
    own.start()
    yield own
    own.send(signal.SIGCONT)
    own.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real broker: the one that MUCKWATCH_KAFKA names, else one of our own for this session.

    Tests name their topics anew, so that they do not meet; those that stop brokers start their own.
    """
    if given := os.environ.get("MUCKWATCH_KAFKA"):
        yield given
        return
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.start()
    yield broker.address
    broker.kill()
