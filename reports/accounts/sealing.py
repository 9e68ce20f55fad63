"""Seals what the store must be able to read again but nobody who copies it: the secrets of second factors.

AES-256-GCM under a key that is kept beside the log's signing key, outside the store; the user's id is bound in, so that
a sealed secret is of no use in another's row.
"""

from __future__ import annotations

import base64
import os
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from reports.errors import StoreError
from reports.ledger.signing import keep_secret, usual_key_file

KEY_FILE = "secrets.key"
#: What a sealed secret begins with; base32 has no colon, so that a readable one of an older store is told apart.
_MARK = "sealed:1:"
_KEY_BYTES, _NONCE_BYTES = 32, 12


def is_sealed(kept: str) -> bool:
    """Whether what is kept is sealed; an empty text is no secret at all."""
    return kept.startswith(_MARK)


def sealed(secret: str, user_id: str) -> str:
    """The secret as it is kept.

    Raises:
        StoreError: if no key can be kept on this machine.
    """
    nonce = os.urandom(_NONCE_BYTES)
    box = nonce + AESGCM(_key()).encrypt(nonce, secret.encode(), user_id.encode())
    return _MARK + base64.b64encode(box).decode()


def opened(kept: str, user_id: str) -> str | None:
    """The secret that is kept for a user; None where it cannot be opened with the key of this machine.

    Raises:
        StoreError: if the key cannot be read.
    """
    if not is_sealed(kept):
        return kept
    try:
        box = base64.b64decode(kept.removeprefix(_MARK), validate=True)
        return AESGCM(_key()).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], user_id.encode()).decode()
    except (InvalidTag, ValueError):
        return None


def _key() -> bytes:
    try:
        return _read(usual_key_file().with_name(KEY_FILE))
    except (RuntimeError, OSError) as error:  # nobody's home, or a folder that cannot be written
        raise StoreError(f"second factors need a key file, and none can be made or read: {error}") from error


@cache
def _read(path: Path) -> bytes:
    if not path.exists():
        keep_secret(path, os.urandom(_KEY_BYTES))
    mode, content = path.stat().st_mode, path.read_bytes()
    if mode & 0o077:
        raise StoreError(f"{path}: the key can be read by others; chmod 600 it")
    if len(content) != _KEY_BYTES:
        raise StoreError(f"{path}: not a key of {_KEY_BYTES} bytes; restore it, or enrol every second factor anew")
    return content
