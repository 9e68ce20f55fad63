"""The queue of 10,000 flagged cases while 20 people work: how long lists, cases and decisions take.

    python -m bench.review_queue [--people 20] [--seconds 30] [--think 2 6]

A server process over a store of 10,000 flagged cases. Each person is signed in and goes round: asks for a list (a tab,
a filter or a page of it), thinks, opens a case of it as a browser does (the page, its map, its fixes, the hold),
thinks, decides, is led to the next case and opens that, thinks. Thinking takes 2 to 6 seconds, evenly spread: a case a
dozen seconds from everybody at once, brisk work for people who read what they decide. Then everybody goes round without
thinking, which no people do: the most that the server bears. Beside both, in the same run, a file of the same server.
Times are from sending to the last byte; this program shares the machine's cores with the server.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "web")]

PASSWORD = "Correct-horse-42"
LABELS = {
    "list": "list of 10,000", "case": "case", "map": "map of a case", "fixes": "fixes of a case",
    "decision": "decision", "file": "a file of the same server",
}  # fmt: skip
QUERIES = ("", "?tab=first&page=3", "?tab=all&rule=off_route", "?tab=all&company=c2&confidence=0.6", "?plate=A001")


def main() -> None:
    """Prints the figures."""
    from review_city import fill_city

    from reports.accounts.users import add_user
    from reports.store import Store

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--think", type=float, nargs=2, default=(2.0, 6.0), metavar="SECONDS")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trucks = {f"苏A{n:05d}": f"c{n % 2 + 1}" for n in range(500)}
        fill_city(folder / "registry", folder / "store", trucks, each=20)
        with Store.open(folder / "store") as store:
            for n in range(asked.people):
                add_user(store, f"person{n}", "reviewer", PASSWORD, by="bench", at_ms=0)
        command = [sys.executable, "muckwatch.py", "serve", "--store", str(folder / "store")]
        command += ["--registry", str(folder / "registry"), "--listen", "127.0.0.1:0"]
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout
            url = server.stdout.readline().split(" at ")[1].strip().rstrip("/")
            _work(url, asked.people, asked.seconds, tuple(asked.think))
            _work(url, asked.people, asked.seconds / 3, (0.0, 0.0))
        finally:
            server.terminate()
            server.wait(timeout=30)


def _work(url: str, people: int, seconds: float, think_s: tuple[float, float]) -> None:
    took: dict[str, list[float]] = {name: [] for name in LABELS}
    clients = [_signed_in(url, f"person{n}") for n in range(people)]
    begun = time.monotonic()
    until = begun + seconds

    def person(number: int) -> None:
        client, csrf = clients[number]
        by = random.Random(number)
        pause = lambda: time.sleep(by.uniform(*think_s))
        time.sleep(by.uniform(0, think_s[1]))  # nobody starts at the stroke of the clock
        for turn in range(1_000_000):
            if time.monotonic() > until:
                return
            query = QUERIES[(number + turn) % len(QUERIES)]
            page = _timed(took["list"], partial(client.get, f"/queue{query}", headers={"hx-request": "true"}))
            pause()
            rows = re.findall(r'data-case="([0-9a-f]+)" data-step="-1"', page.text)
            case_id = by.choice(rows)
            _open(client, csrf, case_id, took)
            pause()
            form = {"csrf": csrf, "action": "propose_confirm", "step": "-1", "query": query.lstrip("?")}
            done = _timed(took["decision"], partial(client.post, f"/cases/{case_id}/decide", data=form), 303, 409)
            if done.status_code == 303:
                _open(client, csrf, done.headers["location"].split("?")[0].rpartition("/")[2], took)
            pause()

    threads = [threading.Thread(target=person, args=(n,)) for n in range(people)]
    for thread in threads:
        thread.start()
    with httpx.Client(base_url=url) as apart:
        while time.monotonic() < until:
            _timed(took["file"], partial(apart.get, "/static/icon.svg"))
            time.sleep(0.25)
    for thread in threads:
        thread.join()
    print(f"{people} people, thinking {think_s[0]:g} to {think_s[1]:g} s, for {time.monotonic() - begun:.0f} s")
    for name, label in LABELS.items():
        p50, p95, most = np.percentile(np.array(took[name]) * 1000, [50, 95, 100])
        print(f"  {label:38} {len(took[name]):5} answers  p50 {p50:5.0f} ms  p95 {p95:5.0f} ms  most {most:5.0f} ms")


def _open(client: httpx.Client, csrf: str, case_id: str, took: dict[str, list[float]]) -> None:
    """Asks for what a browser asks for when a case is opened."""
    _timed(took["case"], partial(client.get, f"/cases/{case_id}"))
    _timed(took["map"], partial(client.get, f"/cases/{case_id}/map?framed=1"))
    _timed(took["fixes"], partial(client.get, f"/cases/{case_id}/fixes", headers={"hx-request": "true"}))
    client.post(f"/cases/{case_id}/hold", data={"csrf": csrf}).raise_for_status()


def _timed(times: list[float], ask: Callable[[], httpx.Response], *statuses: int) -> httpx.Response:
    begun = time.perf_counter()
    answer = ask()
    times.append(time.perf_counter() - begun)
    assert answer.status_code in (statuses or (200,)), (answer.status_code, answer.text[-600:])
    return answer


def _signed_in(url: str, user_id: str) -> tuple[httpx.Client, str]:
    """A client that sends its session over plain HTTP, as a browser does to its own machine."""
    client = httpx.Client(base_url=url, timeout=30)
    page = client.get("/login")
    before = re.search(r'name="before" value="([^"]+)"', page.text)
    assert before
    form = {"user_id": user_id, "password": PASSWORD, "before": before[1]}
    answer = client.post("/login", data=form, headers={"cookie": _cookies(page)})
    client.headers["cookie"] = _cookies(answer)
    found = re.search(r'X-CSRF-Token":"([^"]+)"', client.get("/queue").text)
    assert found
    return client, found[1]


def _cookies(answer: httpx.Response) -> str:
    return "; ".join(cookie.split(";")[0] for cookie in answer.headers.get_list("set-cookie"))


if __name__ == "__main__":
    main()
