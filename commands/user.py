"""The commands about users of the pages, for the first one and for when nobody can sign in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.operator import me, now_ms
from commands.options import store_option
from commands.terminal import say, table

if TYPE_CHECKING:
    from reports.store import Store


@contextmanager
def _accounts(folder: Path, *, create: bool = False) -> Iterator[Store]:
    """The store, for writing; what an account cannot be is a usage error."""
    from reports.accounts.users import AccountError
    from reports.store import Store

    with Store.open(folder, create=create) as store:
        try:
            yield store
        except AccountError as error:
            raise click.UsageError(str(error)) from None


def _password() -> str:
    """A password typed twice, or the first line of standard input where nobody types."""
    if sys.stdin.isatty():
        return str(click.prompt("password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


@click.group()
def user() -> None:
    """Adds and changes users of the review pages, while `serve` is stopped.

    While it runs, administrators do the same on the page /users. Passwords are asked for, or read from standard input;
    they are never arguments, which other users of the machine could see.

    \b
    Examples:
      muckwatch user add zhang --role admin --name 张三 --store city
      muckwatch user add li --role reviewer --districts d1,d2 --store city
      muckwatch user list --store city
    """


@user.command()
@click.argument("name")
@store_option
@click.option(
    "--role", required=True, help="reviewer, second_reviewer, appeal_officer, inspector, company, auditor, admin."
)
@click.option("--name", "shown", default="", help="As people read it.")
@click.option("--company", default="", help="The company of a company user.")
@click.option(
    "--districts", default="", help="District ids that an officer is bound to, comma-separated; default: all."
)
def add(name: str, store_folder: Path, role: str, shown: str, company: str, districts: str) -> None:
    """Adds a user; the password is asked for. Where there is no store yet, an empty one is made."""
    from reports.accounts.users import add_user

    password = _password()
    with _accounts(store_folder, create=True) as store:
        known = dict(store.query("SELECT subject_id, name FROM kept.subjects WHERE subject = 'company'").iter_rows())
        if company and company not in known:
            raise click.UsageError(f"{company!r}: the registry has no such company")
        add_user(
            store, name, role, password, by=me(), at_ms=now_ms(), name=shown, company_id=company, districts=districts
        )
    say(f"{name}: added as {role}")


@user.command("list")
@store_option
def list_(store_folder: Path) -> None:
    """Prints every user."""
    from reports.accounts.users import users
    from reports.store import Store

    with Store.read(store_folder) as store:
        found = users(store)
    table(
        ("user", "name", "role", "company", "districts", "second factor", "locked"),
        [(u.user_id, u.name, u.role, u.company_id, u.districts, bool(u.totp_secret), u.closed) for u in found],
    )


@user.command()
@click.argument("name")
@click.argument("role")
@store_option
@click.option("--company", default="", help="The company of a company user.")
@click.option(
    "--districts", default="", help="District ids that an officer is bound to, comma-separated; default: all."
)
def role(name: str, role: str, store_folder: Path, company: str, districts: str) -> None:
    """Gives a user another role, and ends his sessions."""
    from reports.accounts.users import set_role

    with _accounts(store_folder) as store:
        set_role(store, name, role, by=me(), at_ms=now_ms(), company_id=company, districts=districts)
    say(f"{name}: now {role}")


@user.command()
@click.argument("name")
@store_option
@click.option("--off", is_flag=True, help="Lets the user in again.")
def lock(name: str, store_folder: Path, off: bool) -> None:
    """Locks a user out, or with --off lets him in again, also after too many wrong passwords."""
    from reports.accounts.users import set_closed

    with _accounts(store_folder) as store:
        set_closed(store, name, not off, by=me(), at_ms=now_ms())
    say(f"{name}: {'unlocked' if off else 'locked'}")


@user.command()
@click.argument("name")
@store_option
def passwd(name: str, store_folder: Path) -> None:
    """Sets a user's password, and ends his sessions."""
    from reports.accounts.users import set_password

    password = _password()
    with _accounts(store_folder) as store:
        set_password(store, name, password, by=me(), at_ms=now_ms())
    say(f"{name}: password set")


@user.command()
@click.argument("name")
@store_option
@click.option("--off", is_flag=True, help="Takes the second factor away; the user enrols a new one.")
def totp(name: str, store_folder: Path, off: bool) -> None:
    """Enrols a second factor (TOTP): prints the address that an authenticator app takes."""
    import pyotp

    from reports.accounts.users import set_totp

    secret = "" if off else pyotp.random_base32()
    with _accounts(store_folder) as store:
        set_totp(store, name, secret, by=me(), at_ms=now_ms())
    if off:
        say(f"{name}: second factor taken away")
    else:
        say(
            f"{name}: add this to an authenticator app",
            pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="muckwatch"),
        )
