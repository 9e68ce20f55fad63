"""The whole job on the sample tracks: judged, reported, drawn, scored, and compared with what truly happened."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rich.console import Console

from maps.with_report import MAPS_FOLDER, REPORTS_FOLDER, write_week
from reports.export import export
from reports.inspections import keep, read_csv
from reports.run import run_stored
from reports.scores import scores, scores_table
from reports.spoken import Said, found, weeks_of
from reports.store import Store
from reports.week import build, hand_out
from reports.week.issuing import issued_in
from sample_tracks.clock import LOCAL
from sample_tracks.score import score

HERE = Path(__file__).parent
#: The present of the demo: the morning after the last sample night, whatever the clock of the machine says.
NOW = datetime(2026, 11, 23, 9, tzinfo=LOCAL)
#: What the invented city's people found on the road.
INSPECTIONS = HERE / "inspections.csv"
_WEEK_MS = 7 * 86_400_000
SCORES_FILE = "scores.csv"
#: The tracks begin at a midnight, and what is left of that night belongs to a week before them.
WEEKS = 2
_SCORES_SHOWN = 12


def run_demo(out: Path, console: Console) -> tuple[Said, list[str]]:
    """Does everything that the commands do one by one, into one folder.

    Args:
        out: a new folder, or that of an earlier demo.
        console: where progress goes.

    Returns:
        The table of the worst scores, and the lines that say what was found and where it is.
    """
    console.print("judging the sample tracks")
    now_ms = int(NOW.timestamp() * 1000)
    summary = run_stored(HERE / "registry", [str(HERE / "tracks")], out, console=console, now_ms=now_ms)
    with Store.open(out) as store:
        keep(store, read_csv(INSPECTIONS.read_text("utf-8"), INSPECTIONS.name), now_ms)
        last, this = weeks_of(store)[-WEEKS:]
        if not issued_in(store):
            hand_out(store, build(store, last), now_ms - _WEEK_MS)
    with Store.read(out) as store:
        for week in (last, this):
            console.print(f"week {week}: maps and report")
            write_week(store, week, out, tell=lambda line: console.print(f"warning: {line}"))
        export(store, "scores", "csv", out / SCORES_FILE)
        head, rows = scores_table(scores(store))
        accuracy = score(store)
    total = accuracy.total
    truth = (
        f"of {total.asked} true violations {total.found} found (recall {total.recall or 0:.3f}), "
        f"{len(total.false)} false alarms (precision {total.precision or 0:.3f})"
    )
    places = {"reports": REPORTS_FOLDER, "maps": MAPS_FOLDER, "scores": SCORES_FILE}
    where = [f"{what:8} {(out / name).resolve()}" for what, name in places.items()]
    lines = ["", *str(accuracy).splitlines(), "", *found(summary), truth, "", *where]
    return (head, rows[:_SCORES_SHOWN]), lines
