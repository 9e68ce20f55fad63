"""A town of two sites, one permit and one truck that drives by day without leave: enough for every command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from town_files import collection, square, write_files

ROOT = Path(__file__).resolve().parent.parent
PLATE = "苏A12345"
HEADER = "plate,time,lon,lat,speed_kmh"
DAY = datetime.fromisoformat("2025-11-18T10:00:00+08:00")  # a Tuesday of 2025-W47
WEEK = "2025-W47"


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def error_line(self) -> str:
        """The one line on standard error that a failing command leaves there, and no traceback."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


def environment(**changes: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name != "MUCKWATCH_DEBUG"}
    return {**plain, "PYTHONUTF8": "1", **changes}


def muckwatch(*arguments: object, given: str | bytes | None = None, cwd: Path | None = None, **env: str) -> Done:
    """Runs the command in a process of its own, as a person would."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "muckwatch.py"), *map(str, arguments)],
        input=given.encode() if isinstance(given, str) else given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        timeout=300,
        cwd=cwd,
        env=environment(**env),
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def write_registry(folder: Path) -> Path:
    site = lambda site_id, kind: {"site_id": site_id, "name": site_id, "kind": kind}
    files = {
        "companies.csv": "company_id,name\nc1,甲运输公司\n",
        "vehicles.csv": f"plate,company_id,terminal,kind\n{PLATE},c1,013900000001,ordinary\n",
        "permits.csv": "permit_no,company_id,origin_site,disposal_sites,plates,hours,valid_from,valid_to\n"
        "p1,c1,s1,d1,,20:00-05:00,2025-11-01,2025-11-30\n",
        "sites.geojson": collection(
            (square(118.70, 32.00), site("s1", "construction")), (square(118.80, 32.00), site("d1", "disposal"))
        ),
        "routes.geojson": collection(
            ({"type": "LineString", "coordinates": [[118.70, 32.0], [118.80, 32.0]]}, {"permit_no": "p1"})
        ),
        "policy.toml": "speed_limit_kmh = 50\n",
    }
    return write_files(folder, files)


def drive(minutes: int = 20, plate: str = PLATE, start: datetime = DAY) -> list[str]:
    """CSV rows, one each ten seconds, due east at 36 km/h."""
    rows = []
    for step in range(minutes * 6):
        time = (start + timedelta(seconds=10 * step)).isoformat()
        rows.append(f"{plate},{time},{118.71 + 0.00106 * step:.5f},32.0,36")
    return rows


def write_csv(path: Path, rows: Sequence[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path
