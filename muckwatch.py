"""muckwatch: the one command. Placeholder until the subcommands land."""


def main() -> None:
    """Runs the command line."""
