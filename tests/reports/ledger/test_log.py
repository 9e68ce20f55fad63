"""The append-only log: what is in it, how it is hashed, what verifying tells."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cli_town import muckwatch
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as revised
from small_store import make_findings, make_fixes, make_tally, make_violation, span_of

from reports.errors import StoreError, StoreUnusable
from reports.ledger.entries import Entry, append, append_all, canonical, last_head, state_of
from reports.ledger.signing import KEY_VARIABLE, read_head, read_public_key
from reports.ledger.tree import Frontier, LeafTree, leaf_hash
from reports.ledger.verify import verify
from reports.recording import RunRecord
from reports.store import Store


def rfc_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, word for word; the leaves are hashed already."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:k]) + rfc_root(leaves[k:])).digest()


def rfc_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*rfc_path(m, leaves[:k]), rfc_root(leaves[k:])]
    return [*rfc_path(m - k, leaves[k:]), rfc_root(leaves[:k])]


_WORDS = st.none() | st.booleans() | st.integers(-(2**54), 2**54) | st.text(st.characters(), max_size=8)
_PAYLOADS = st.dictionaries(st.text(max_size=4), _WORDS | st.floats() | st.lists(_WORDS, max_size=3), max_size=6)


@given(_PAYLOADS, st.text(max_size=5))
def test_whatever_the_payload_the_bytes_are_those_of_rfc_8785(payload: dict[str, Any], subject: str) -> None:
    entry = Entry("finding", subject, "run", payload)
    whole = {"index": 7, "at_ms": 1, "kind": "finding", "subject": subject, "actor": "run", "payload": payload}
    try:
        expected = rfc8785.dumps({**whole, "salt": "00ff"})
    except (rfc8785.CanonicalizationError, UnicodeError):
        with pytest.raises(StoreError, match="cannot be kept in the log"):
            canonical(7, 1, entry, b"\x00\xff")
    else:
        assert canonical(7, 1, entry, b"\x00\xff") == expected


@given(st.integers(0, 70), st.data())
def test_roots_and_paths_are_those_of_rfc_9162(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(size)]
    assert all(leaf == hashlib.sha256(b"\x00" + str(n).encode()).digest() for n, leaf in enumerate(leaves))
    frontier = Frontier(0, [])
    for leaf in leaves:
        frontier.add(leaf)
    assert frontier.root() == rfc_root(leaves)
    if size:
        at = data.draw(st.integers(0, size - 1))
        assert LeafTree(leaves).inclusion_path(at) == rfc_path(at, leaves)


#: The leaves of the Certificate Transparency reference's tests, and the roots of the trees over the first one, two, ...
CT_LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
CT_PATH = (  # of the first of the eight
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)


def test_the_tree_gives_the_published_roots_and_path() -> None:
    leaves, frontier = [leaf_hash(bytes.fromhex(leaf)) for leaf in CT_LEAVES], Frontier(0, [])
    assert frontier.root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for leaf, root in zip(leaves, CT_ROOTS, strict=True):
        frontier.add(leaf)
        assert frontier.root().hex() == root
    assert [each.hex() for each in LeafTree(leaves).inclusion_path(0)] == list(CT_PATH)
    for index in (-1, 8):
        with pytest.raises(IndexError, match="in a tree of 8"):
            LeafTree(leaves).inclusion_path(index)


def kinds_of(store: Store) -> list[str]:
    return store.query("SELECT kind FROM audit_log ORDER BY index")["kind"].to_list()


def payloads(store: Store, kind: str) -> list[dict[str, Any]]:
    found = store.query("SELECT payload FROM audit_log WHERE kind = ? ORDER BY index", [kind])["payload"]
    return [json.loads(text) for text in found]


def test_a_run_logs_its_registry_itself_and_what_it_found(store: Store) -> None:
    assert kinds_of(store) == ["registry", "run", "finding", "finding", "finding"]
    run = payloads(store, "run")[0]
    assert run["violations"]["new"] == 3
    assert {sha for _, _, sha in run["archive"]} == {f.sha256 for f in store.manifest()}
    assert {p["op"] for p in payloads(store, "finding")} == {"new"}
    verdict = verify(store)
    assert verdict.sound and verdict.size == 5 and verdict.heads == 1


def test_what_a_later_run_changes_is_logged_and_what_it_does_not_is_not(
    store: Store, make_head: Callable[..., Any]
) -> None:
    found, spans = make_findings(), span_of(make_fixes(["苏A10001", "苏A10003"]))
    store.record(RunRecord(make_head(), found, spans, make_tally()))
    assert kinds_of(store)[5:] == ["run"]  # the same again
    longer = [revised(v, end_ms=v.end_ms + 1000) if v.rule == "quiet_zone" else v for v in found.violations]
    kept = [v for v in longer if v.rule != "off_route"]
    store.record(RunRecord(make_head("j" * 64), replace(found, violations=kept), spans, make_tally()))
    changes = {p["rule"]: (p["op"], p["revision"]) for p in payloads(store, "finding")[3:]}
    assert changes == {"quiet_zone": ("revised", 2), "off_route": ("removed", 1)}
    assert verify(store).sound


def test_facts_against_a_decided_case_are_logged_once_as_doubt(store: Store, make_head: Callable[..., Any]) -> None:
    dumping = make_findings().violations[1]
    with store.transaction():
        store.execute("UPDATE kept.violations SET status = 'confirmed' WHERE violation_id = ?", [dumping.violation_id])
        append(store, "decision", dumping.violation_id, "王", {"status": "confirmed"}, at_ms=1)
    for digest in ("j", "k"):
        gone = replace(make_findings(), violations=[make_violation(rule="quiet_zone", plate="苏A10003", hour=45.2)])
        spans = span_of(make_fixes(["苏A10001", "苏A10003"]))
        store.record(RunRecord(make_head(digest * 64), gone, spans, make_tally()))
    doubts = [p["violation_id"] for p in payloads(store, "finding") if p["op"] == "in_doubt"]
    assert doubts == [dumping.violation_id]
    assert verify(store).sound


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE kept.violations SET points = 1 WHERE rule = 'quiet_zone'", "its columns are not what was found"),
        ("UPDATE kept.violations SET evidence = '{}' WHERE rule = 'quiet_zone'", "its columns are not what was found"),
        ("UPDATE kept.violations SET status = 'confirmed'", "confirmed in the store, flagged in the log"),
        ("DELETE FROM kept.violations WHERE rule = 'quiet_zone'", "in the log, but missing from the store"),
        (
            "UPDATE kept.violations SET violation_id = 'other' WHERE rule = 'quiet_zone'",
            "violation other: not in the log",
        ),
    ],
)
def test_a_row_changed_behind_the_logs_back_shows(store: Store, change: str, told: str) -> None:
    with store.transaction():
        store.execute(change)
    verdict = verify(store)
    assert verdict.fault is None and any(told in line for line in verdict.beside), verdict.beside


def test_nothing_is_logged_of_what_is_taken_back(store: Store) -> None:
    before = state_of(store)
    with pytest.raises(ZeroDivisionError), store.transaction():
        append(store, "login", "u1", "u1", {}, at_ms=1)
        raise ZeroDivisionError
    assert state_of(store) == before and verify(store).sound


def test_an_entry_that_is_no_json_is_refused(store: Store) -> None:
    for bad in (float("nan"), 2**60, object(), "\ud800"):
        with pytest.raises(StoreError, match="login u1: cannot be kept in the log"), store.transaction():
            append(store, "login", "u1", "u1", {"bad": bad}, at_ms=1)


def test_equal_entries_have_unlike_hashes(store: Store) -> None:
    with store.transaction():
        append_all(store, [Entry("login", "u1", "u1", {})] * 2, at_ms=1)
    assert len(set(store.query("SELECT leaf FROM audit_log")["leaf"])) == 7


def test_the_key_is_made_once_for_its_owner_alone(signing_key: Path, store: Store) -> None:
    assert signing_key.stat().st_mode & 0o777 == 0o600
    head = last_head(store)
    pem = store.query("SELECT public_key FROM ledger.keys").item()
    assert head and head.size == 5 and head.signed_by(read_public_key(pem, "key"))
    assert not replace(head, size=4).signed_by(read_public_key(pem, "key"))
    assert signing_key.parent not in store.path.parents


def test_without_a_key_nothing_is_lost_and_nobody_vouches(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, signing_key: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "file" / "key.pem"))  # cannot be made there
    with store.transaction():
        append(store, "login", "u1", "u1", {}, at_ms=1)
    assert str(verify(store).unsigned[0]).startswith("entry 5: added without a signature")
    monkeypatch.setenv(KEY_VARIABLE, str(signing_key))
    with store.transaction():
        assert append(store, "login", "u2", "u2", {}, at_ms=2) == 7
    verdict = verify(store)
    assert kinds_of(store)[5:] == ["login", "unsigned", "login"] and not verdict.sound
    assert [(f.first, f.last) for f in verdict.unsigned] == [(5, 5)]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "open.pem"
    key.write_text("secret")
    key.chmod(0o644)
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    with pytest.raises(StoreError, match="chmod 600"), store.transaction():
        append(store, "login", "u1", "u1", {}, at_ms=1)


def test_commands_verify_a_store_against_a_saved_head_and_key(tmp_path: Path, town_store: Path) -> None:
    saved, pem = tmp_path / "head.json", tmp_path / "key.pem"
    assert muckwatch("head", "--store", town_store, "--out", saved).code == 0
    assert muckwatch("head", "--store", town_store, "--public-key", "--out", pem).code == 0
    done = muckwatch("verify", "--store", town_store, "--head", saved, "--public-key", pem, "--files")
    assert done.code == 0 and "entries read" in done.out, done.err
    assert read_head(saved).size > 2
    saved.write_text(saved.read_text().replace('"size": ', '"size": 1'))
    done = muckwatch("verify", "--store", town_store, "--head", saved)
    assert done.code == 1 and "missing: the log was longer" in done.err
    saved.write_text("{}")
    done = muckwatch("verify", "--store", town_store, "--head", saved)
    assert done.code == 2 and "not a signed tree head" in done.err
    with pytest.raises(StoreUnusable, match="not an Ed25519 public key"):
        read_public_key("nothing", "key")


def test_files_changed_behind_the_manifest_show(store: Store) -> None:
    from reports.ledger.files import changed_files

    assert changed_files(store) == []
    first, second = (store.path / "fixes" / f.path for f in store.manifest()[:2])
    with first.open("r+b") as stream:
        stream.seek(100)
        stream.write(os.urandom(8))
    second.unlink()
    told = changed_files(store)
    assert len(told) == 2 and "not what was archived" in told[0] and "cannot be read" in told[1]
