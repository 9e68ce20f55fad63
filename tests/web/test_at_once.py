"""Fifty people decide one case at the same moment, over HTTP on a real server: one is heard, the others are told."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bureau import PASSWORD, cheap_passwords
from review_city import fill_city

from reports.accounts.sessions import hash_of
from reports.accounts.users import add_user
from reports.store import Store

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 50


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    cheap_passwords()
    fill_city(tmp_path / "registry", tmp_path / "store", each=2)
    now_ms = time.time_ns() // 1_000_000
    with Store.open(tmp_path / "store") as store:
        for n in range(PEOPLE):
            add_user(store, f"person{n}", "reviewer", PASSWORD, by="test", at_ms=0)
            row = [hash_of(f"token{n}"), f"person{n}", "c" * 43, now_ms, now_ms, ""]
            store.execute("INSERT INTO kept.sessions VALUES (?, ?, ?, ?, ?, ?)", row)
    command = [sys.executable, "muckwatch.py", "serve", "--store", str(tmp_path / "store")]
    command += ["--registry", str(tmp_path / "registry"), "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield server.stdout.readline().split(" at ")[1].strip().rstrip("/")
    finally:
        server.terminate()
        server.wait(timeout=60)


def test_of_fifty_decisions_at_once_one_is_accepted(served: str) -> None:
    people = [
        httpx.Client(base_url=served, timeout=120, headers={"cookie": f"__Host-muckwatch=token{n}"})
        for n in range(PEOPLE)
    ]
    listed = re.search(r'data-case="([0-9a-f]+)"', people[0].get("/queue").text)
    assert listed
    case_id, start = listed[1], threading.Barrier(PEOPLE)
    answers: list[httpx.Response] = []

    def decide(client: httpx.Client) -> None:
        start.wait()
        form = {"csrf": "c" * 43, "action": "propose_confirm", "step": "-1"}
        answers.append(client.post(f"/cases/{case_id}/decide", data=form))

    threads = [threading.Thread(target=decide, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in people:
        client.close()
    assert Counter(answer.status_code for answer in answers) == {303: 1, 409: PEOPLE - 1}
    for answer in answers:
        assert answer.status_code == 303 or "该案件已被他人处理" in answer.text
