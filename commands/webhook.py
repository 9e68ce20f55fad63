"""The commands about webhooks: webhook add, list, remove, rotate."""

from __future__ import annotations

from pathlib import Path

import click

from commands.operator import me, now_ms
from commands.options import store_option
from commands.terminal import say, table


@click.group()
def webhook() -> None:
    """Addresses that `muckwatch serve` tells when a case is confirmed, appealed, upheld or voided."""


@webhook.command()
@store_option
@click.argument("url")
@click.option("--allow", multiple=True, metavar="NETWORK", help="A network that is not public and may be told.")
def add(store_folder: Path, url: str, allow: tuple[str, ...]) -> None:
    """Adds URL and prints the secret that its deliveries are signed with.

    Deliveries go to public addresses over https. An address in the office's own network, or plain http, needs --allow
    with that network. They are signed as the Standard Webhooks say: base64 of HMAC-SHA256 over "id.timestamp.body".
    One that is not taken with 2xx is tried again for three days, under the same id.

    \b
    Examples:
      muckwatch webhook add https://credit.example/hooks --store city
      muckwatch webhook add http://10.1.2.3:8000/hooks --allow 10.1.2.0/24 --store city
    """
    from reports.credit.outbox import add_hook
    from reports.store import Store

    with Store.open(store_folder) as store:
        hook = add_hook(store, url, allow=allow, actor=me(), at_ms=now_ms())
    say(f"webhook {hook.hook_id}", f"secret {hook.shown_secret()}")


@webhook.command("list")
@store_option
def list_(store_folder: Path) -> None:
    """Lists the addresses that are told, with what waits for each.

    \b
    Example:
      muckwatch webhook list --store city
    """
    from reports.credit.outbox import hooks, standing
    from reports.store import Store

    with Store.read(store_folder) as store:
        counts = standing(store)
        rows = [(h.hook_id, h.url, " ".join(h.allow), *counts.get(h.hook_id, (0, 0, 0, ""))) for h in hooks(store)]
    table(("id", "address", "allowed", "delivered", "waiting", "given up", "last error"), rows)


@webhook.command()
@store_option
@click.argument("hook_id")
def remove(store_folder: Path, hook_id: str) -> None:
    """Tells HOOK_ID (of `webhook list`) nothing more.

    \b
    Example:
      muckwatch webhook remove 3f9a0c1b2d4e --store city
    """
    from reports.credit.outbox import remove_hook
    from reports.store import Store

    with Store.open(store_folder) as store:
        remove_hook(store, hook_id, actor=me(), at_ms=now_ms())
    say(f"webhook {hook_id} is told nothing more")


@webhook.command()
@store_option
@click.argument("hook_id")
def rotate(store_folder: Path, hook_id: str) -> None:
    """Gives HOOK_ID another secret at once and prints it.

    \b
    Example:
      muckwatch webhook rotate 3f9a0c1b2d4e --store city
    """
    from reports.credit.outbox import rotate_hook
    from reports.store import Store

    with Store.open(store_folder) as store:
        hook = rotate_hook(store, hook_id, actor=me(), at_ms=now_ms())
    say(f"secret {hook.shown_secret()}")
