"""`muckwatch serve` as a process of its own: it answers, holds the store, and stops when told."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
from cli_town import ROOT, environment, muckwatch


def test_serves_holds_the_store_and_stops_on_a_signal(town: Path, town_store: Path) -> None:
    command = [sys.executable, ROOT / "muckwatch.py", "serve", "--store", town_store, "--registry", town]
    process = subprocess.Popen(
        [*map(str, command), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("muckwatch: serving"), line + (process.stderr.read() if process.stderr else "")
        url = line.split(" at ")[1].strip()
        assert httpx.get(f"{url}healthz").json() == {
            "ok": True,
            "store": "ok",
            "services": {"webhooks": {"ok": True, "detail": ""}},
        }
        figures = httpx.get(f"{url}metrics").text
        assert 'muckwatch_service_up{service="webhooks"} 1.0' in figures and "muckwatch_late_fixes 0.0" in figures
        refused = muckwatch("scores", "--store", town_store)
        assert refused.code == 1 and f"process {process.pid}" in refused.error_line
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0 and not said
    assert muckwatch("scores", "--store", town_store).code == 0


def test_an_address_that_is_none_is_refused(town: Path, town_store: Path) -> None:
    done = muckwatch("serve", "--store", town_store, "--registry", town, "--listen", "8080")
    assert done.code == 2 and "host:port" in done.error_line
