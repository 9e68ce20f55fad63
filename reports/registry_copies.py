"""Exact copies of every registry folder used, so that reports and maps need nothing but the store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from reports.archive import sync_folder
from reports.errors import StoreError
from rules.registry import Registry, RegistryError, load
from rules.registry import digest as digest_of

REGISTRY_FOLDER = "registry"


def keep_registry(store_folder: Path, digest: str, files: Mapping[str, bytes]) -> None:
    """Keeps a registry folder (file name to bytes) under its digest, whole or not at all.

    Raises:
        StoreError: if it cannot be written, or the files are not those of the digest.
    """
    if digest_of(files) != digest:
        raise StoreError("the registry was changed while the run was under way; run again")
    root = store_folder / REGISTRY_FOLDER
    target, aside = root / digest, root / f"{digest}.tmp"
    if target.is_dir():
        return
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for name, content in files.items():
            if Path(name).name != name:
                raise StoreError(f"{name!r}: a registry file lies in the registry folder itself")
            (aside / name).write_bytes(content)
            sync_folder(aside / name)
        sync_folder(aside)
        aside.rename(target)
        sync_folder(root)
    except OSError as error:
        raise StoreError(f"{root}: cannot keep the registry: {error.strerror or error}") from error


def sweep_registries(store_folder: Path) -> None:
    """Removes what a killed run left half copied. Writer only."""
    for leftover in (store_folder / REGISTRY_FOLDER).glob("*.tmp"):
        shutil.rmtree(leftover)


def load_registry(store_folder: Path, digest: str) -> Registry:
    """The registry of that digest, from its copy.

    Raises:
        StoreError: if the copy is gone, cannot be used, or is not what was recorded.
    """
    folder = store_folder / REGISTRY_FOLDER / digest
    if not folder.is_dir():
        raise StoreError(f"{folder}: the copy of the registry is gone")
    try:
        registry = load(folder)
    except RegistryError as error:
        raise StoreError(f"{folder}: this copy of the registry cannot be used: {str(error).splitlines()[0]}") from error
    if registry.digest != digest:
        raise StoreError(f"{folder}: this copy of the registry has been changed since it was recorded")
    return registry
