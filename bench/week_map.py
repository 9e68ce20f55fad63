"""The week's map of 300 flagged trips in Chromium: its size, its first drawing, its frames while it is panned.

python -m bench.week_map
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "maps"))

import map_town
from test_budget import TRIPS, wandering, when

from maps.gather_week import WeekTracks
from maps.layers import Layer, Line
from maps.week_page import week_map

#: Notes the time between frames until it is told to stop.
_WATCH = """() => {
  window.frames_ms = []; let last = performance.now(); window.watching = true;
  const next = (now) => { frames_ms.push(now - last); last = now; if (watching) requestAnimationFrame(next); };
  requestAnimationFrame(next);
}"""
_DRAGS, _STEPS = 6, 25

#: How long the map takes to draw itself anew where it was let go.
_REDRAW = """async () => {
  const took = [];
  for (let i = 0; i < 20; i++) {
    const began = performance.now();
    muck.map.panBy([i % 2 ? -140 : 140, 0], { animate: false });
    await new Promise(requestAnimationFrame);
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b);
}"""


def drag(opened: Page) -> list[float]:
    """The times between frames, ms and sorted, while a hand drags the map to and fro; each letting go is among them."""
    opened.evaluate(_WATCH)
    for number in range(_DRAGS):
        x, y, way = 680, 380, 1 if number % 2 else -1
        opened.mouse.move(x, y)
        opened.mouse.down()
        for step in range(1, _STEPS + 1):
            opened.mouse.move(x + way * 12 * step, y + 4 * step)
        opened.mouse.up()
    frames: list[float] = opened.evaluate("() => { watching = false; return frames_ms; }")
    return sorted(frames[1:])


def page() -> str:
    """The page of a week of `TRIPS` flagged trips, 200,000 fixes."""
    tracks = WeekTracks()
    for number in range(TRIPS):
        track = wandering(number)
        loaded, start, end, dumped = (when(track, share) for share in (0, 0.3, 0.6, 1))
        trip = {"trip_id": str(number), "loaded_at": loaded, "left_at": loaded, "dumped_at": dumped}
        case = {"trip_id": str(number), "violation_id": str(number), "start_time": start, "end_time": end}
        tracks.add(track, [trip], [case], {}, map_town.GAP_MS)
    driven = tuple(path for paths in tracks.stretches.values() for path in paths)
    data = map_town.week(violations=TRIPS)
    lines = (
        Layer("tracks", "涉嫌行程轨迹", (Line("track.faint", tuple(tracks.plain)),)),
        Layer("driven.permit", "核准与路线", (Line("rule.off_route", driven),)),
    )
    return week_map(replace(data, layers=(*data.layers, *lines)))


def main() -> None:
    """Prints the figures as JSON."""
    html = page()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "week.html"
        file.write_text(html, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        opened = browser.new_context(viewport={"width": 1366, "height": 768}, offline=True).new_page()
        opened.goto(file.as_uri())
        opened.wait_for_function("document.documentElement.dataset.ready === '1'", timeout=60_000)
        first_ms = opened.evaluate("performance.now()")
        frames, redraws = drag(opened), opened.evaluate(_REDRAW)
        browser.close()
    told = {
        "trips": TRIPS, "bytes": len(html.encode()), "ready_ms": round(first_ms),
        "pan_frame_p50_ms": round(frames[len(frames) // 2]), "pan_frame_p95_ms": round(frames[int(len(frames) * 0.95)]),
        "pan_frame_max_ms": round(frames[-1]), "pan_frames": len(frames),
        "redraw_p50_ms": round(redraws[len(redraws) // 2]),
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
