"""Finds or starts a real Kafka broker on loopback: for `tools/kafka`, for tests and for benches.

`tools/kafka up` takes the broker that MUCKWATCH_KAFKA names, else Docker's apache/kafka, else the official artifacts of
Apache Kafka, fetched through Maven once and kept in the user's cache. The last runs in KRaft mode in one process, keeps
its data in one folder and is stopped by its process id. Standard library only, so that it runs without the environment.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.broker_artifacts import SETTINGS, BrokerError, cache, fetch, java

HEAP = "512m"
READY_S = 180.0  # a cold start takes 5 s of CPU; a crowded machine stretches that
STOP_S = 30.0
GONE_LOOKS = 10  # so often in a row it must be missing, a tenth of a second apart
COMPOSE_PORT = 9092  # what docker-compose.yml publishes


@dataclass
class Broker:
    """A broker of our own in one folder. `start` waits until it serves; the port stays the same over restarts."""

    folder: Path
    port: int = 0
    heap: str = HEAP

    @property
    def address(self) -> str:
        """HOST:PORT for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process, if it runs and is this folder's."""
        try:
            pid = int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return None
        told = subprocess.run(["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True)
        alive = str(self.folder / "server.properties") in told.stdout and not told.stdout.startswith("Z")
        return pid if alive else None

    def start(self) -> None:
        """Starts the broker, or finds it running, and waits until it answers.

        Raises:
            BrokerError: if there is no Java or Maven, or the broker ends or does not answer in time.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder = self.folder.resolve()
        settings = self.folder / "server.properties"
        if self.pid is None:
            jars = fetch()
            data = self.folder / "data"
            if not settings.exists():
                self.port = self.port or free_port()
                settings.write_text(SETTINGS.format(port=self.port, controller=free_port(), data=data))
            if not data.exists():
                shutil.copytree(jars.parent / "formatted", data)
            self._launch(jars, settings)
        found = re.search(r"^listeners=PLAINTEXT://127\.0\.0\.1:(\d+)", settings.read_text(), re.MULTILINE)
        assert found, "written above"
        self.port = int(found[1])
        self.wait()

    def wait(self) -> None:
        """Waits until the broker answers.

        Raises:
            BrokerError: if it ends, or does not answer in time.
        """
        deadline, gone = time.monotonic() + READY_S, 0
        while not answers("127.0.0.1", self.port):
            gone = gone + 1 if self.pid is None else 0  # a process just begun has no command line for a moment
            if gone > GONE_LOOKS or time.monotonic() > deadline:
                raise BrokerError(f"the broker in {self.folder} does not serve; see {self.folder / 'broker.log'}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the broker in an orderly way, by force if it does not go."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        self._gone(STOP_S)
        self.kill()

    def kill(self) -> None:
        """Kills the broker at once."""
        self.send(signal.SIGKILL)
        if not self._gone(STOP_S):
            raise BrokerError(f"the broker in {self.folder} does not end (process {self.pid})")
        (self.folder / "pid").unlink(missing_ok=True)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal (SIGSTOP, SIGCONT, ...) to the broker's process, if it runs."""
        if (pid := self.pid) is not None:
            os.kill(pid, number)

    def _launch(self, jars: Path, settings: Path) -> None:
        quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", f"-Xmx{self.heap}"]
        logging = ["-Dlog4j2.level=WARN", "-Djava.awt.headless=true"]
        command = [java(), *quick, *logging, "-cp", f"{jars}/*", "kafka.Kafka", str(settings)]
        with (self.folder / "broker.log").open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=self.folder
            )
        (self.folder / "pid").write_text(str(process.pid))

    def _gone(self, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while self.pid is not None:
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(ChildProcessError, OSError):
                os.waitpid(int((self.folder / "pid").read_text()), os.WNOHANG)
            time.sleep(0.05)
        return True


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(host: str, port: int) -> bool:
    """Whether a Kafka broker answers there (ApiVersions, version 0)."""
    name = b"muckwatch"
    request = struct.pack(">hhih", 18, 0, 7, len(name)) + name
    try:
        with socket.create_connection((host, port), timeout=3) as link:
            link.sendall(struct.pack(">i", len(request)) + request)
            head = b""
            while len(head) < 10 and (more := link.recv(10 - len(head))):
                head += more
    except OSError:
        return False
    return len(head) == 10 and struct.unpack(">iih", head)[1:] == (7, 0)


def _compose(*arguments: str, within_s: float = 600) -> bool:
    """Whether docker is there, its engine runs, and the command of docker-compose.yml went well."""
    if shutil.which("docker") is None:
        return False
    command = [
        "docker",
        "compose",
        "-f",
        str(Path(__file__).resolve().parent.parent / "docker-compose.yml"),
        *arguments,
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=within_s).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def up(port: int) -> str:
    """The address of a broker that serves, started if need be.

    Raises:
        BrokerError: if there is none to be had.
    """
    if given := os.environ.get("MUCKWATCH_KAFKA"):
        host, _, number = given.split(",")[0].rpartition(":")
        if not answers(host, int(number)):
            raise BrokerError(f"MUCKWATCH_KAFKA names {given}, but no broker answers there")
        return given
    own = Broker(cache() / "broker", port)
    if own.pid is None and port == COMPOSE_PORT and _compose("ps", within_s=20):
        if not _compose("up", "-d", "--wait", "kafka"):
            raise BrokerError("docker cannot run Kafka; try `docker compose up kafka`")
        return f"127.0.0.1:{port}"
    own.start()
    return own.address


def main() -> int:
    """The command line of `tools/kafka`."""
    parser = argparse.ArgumentParser(prog="tools/kafka", description=__doc__)
    parser.add_argument("what", choices=("up", "down", "status", "fetch"))
    parser.add_argument("--port", type=int, default=COMPOSE_PORT, help="for a broker started here; default 9092")
    given = parser.parse_args()
    own = Broker(cache() / "broker", given.port)
    try:
        if given.what == "up":
            print(up(given.port))
        elif given.what == "fetch":
            fetch()
        elif given.what == "down":
            own.stop()
            _compose("stop", "kafka")
        else:
            where = os.environ.get("MUCKWATCH_KAFKA") or f"127.0.0.1:{given.port}"
            host, _, number = where.split(",")[0].rpartition(":")
            serves = answers(host, int(number))
            process = f", process {own.pid}, data in {own.folder}" if own.pid else ""
            print(f"{where}: {'serves' if serves else 'no broker answers'}{process}")
            return 0 if serves else 1
    except BrokerError as error:
        print(f"tools/kafka: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
