"""Verifies an evidence bundle, with no network: needs Python 3.9 or later and the package `cryptography`.

    python verify.py bundle.zip [--public-key bureau.pem]
    python verify.py                      (in the unpacked folder)

Any byte of the bundle that is not what was sealed makes it fail. That the seal is the bureau's own shows from its
public key, which must be had from the bureau and not from the bundle; and this script, if in doubt, likewise.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MANIFEST, PROOF = "manifest.json", "proof.json"
#: What the digest of a finding is taken over, in this order.
FOUND = (
    "rule", "plate", "company_id", "permit_no", "trip_id", "start_ms", "end_ms", "lon", "lat", "district_id", "site_id",
    "confidence", "points", "scored_under", "rule_version", "evidence",
)  # fmt: skip
HEAD = ("log_id", "size", "at_ms", "root", "chain", "key_id")
LINUX, STORED, DOS_DATE = 3, 0, 0x21  # 1980-01-01


class Bad(Exception):
    """What is wrong with a bundle."""


def canonical(value: Any) -> bytes:
    """JSON in the one form that is hashed and signed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def packed(files: dict[str, bytes]) -> bytes:
    """The files as a ZIP in the one form that a bundle has: by name, stored, without times."""
    body, directory = io.BytesIO(), io.BytesIO()
    for name in sorted(files):
        content, raw = files[name], name.encode("ascii")
        told = (20, 0, STORED, 0, DOS_DATE, zlib.crc32(content), len(content), len(content), len(raw), 0)
        directory.write(struct.pack("<IBB5H3I5H2I", 0x02014B50, 20, LINUX, *told, 0, 0, 0, 0o100644 << 16, body.tell()))
        directory.write(raw)
        body.write(struct.pack("<I5H3I2H", 0x04034B50, *told) + raw + content)
    start, listed = body.tell(), directory.getvalue()
    body.write(listed + struct.pack("<I4H2IH", 0x06054B50, 0, 0, len(files), len(files), len(listed), start, 0))
    return body.getvalue()


def unpacked(raw: bytes) -> dict[str, bytes]:
    """The files of a bundle.

    Raises:
        Bad: if any byte of the ZIP around them is not as it was made.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as found:
            files = {info.filename: found.read(info) for info in found.infolist()}
        same = packed(files) == raw
    except Exception as error:  # whatever a broken ZIP makes of it
        raise Bad(f"not a whole bundle: {error}") from error
    if not same:
        raise Bad("the ZIP is not as it was made")
    return files


def verified(files: dict[str, bytes], trusted: Sequence[str] = ()) -> list[str]:
    """What a bundle says for certain, in lines; `trusted` are public keys in PEM, one of which must have signed.

    Raises:
        Bad: at the first thing that is wrong.
    """
    for name in (MANIFEST, PROOF):
        if name not in files:
            raise Bad(f"{name} is missing")
    try:
        proof, manifest = json.loads(files[PROOF].decode()), json.loads(files[MANIFEST].decode())
        if canonical(proof) != files[PROOF] or set(proof) != {"entries", "head", "public_key"}:
            raise Bad(f"{PROOF} is not as it was made")
        _files(files, manifest)
        key_id = _head(proof["head"], proof["public_key"], trusted)
        entries = [_entry(entry, proof["head"]) for entry in proof["entries"]]
        return _agree(files, manifest, entries) + _told(entries, proof["head"], key_id)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Bad(f"not as it was made: {error!r}") from error


def _files(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    listed = manifest["files"]
    others = set(files) - {MANIFEST, PROOF}
    if others != set(listed):
        raise Bad("not the files of the manifest: " + ", ".join(sorted(others ^ set(listed))))
    for name, about in sorted(listed.items()):
        found = {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
        if found != about:
            raise Bad(f"{name} is not what was sealed")


def _head(head: dict[str, Any], pem: str, trusted: Sequence[str]) -> str:
    """Checks the signature of the tree head; gives the key's id."""
    key = _public_key(pem)
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() != pem:
        raise Bad("the public key is not as it was made")
    if trusted and raw not in [_public_key(t).public_bytes(Encoding.Raw, PublicFormat.Raw) for t in trusted]:
        raise Bad("signed by another key than the one given")
    key_id = hashlib.sha256(raw).hexdigest()[:16]
    signature = bytes.fromhex(head["signature"])
    if set(head) != {*HEAD, "signature"} or head["key_id"] != key_id or signature.hex() != head["signature"]:
        raise Bad("the tree head is not as it was made")
    try:
        key.verify(signature, canonical({name: head[name] for name in HEAD}))
    except InvalidSignature:
        raise Bad("the tree head is not signed by its key") from None
    return key_id


