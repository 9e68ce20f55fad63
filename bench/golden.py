"""Golden weeks: three small generated weeks and what the engine finds in them. `python -m bench.golden` rewrites them.

A change of a rule must show what it did to them: `tests/rules/test_golden_weeks.py` fails with the difference until
they are rewritten on purpose.
"""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import datetime
from pathlib import Path

from bench.trials import Made, Trial, judge, make
from rules.findings import Violation
from sample_tracks.clock import LOCAL
from sample_tracks.fleet import Knobs

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "golden"

#: Six trucks of all outfits for a week; by each noise a city of its own.
WEEKS = {
    "clean": Trial(301, 301, Knobs(trucks=6, noise="clean", ill_share=0.0, datum_liars=0)),
    "urban": Trial(302, 302, Knobs(trucks=6, noise="urban", ill_share=0.25, datum_liars=1)),
    "harsh": Trial(303, 303, Knobs(trucks=6, noise="harsh", ill_share=0.25, datum_liars=1)),
}


def listing(name: str) -> dict[str, list[str]]:
    """A golden week's content: what its tracks are, and one line a finding, ordered by truck and time."""
    made = make(WEEKS[name])
    findings = judge(made)
    return {
        "tracks": _tracks(made),
        "findings": sorted(_said(v) for v in findings.violations),
        "trips": [f"{len(findings.trips)} trips, {sum(t.distance_m for t in findings.trips) // 1000} km"],
        "ill": sorted(f"{h.plate} {h.datum_found} {','.join(sorted(h.faults))}" for h in findings.health if h.faults),
    }


def _tracks(made: Made) -> list[str]:
    """What tells a change of the generator from a change of the rules: positions to 1e-5 degrees, times, truth."""
    rounded = made.fixes.select("plate", "time_ms", lon=made.fixes["lon"].round(5), lat=made.fixes["lat"].round(5))
    fixes = hashlib.sha256(rounded.write_csv(float_precision=5).encode()).hexdigest()[:12]
    lines = "\n".join(sorted(f"{s.kind} {s}" for s in made.truth))
    return [
        f"{made.fixes.height} fixes {fixes}",
        f"{len(made.truth)} lines of truth {hashlib.sha256(lines.encode()).hexdigest()[:12]}",
    ]


def _said(v: Violation) -> str:
    start, end = (datetime.fromtimestamp(ms // 1000, LOCAL) for ms in (v.start_ms, v.end_ms))
    return f"{v.plate} {start:%m-%d %H:%M:%S} .. {end:%m-%d %H:%M:%S} {v.rule} {v.confidence:.2f}"


def difference(name: str, kept: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """What went and what came, a line each; empty where nothing changed."""
    lines = []
    for part in sorted(kept.keys() | now.keys()):
        before, after = kept.get(part, []), now.get(part, [])
        changed = [f"- {line}" for line in before if line not in after]
        changed += [f"+ {line}" for line in after if line not in before]
        if changed:
            lines += [f"{name} {part}:", *sorted(changed, key=lambda line: (line[2:], line[0]))]
    return lines


def path_of(name: str) -> Path:
    """The file of a golden week."""
    return FOLDER / f"{name}.json"


def main() -> int:
    """Rewrites every week and prints what changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in WEEKS:
        kept = json.loads(path_of(name).read_text("utf-8")) if path_of(name).exists() else {}
        now = listing(name)
        lines = difference(name, kept, now)
        print("\n".join(lines) if lines else f"{name}: as it was", flush=True)
        path_of(name).write_text(json.dumps(now, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
