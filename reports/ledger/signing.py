"""Signed tree heads: what the log was at a time, under a key that is kept outside the store.

Whoever can write the store can rewrite the log, but cannot sign it; and a head saved elsewhere shows what was cut.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from threading import get_ident

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from reports.errors import StoreError, StoreUnusable

#: Names the file of the signing key; without it, it stands in the user's configuration folder.
KEY_VARIABLE = "MUCKWATCH_SIGNING_KEY"
KEY_FILE = "log-signing-key.pem"


@dataclass(frozen=True)
class TreeHead:
    """The log's first `size` entries in one hash, at a time (epoch ms), signed by the key `key_id`."""

    log_id: str
    size: int
    at_ms: int
    root: str
    chain: str
    key_id: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature is over: the canonical JSON of everything but the signature."""
        said = asdict(self)
        del said["signature"]
        return rfc8785.dumps(said)

    def signed_by(self, public_key: Ed25519PublicKey) -> bool:
        """Whether that key signed this head."""
        try:
            public_key.verify(bytes.fromhex(self.signature), self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key that signs tree heads."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_pem = public_pem(key.public_key())
        self.key_id = key_id(key.public_key())

    def derived(self, purpose: str) -> bytes:
        """A secret of 32 bytes for one purpose, the same each time, that need not be stored anywhere."""
        raw = self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        return HKDF(SHA256(), 32, salt=None, info=f"muckwatch {purpose}".encode()).derive(raw)

    def sign(self, log_id: str, size: int, at_ms: int, root: bytes, chain: bytes) -> TreeHead:
        """The signed head of a log as it is."""
        head = TreeHead(log_id, size, at_ms, root.hex(), chain.hex(), self.key_id)
        return TreeHead(**{**asdict(head), "signature": self._key.sign(head.signed_bytes()).hex()})


def key_id(key: Ed25519PublicKey) -> str:
    """A short name of a key: the start of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def public_pem(key: Ed25519PublicKey) -> str:
    """The public key as PEM, the form in which it is handed out."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def read_public_key(pem: str, whose: str) -> Ed25519PublicKey:
    """Reads a public key.

    Raises:
        StoreUnusable: naming `whose` it is, if it is no Ed25519 public key in PEM.
    """
    with suppress(ValueError):
        key = load_pem_public_key(pem.encode())
        if isinstance(key, Ed25519PublicKey):
            return key
    raise StoreUnusable(f"{whose}: not an Ed25519 public key in PEM")


def read_head(path: Path) -> TreeHead:
    """Reads a saved head.

    Raises:
        StoreUnusable: if the file holds none.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
        return TreeHead(**{name: kind(said[name]) for name, kind in _HEAD_FIELDS.items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreUnusable(f"{path}: not a signed tree head as `muckwatch head` writes it") from error


_HEAD_FIELDS = {"log_id": str, "size": int, "at_ms": int, "root": str, "chain": str, "key_id": str, "signature": str}


def head_text(head: TreeHead) -> str:
    """A head as a file to keep."""
    return json.dumps(asdict(head), indent=1) + "\n"


def usual_key_file() -> Path:
    """Where the signing key is: where the environment says, else in the user's configuration folder."""
    said = os.environ.get(KEY_VARIABLE)
    if said:
        return Path(said)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "muckwatch" / KEY_FILE


def usual_signer() -> Signer | None:
    """The signer of this machine; its key is made on first use. None where no key can be kept.

    Raises:
        StoreError: if the key file is there but cannot be used.
    """
    try:
        return _signer(usual_key_file())
    except RuntimeError:  # nobody's home
        return None


@cache
def _signer(path: Path) -> Signer | None:
    try:
        if not path.exists():
            _make_key(path)
        mode, content = path.stat().st_mode, path.read_bytes()
    except OSError:
        return None
    if mode & 0o077:
        raise StoreError(f"{path}: the signing key can be read by others; chmod 600 it")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path}: not a signing key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StoreError(f"{path}: not an Ed25519 key")
    return Signer(key)


def _make_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    keep_secret(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def keep_secret(path: Path, content: bytes) -> None:
    """Makes a key file that only its owner reads; of two that make one at once, the first stays.

    Raises:
        OSError: if it cannot be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