def _public_key(pem: str) -> Ed25519PublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, Ed25519PublicKey):
        raise Bad("not an Ed25519 key")
    return key


def _entry(entry: dict[str, Any], head: dict[str, Any]) -> dict[str, Any]:
    """Checks that an entry is in the tree (RFC 9162, 2.1.3.2); gives what it says."""
    body = entry["body"].encode()
    said = json.loads(body)
    index, size, path = said["index"], head["size"], [bytes.fromhex(each) for each in entry["path"]]
    if set(entry) != {"body", "path"} or [each.hex() for each in path] != entry["path"] or not 0 <= index < size:
        raise Bad(f"entry {index} is not as it was made")
    at, last, node = index, size - 1, hashlib.sha256(b"\x00" + body).digest()
    for other in path:
        if last == 0:
            raise Bad(f"entry {index}: its proof is too long")
        if at % 2 or at == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while not at % 2 and at:
                at, last = at >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        at, last = at >> 1, last >> 1
    if last != 0 or node.hex() != head["root"]:
        raise Bad(f"entry {index} is not in the log that was signed")
    return dict(said)


def _agree(files: dict[str, bytes], manifest: dict[str, Any], entries: list[dict[str, Any]]) -> list[str]:
    """Checks that the files say what the log says; gives the case in lines."""
    case = manifest["case"]
    sealed = [e["payload"] for e in entries if e["kind"] == "export" and e["subject"] == case]
    if not sealed or sealed[-1]["manifest_sha256"] != hashlib.sha256(files[MANIFEST]).hexdigest():
        raise Bad("the log does not hold this manifest")
    row, sources = json.loads(files["violation.json"].decode()), json.loads(files["sources.json"].decode())
    found = [
        e["payload"] for e in entries
        if e["kind"] == "finding" and e["subject"] == case and e["payload"]["op"] in ("new", "revised")
    ]  # fmt: skip
    facts = hashlib.sha256(canonical([row[name] for name in FOUND])).hexdigest()
    if row["violation_id"] != case or not found or found[-1]["facts"] != facts:
        raise Bad("violation.json is not what the log holds as found")
    runs = [e["payload"] for e in entries if e["kind"] == "run"]
    judged = ([run for run in runs if "registry_digest" in run] or [{}])[-1]
    registry = json.loads(files["registry.json"].decode())
    if (registry["digest"], registry["policy_digest"]) != (judged.get("registry_digest"), judged.get("policy_digest")):
        raise Bad("registry.json is not of the registry that it was judged by")
    archived = {(path, sha256) for run in runs for path, _, sha256 in run["archive"]}
    unknown = [f["path"] for f in sources["archive"] if (f["path"], f["sha256"]) not in archived]
    fixes = files["fixes.jsonl"].decode().splitlines()
    lines = [f"case        {case}: {row['rule']}, {row['plate']}, rule version {row['rule_version']}"]
    lines.append(f"fixes       {len(fixes)}, from {len(sources['archive'])} archived files")
    if unknown:
        lines.append("note        archived by another run than those proven here: " + ", ".join(unknown))
    return lines


def _told(entries: list[dict[str, Any]], head: dict[str, Any], key_id: str) -> list[str]:
    """The entries, the head and the key, in lines."""
    lines = []
    for e in entries:
        said = e["payload"]
        what = said.get("status") or said.get("op") or said.get("what") or ""
        lines.append(f"log {e['index']:>7} {e['kind']} {what} by {e['actor'] or '-'}")
    lines.append(f"signed head {head['size']} entries, at {head['at_ms']} ms, log {head['log_id']}")
    lines.append(f"signed by   key {key_id}: compare it with the key that the bureau publishes")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Verifies what is named, prints what it says, and gives the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    trusted = []
    while "--public-key" in given:
        at = given.index("--public-key")
        trusted.append(Path(given[at + 1]).read_text("utf-8"))
        del given[at : at + 2]
    place = Path(given[0]) if given else Path(__file__).resolve().parent
    try:
        if place.is_dir():
            found = [p for p in place.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
            files = {p.relative_to(place).as_posix(): p.read_bytes() for p in found}
        else:
            files = unpacked(place.read_bytes())
        for line in verified(files, trusted):
            print(line)
    except (Bad, OSError) as error:
        print(f"NOT VALID: {error}")
        return 1
    print("VALID")
    return 0


if __name__ == "__main__":
    sys.exit(main())
