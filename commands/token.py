"""The commands about tokens of other systems: token add, list, revoke, rotate."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from commands.operator import me, now_ms
from commands.options import store_option
from commands.terminal import say, table


@click.group()
def token() -> None:
    """Tokens with which other systems call the API."""


_days = click.option("--days", default=90, show_default=True, help="How long it is good.")


@token.command()
@store_option
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="scores:read or fixes:write; may be given twice.")
@_days
@click.option("--per-minute", default=120, show_default=True, help="How many calls a minute it may make.")
def add(store_folder: Path, name: str, scopes: tuple[str, ...], days: int, per_minute: int) -> None:
    """Makes a token for the client NAME and prints it, the only time it can be read.

    \b
    Example:
      muckwatch token add credit-office --scope scores:read --store city
    """
    from reports.credit.tokens import add_token
    from reports.store import Store

    with Store.open(store_folder) as store:
        made = add_token(store, name, scopes, actor=me(), at_ms=now_ms(), days=days, per_minute=per_minute)
    _show(made)


@token.command("list")
@store_option
def list_(store_folder: Path) -> None:
    """Lists every token: whose, for what, until when. The tokens themselves are not kept.

    \b
    Example:
      muckwatch token list --store city
    """
    from reports.credit.tokens import tokens
    from reports.store import Store

    with Store.read(store_folder) as store:
        found = tokens(store)
    at_ms = now_ms()
    rows = [
        (t.token_id, t.name, " ".join(t.scopes), t.per_minute, _day(t.created_ms), _day(t.expires_ms),
         "live" if t.live(at_ms) else "revoked" if t.revoked_ms else "expired", t.replaces)
        for t in found
    ]  # fmt: skip
    table(("id", "client", "scopes", "a minute", "made", "until", "state", "replaces"), rows)


@token.command()
@store_option
@click.argument("token_id")
def revoke(store_folder: Path, token_id: str) -> None:
    """Ends the token TOKEN_ID (of `token list`) at once.

    \b
    Example:
      muckwatch token revoke 3f9a0c1b2d4e --store city
    """
    from reports.credit.tokens import revoke_token
    from reports.store import Store

    with Store.open(store_folder) as store:
        revoke_token(store, token_id, actor=me(), at_ms=now_ms())
    say(f"token {token_id} has ended")


@token.command()
@store_option
@click.argument("token_id")
@_days
@click.option("--overlap-days", default=7, show_default=True, help="How long the old one stays good beside it.")
def rotate(store_folder: Path, token_id: str, days: int, overlap_days: int) -> None:
    """Makes the successor of TOKEN_ID and prints it; both are good for a while, so that the client can change over.

    \b
    Example:
      muckwatch token rotate 3f9a0c1b2d4e --store city
    """
    from reports.credit.tokens import rotate_token
    from reports.store import Store

    with Store.open(store_folder) as store:
        made = rotate_token(
            store, token_id, actor=me(), at_ms=now_ms(), days=days, overlap_days=overlap_days
        )  # fmt: skip
    _show(made)


def _show(made: str) -> None:
    click.echo(made)
    say("Keep it like a password: it is not stored and cannot be shown again.", err=True)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
