"""The whole job on the sample tracks: judged, reported, drawn, scored, and compared with what truly happened."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from maps.with_report import MAPS_FOLDER, REPORTS_FOLDER, write_week
from reports.export import export
from reports.run import run_stored
from reports.scores import scores, scores_table
from reports.spoken import Said, found, weeks_of
from reports.store import Store
from sample_tracks.score import score

HERE = Path(__file__).parent
SCORES_FILE = "scores.csv"


def run_demo(out: Path, console: Console) -> tuple[Said, list[str]]:
    """Does everything that the commands do one by one, into one folder.

    Args:
        out: a new folder, or that of an earlier demo.
        console: where progress goes.

    Returns:
        The table of scores, and the lines that say what was found and where it is.
    """
    summary = run_stored(HERE / "registry", [str(HERE / "tracks")], out, console=console)
    with Store.read(out) as store:
        for week in weeks_of(store):
            console.print(f"week {week}: maps and report")
            write_week(store, week, out)
        export(store, "scores", "csv", out / SCORES_FILE)
        table = scores_table(scores(store))
        accuracy = score(store, HERE / "truth.csv")
    places = {"reports": REPORTS_FOLDER, "maps": MAPS_FOLDER, "scores": SCORES_FILE}
    where = [f"{what:8} {(out / name).resolve()}" for what, name in places.items()]
    return table, ["", *found(summary), str(accuracy), "", *where]
