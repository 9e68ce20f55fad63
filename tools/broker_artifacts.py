"""Apache Kafka itself: the official artifacts, fetched through Maven once, and settings of a single small broker."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

VERSION = "4.1.1"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>muckwatch</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version>
</dependency></dependencies></project>
"""
#: One node on one machine: internal topics without copies, quick to notice that a killed broker or worker is gone.
SETTINGS = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
"""


class BrokerError(RuntimeError):
    """A broker that cannot be had; one line that says what to do."""


def cache() -> Path:
    """Where the broker's artifacts and `tools/kafka`'s own broker live."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "muckwatch" / f"kafka-{VERSION}"


def java() -> str:
    """A Java runtime of version 17 or later.

    Raises:
        BrokerError: if there is none.
    """
    home = os.environ.get("JAVA_HOME")
    for candidate in ([f"{home}/bin/java"] if home else []) + ["java"]:
        path = shutil.which(candidate)
        if path:
            told = subprocess.run([path, "-version"], capture_output=True, text=True).stderr
            major = re.search(r'version "(\d+)', told)
            if major and int(major[1]) >= 17:
                return path
    raise BrokerError("Kafka needs a Java runtime of version 17 or later: run tools/setup-system, or set JAVA_HOME")


def fetch() -> Path:
    """The folder of the broker's jars, fetched through Maven at the first time.

    Raises:
        BrokerError: if they cannot be fetched.
    """
    jars = cache() / "jars"
    if jars.is_dir():
        return jars
    maven, runtime = shutil.which("mvn"), java()
    if maven is None:
        raise BrokerError("fetching Kafka needs Maven: run tools/setup-system, or set MUCKWATCH_KAFKA to a broker")
    print(f"Fetching Apache Kafka {VERSION} (once; 45 MB)", file=sys.stderr, flush=True)
    aside = cache().with_name(f"{cache().name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        (aside / "pom.xml").write_text(_POM)
        goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
        _run([maven, "-q", "-B", goal, f"-DoutputDirectory={aside / 'jars'}", "-DincludeScope=runtime"], aside)
        settings = aside / "server.properties"
        settings.write_text(SETTINGS.format(port=1, controller=2, data=aside / "formatted"))
        cluster = "bXVja3dhdGNoLWxvb3BiYQ"  # an empty KRaft folder, copied for each broker: formatting one takes 2 s
        tool = ["kafka.tools.StorageTool", "format", "-c", str(settings), "-t", cluster]
        _run([runtime, "-XX:TieredStopAtLevel=1", "-cp", f"{aside / 'jars'}/*", *tool], aside)
        cache().mkdir(parents=True, exist_ok=True)
        (aside / "formatted").rename(cache() / "formatted") if not (cache() / "formatted").exists() else None
        with contextlib.suppress(OSError):  # somebody else was quicker
            (aside / "jars").rename(jars)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return jars


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise BrokerError(f"{Path(command[0]).name} failed: {next((s for s in said if 'ERROR' in s), said[-1])[:300]}")
