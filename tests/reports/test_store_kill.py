"""`kill -9` at any moment leaves a store that opens and, after the run is said again, equals the undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
#: Every how manieth step is tried; 1 tries them all (about 1.5 s a kill).
STRIDE = os.environ.get("MUCKWATCH_KILL_STRIDE", "13")
RANDOM_KILLS = "3"


def test_killed_anywhere_it_opens_and_is_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, HERE / "kill_store.py", tmp_path, STRIDE, RANDOM_KILLS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name, counts in json.loads(done.stdout).items():
        assert counts["changes"], f"{name}: a run that changes nothing proves nothing"
        assert counts["kills"] >= 5, f"{name}: hardly anything was killed: {counts}"
        assert counts["before"] + counts["after"] == counts["kills"], f"{name}: half a run was visible: {counts}"
        assert counts["differs_after_rerun"] == 0, f"{name}: {counts}"
