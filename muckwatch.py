"""muckwatch: the one command. Its subcommands stand in `commands/`.

Each reads its arguments, calls a function of a folder and prints what came back. The folders are imported inside the
commands, because polars, shapely and DuckDB take a second that `--help` should not cost.
"""

from __future__ import annotations

import sys

import click

from commands import judging, ledger, outputs, terminal
from commands.gateway import gateway, simulate
from commands.inspections import inspection
from commands.patrol import plan
from commands.serve import serve
from commands.status import status
from commands.streaming import publish, settle, worker
from commands.token import token
from commands.tune import tune
from commands.user import user
from commands.webhook import webhook


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="muckwatch")
def cli() -> None:
    """Finds violations of construction-muck trucks in their GPS tracks.

    From tracks and a registry of what is permitted to flagged trips, the weekly report, maps and scores. Begin with
    `muckwatch demo`; every command has its own --help with examples.

    \b
    Exit codes: 0 done; 1 not possible here and now (store in use, disk full);
    2 not possible with this (unusable arguments or input); 130 interrupted.
    """


for _command in (judging.demo, judging.check, judging.run):
    cli.add_command(_command)
for _command in (outputs.report, outputs.map_, outputs.scores, outputs.export, plan, tune, serve, user):
    cli.add_command(_command)
for _command in (publish, worker, settle, status, gateway, simulate):
    cli.add_command(_command)
for _command in (ledger.verify, ledger.head, ledger.bundle, token, webhook, inspection):
    cli.add_command(_command)


def _input_errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """What another input mends, and what may work later."""
    from ingest.kafka.client import KafkaTrouble, StreamBroken
    from ingest.tally import TracksError
    from reports.errors import StoreError, StoreUnusable
    from rules.registry import RegistryError

    return (RegistryError, TracksError, StoreUnusable), (StoreError, KafkaTrouble, StreamBroken)


def main() -> None:
    """Runs the command line and exits; whatever goes wrong is one line on standard error and an exit code."""
    sys.exit(terminal.run(cli, _input_errors))


if __name__ == "__main__":
    main()
