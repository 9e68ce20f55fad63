"""The queue of 10,000 flagged cases while 20 people work: how long a list takes, beside the same server's bare answer.

    python -m bench.review_queue [--people 20] [--seconds 20]

A server process over a store of 10,000 flagged cases; as many people as asked for, each signed in, asks for a filtered
list, opens nothing, thinks for a second, and now and then decides. Times are from sending to the last byte.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "web")]

PASSWORD = "Correct-horse-42"
QUERIES = ("", "?tab=first&page=3", "?tab=all&rule=off_route", "?tab=all&company=c2&confidence=0.8", "?plate=A20")


def main() -> None:
    """Prints the figures."""
    from review_city import fill_city

    from reports.accounts.users import add_user
    from reports.store import Store

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
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
            _work(url, asked.people, asked.seconds)
        finally:
            server.terminate()
            server.wait(timeout=30)


def _work(url: str, people: int, seconds: float) -> None:
    lists: list[float] = []
    decisions: list[float] = []
    bare: list[float] = []
    clients = [_signed_in(url, f"person{n}") for n in range(people)]
    until = time.monotonic() + seconds

    def person(number: int) -> None:
        client, csrf = clients[number]
        for turn in range(1_000_000):
            if time.monotonic() > until:
                return
            took, page = _timed(client, QUERIES[(number + turn) % len(QUERIES)])
            lists.append(took)
            rows = re.findall(r'data-case="([0-9a-f]+)" data-step="(-1)"', page)
            if rows and turn % 3 == 0:
                case_id, step = rows[number % len(rows)]
                form = {"csrf": csrf, "action": "propose_confirm", "step": step}
                begun = time.perf_counter()
                client.post(f"/cases/{case_id}/decide", data=form)
                decisions.append(time.perf_counter() - begun)
            time.sleep(1.0)

    threads = [threading.Thread(target=person, args=(n,)) for n in range(people)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        begun = time.perf_counter()
        clients[0][0].get("/static/icon.svg")
        bare.append(time.perf_counter() - begun)
        time.sleep(0.25)
    for thread in threads:
        thread.join()
    for label, times in (("list of 10,000", lists), ("decision", decisions), ("bare file, same server", bare)):
        p50, p95 = np.percentile(np.array(times) * 1000, [50, 95])
        print(f"{label}: {len(times)} answers, p50 {p50:.0f} ms, p95 {p95:.0f} ms")


def _timed(client: httpx.Client, query: str) -> tuple[float, str]:
    begun = time.perf_counter()
    answer = client.get(f"/queue{query}", headers={"hx-request": "true"})
    assert answer.status_code == 200, answer.status_code
    return time.perf_counter() - begun, answer.text


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
