"""The evidence of a case in one file: it verifies by its own script without us, and not when a byte differs."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_town import muckwatch, write_registry
from small_store import DAY_MS, MONDAY_MS, make_findings, make_fixes, make_tally, span_of

from reports import frames
from reports.archive import archive_fixes
from reports.errors import StoreError, StoreUnusable
from reports.ledger.bundle import gather, seal
from reports.ledger.entries import append, last_head
from reports.ledger.offline.verify import FOUND, Bad, canonical, packed, unpacked, verified
from reports.ledger.signing import KEY_VARIABLE
from reports.ledger.verify import verify
from reports.recording import RunHead, RunRecord
from reports.store import Store
from rules.registry import load_with_files

MAP = b"<!doctype html><title>map</title>"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the findings of two companies' trucks, and a registry that can be read again."""
    folder = write_registry(tmp_path / "registry")
    owners = ("c1", "c1", "c2", "c2")
    vehicles = [f"苏A1000{n},{owner},01390000000{n},new_type" for n, owner in enumerate(owners, 1)]
    (folder / "vehicles.csv").write_text("\n".join(["plate,company_id,terminal,kind", *vehicles]), "utf-8")
    (folder / "companies.csv").write_text("company_id,name\nc1,甲运输公司\nc2,乙运输公司\n", "utf-8")
    registry, files = load_with_files(folder)
    head = RunHead(registry, files, "i" * 64, "1.0", MONDAY_MS + 10 * DAY_MS, "muckwatch run")
    with Store.open(tmp_path / "store", create=True) as opened:
        fixes = make_fixes(["苏A10001", "苏A10003"])
        archive = archive_fixes(opened.path, fixes, registry.zone)
        opened.record(RunRecord(head, make_findings(), span_of(fixes), make_tally(), archive))
        yield opened


def case_of(store: Store) -> str:
    return str(store.query("SELECT violation_id FROM kept.violations WHERE rule = 'unauthorised_dumping'").item())


@pytest.fixture
def sealed(store: Store) -> bytes:
    """The bundle of a case that people have confirmed, among other entries of the log."""
    case = case_of(store)
    with store.transaction():
        store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE violation_id = ?", [case])
        append(store, "decision", case, "王", {"status": "confirmed", "note": "核实"}, at_ms=5)
        append(store, "login", "李", "李", {}, at_ms=6)
    return seal(store, case, gather(store, case, {"map.html": MAP}), actor="王", at_ms=7)


def test_a_bundle_holds_all_that_the_case_rests_on(store: Store, sealed: bytes) -> None:
    case, files = case_of(store), unpacked(sealed)
    row = json.loads(files["violation.json"])
    assert row["violation_id"] == case and row["status"] == "confirmed" and files["map.html"] == MAP
    fixes = [json.loads(line) for line in files["fixes.jsonl"].decode().splitlines()]
    assert {f["plate"] for f in fixes} == {row["plate"]}
    assert fixes[0]["time_ms"] <= row["start_ms"] and fixes[-1]["time_ms"] >= row["end_ms"]
    kept = store.query("SELECT epoch_ms(time) AS ms, lon FROM fixes WHERE plate = ? ORDER BY time", [row["plate"]])
    assert {(f["time_ms"], f["lon"]) for f in fixes} <= set(kept.rows())
    assert [e["kind"] for e in json.loads(files["history.json"])] == ["registry", "run", "finding", "decision"]
    in_force = json.loads(files["registry.json"])["in_force"]
    assert in_force["vehicle"]["plate"] == row["plate"] and in_force["company"]["name"] == "甲运输公司"
    assert "苏A10003" not in files["registry.json"].decode() + files["history.json"].decode()  # nobody else's
    assert "任何一个字节" in files["README.txt"].decode() and b"speed_limit_kmh" in files["policy.toml"]
    assert verify(store).sound


