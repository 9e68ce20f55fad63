"""The commands about the append-only log and what it proves: verify, head, bundle."""

from __future__ import annotations

from pathlib import Path

import click

from commands.options import store_option
from commands.terminal import say

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@store_option
@click.option("--head", "heads", type=_file, multiple=True, help="A signed head saved earlier; shows what was cut off.")
@click.option("--public-key", "keys", type=_file, multiple=True, help="The key heads must be signed by, as PEM.")
@click.option("--files", is_flag=True, help="Also read every archived file and compare it with the manifest.")
def verify(store_folder: Path, heads: tuple[Path, ...], keys: tuple[Path, ...], files: bool) -> None:
    """Reads the append-only log of a store from end to end and says whether it is what was written.

    Any edit, deletion, insertion, reordering or cut is found, and the first bad entry named; so is any violation in
    the store that the log does not bear out. Whoever can write the store can put a log of his own in its place, with
    keys of his own: against that, give a head and a public key that were kept elsewhere. Exit code 1: something is
    wrong.

    \b
    Examples:
      muckwatch verify --store week47
      muckwatch verify --store week47 --head monday.json --public-key bureau.pem --files
    """
    from reports.ledger.files import changed_files
    from reports.ledger.signing import read_head, read_public_key
    from reports.ledger.verify import verify as read_again
    from reports.store import Store

    saved = [read_head(path) for path in heads]
    trusted = [read_public_key(path.read_text("utf-8", "replace"), str(path)) for path in keys]
    with Store.read(store_folder) as store:
        verdict = read_again(store, saved, trusted)
        wrong = [*([str(verdict.fault)] if verdict.fault else []), *map(str, verdict.unsigned), *verdict.beside]
        wrong += changed_files(store) if files else []
    say(*wrong, f"{verdict.size:,} entries read, {verdict.heads:,} signed heads fitted")
    if wrong:
        raise click.ClickException(f"{store_folder}: not what was written: {wrong[0]}")


@click.command()
@store_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; default: standard output.")
@click.option("--public-key", is_flag=True, help="Give the public key that it is signed with instead, as PEM.")
def head(store_folder: Path, out: Path | None, public_key: bool) -> None:
    """Gives the newest signed head of a store's log, to be kept where nobody who writes the store can reach it.

    A head is the log in one hash, with its length and time, signed. `muckwatch verify --head` compares. The signing
    key stands in MUCKWATCH_SIGNING_KEY or in the user's configuration folder, never in the store.

    \b
    Examples:
      muckwatch head --store week47 --out 2026-11-23.json
      muckwatch head --store week47 --public-key --out bureau.pem
    """
    from reports.errors import StoreError
    from reports.ledger.entries import last_head
    from reports.ledger.signing import head_text
    from reports.store import Store

    with Store.read(store_folder) as store:
        newest = last_head(store)
        if newest is None:
            raise StoreError(f"{store_folder}: nothing in its log is signed yet")
        pem = store.query("SELECT public_key FROM ledger.keys WHERE key_id = ?", [newest.key_id]).item()
    text = pem if public_key else head_text(newest)
    if out:
        out.write_text(text, "utf-8")
        say(out.resolve())
    else:
        click.echo(text, nl=False)


@click.command()
@store_option
@click.argument("case")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file to write.")
@click.option("--attach", type=_file, multiple=True, help="Another file to seal with it: raw frames, a photograph.")
def bundle(store_folder: Path, case: str, out: Path, attach: tuple[Path, ...]) -> None:
    """Seals the evidence of CASE (the id of a violation) into one file that verifies offline by its own script.

    The fixes as they were archived, the finding with the version of its rule, the registry rows and the policy in
    force, what people decided, the map, and the proof that the log holds all of it. The export is itself logged.

    \b
    Examples:
      muckwatch bundle 0123456789abcdef0123 --store week47 --out case.zip
      python verify.py case.zip --public-key bureau.pem
    """

    from commands.operator import me, now_ms
    from maps.data import violation_data
    from maps.trip_page import trip_map
    from reports.ledger.bundle import gather, seal
    from reports.store import Store

    with Store.open(store_folder) as store:
        files = gather(store, case)
        files |= {"map.html": trip_map(violation_data(store, case)).encode()}
        files |= {
            f"attached-{number}{path.suffix if path.suffix.isascii() else ''}": path.read_bytes()
            for number, path in enumerate(attach, 1)
        }
        sealed = seal(store, case, files, actor=me(), at_ms=now_ms())
    out.write_bytes(sealed)
    say(f"{out.resolve()}: {len(files) + 2} files, {len(sealed):,} bytes")
