"""A real broker: started, killed, found again at the same address, and plain words where there is none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tools.broker import Broker, answers, free_port

ROOT = Path(__file__).resolve().parent.parent.parent


def kafka_tool(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "MUCKWATCH_KAFKA"} | more
    return subprocess.run(
        [ROOT / "tools" / "kafka", *arguments], env=environment, capture_output=True, text=True, timeout=120
    )


def test_broker_serves_again_after_a_kill_at_the_same_address(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker")
    broker.start()
    try:
        address, first = broker.address, broker.pid
        broker.kill()
        assert broker.pid is None and not answers("127.0.0.1", broker.port)
        again = Broker(tmp_path / "broker")
        again.start()
        assert again.address == address and again.pid != first and answers("127.0.0.1", again.port)
    finally:
        broker.kill()
    assert broker.pid is None


def test_status_and_up_say_plainly_that_no_broker_answers() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    told = kafka_tool("status", MUCKWATCH_KAFKA=nobody)
    assert (told.returncode, told.stdout) == (1, f"{nobody}: no broker answers\n")
    asked = kafka_tool("up", MUCKWATCH_KAFKA=nobody)
    assert asked.returncode == 1 and asked.stderr.startswith("tools/kafka: ") and nobody in asked.stderr


def test_missing_maven_and_java_are_named(tmp_path: Path) -> None:
    alone = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path), "JAVA_HOME": ""}
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    told = kafka_tool("fetch", **alone | {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"})
    assert told.returncode == 1 and "Java runtime of version 17" in told.stderr


@pytest.mark.parametrize("what", ["up", "down", "status", "fetch"])
def test_help_names_every_command(what: str) -> None:
    assert what in kafka_tool("--help").stdout