def test_a_bundle_verifies_by_its_own_script_alone(sealed: bytes, tmp_path: Path, store: Store) -> None:
    (tmp_path / "case.zip").write_bytes(sealed)
    with zipfile.ZipFile(tmp_path / "case.zip") as bundle:
        bundle.extractall(tmp_path / "case")
    (tmp_path / "key.pem").write_text(store.query("SELECT public_key FROM ledger.keys").item())
    script = [sys.executable, "-I", tmp_path / "case" / "verify.py"]  # -I: nothing of ours can be imported
    zipped = subprocess.run(
        [*script, tmp_path / "case.zip", "--public-key", tmp_path / "key.pem"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert zipped.returncode == 0 and zipped.stdout.endswith("VALID\n"), zipped.stdout + zipped.stderr
    assert "decision confirmed by 王" in zipped.stdout and "苏A10001" in zipped.stdout
    (tmp_path / "case" / "violation.json").write_text("{}")
    unzipped = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert unzipped.returncode == 1 and "violation.json is not what was sealed" in unzipped.stdout


def test_any_one_byte_that_differs_makes_it_fail(sealed: bytes) -> None:
    by = random.Random(1)
    assert verified(unpacked(sealed))
    for _ in range(300):
        place, changed = by.randrange(len(sealed)), bytearray(sealed)
        changed[place] ^= by.randrange(1, 256)
        with pytest.raises(Bad):
            verified(unpacked(bytes(changed)))
    for cut in (0, 1, len(sealed) // 2, len(sealed) - 1):
        with pytest.raises(Bad):
            verified(unpacked(sealed[:cut]))
    with pytest.raises(Bad):
        unpacked(sealed + b"\n")


def test_any_one_byte_of_the_proof_that_differs_makes_it_fail_unpacked_too(sealed: bytes) -> None:
    files, by = unpacked(sealed), random.Random(2)
    for name in ("proof.json", "manifest.json", "verify.py", "map.html"):
        for _ in range(60):
            changed = bytearray(files[name])
            changed[by.randrange(len(changed))] ^= by.randrange(1, 256)
            with pytest.raises(Bad):
                verified({**files, name: bytes(changed)})
    for more in ({"extra.txt": b""}, {"proof.json": b"{}"}):
        with pytest.raises(Bad):
            verified({**files, **more})


def test_a_bundle_sealed_anew_by_somebody_else_does_not_pass_for_ours(
    store: Store, sealed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = store.query("SELECT public_key FROM ledger.keys").item()
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "forger.pem"))
    case = case_of(store)
    theirs = unpacked(seal(store, case, gather(store, case), actor="forger", at_ms=9))
    assert verified(theirs) and verified(unpacked(sealed), [ours])
    with pytest.raises(Bad, match="another key"):
        verified(theirs, [ours])


def test_findings_changed_behind_the_log_are_not_sealed_as_found(store: Store) -> None:
    case = case_of(store)
    with store.transaction():
        store.execute("UPDATE kept.violations SET points = 1 WHERE violation_id = ?", [case])
    bundle = seal(store, case, gather(store, case), actor="王", at_ms=7)
    with pytest.raises(Bad, match=r"violation\.json is not what the log holds"):
        verified(unpacked(bundle))


def test_a_case_found_by_the_stream_is_proven_with_what_archived_its_fixes(store: Store) -> None:
    case = case_of(store)
    row = store.query("SELECT facts FROM kept.violations WHERE violation_id = ?", [case])
    archive = [[f.path, f.rows, f.sha256] for f in store.manifest()]
    with store.transaction():  # as `reports/intake` says it: files for themselves, findings by workers
        append(store, "run", "archive:1", "intake", {"topic": "fixes", "archive": archive}, at_ms=8)
        append(store, "run", "archive:2", "intake", {"topic": "fixes", "archive": [["x", 1, "f" * 64]]}, at_ms=8)
        append(store, "finding", case, "worker", {"op": "revised", "facts": row.item()}, at_ms=8)
    files = unpacked(seal(store, case, gather(store, case), actor="王", at_ms=9))
    told = verified(files)
    assert not any("another run" in line for line in told)
    subjects = [e["subject"] for e in json.loads(files["history.json"])]
    assert "archive:1" in subjects and "archive:2" not in subjects


def test_an_export_is_an_entry_of_the_log(store: Store, sealed: bytes) -> None:
    found = store.query("SELECT index, actor, payload FROM audit_log WHERE kind = 'export'")
    head = last_head(store)
    assert head and found["index"].to_list() == [head.size - 1] and found["actor"].to_list() == ["王"]
    assert json.loads(found["payload"][0])["what"] == "bundle"


def test_without_a_case_or_a_key_there_is_no_bundle(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreUnusable, match="no violation"):
        gather(store, "nothing")
    files = gather(store, case_of(store))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "file" / "key.pem"))
    with pytest.raises(StoreError, match="no signing key"):
        seal(store, case_of(store), files, actor="王", at_ms=7)
    assert "export" not in store.query("SELECT kind FROM audit_log")["kind"].to_list()


def test_the_script_knows_what_a_finding_is() -> None:
    assert tuple(name for name in frames.SCHEMAS["violations"] if name not in ("violation_id", "facts")) == FOUND
    value: dict[str, Any] = {"b": [1, 2.5, "渣\u2028", None], "a": {"z": True, "y": 1e-7}}
    assert canonical(value) == frames.json_text(value, "x").encode()
    assert zipfile.ZipFile(io.BytesIO(packed({"a": b"1", "b": b""}))).testzip() is None


def test_a_bundle_by_command(town_store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(town_store, folder)
    with Store.read(folder) as store:
        case = store.query("SELECT violation_id FROM kept.violations ORDER BY violation_id LIMIT 1").item()
    done = muckwatch("bundle", case, "--store", folder, "--out", tmp_path / "case.zip")
    assert done.code == 0, done.err
    files = unpacked((tmp_path / "case.zip").read_bytes())
    assert verified(files) and b"leaflet" in files["map.html"] and files["fixes.jsonl"]
    assert muckwatch("bundle", "none", "--store", folder, "--out", tmp_path / "no.zip").code == 2
