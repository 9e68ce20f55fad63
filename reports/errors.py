"""What may go wrong with a store, said in one line that tells the reader what to do."""


class StoreError(Exception):
    """A store that cannot be read or written now; the message is one line for whoever typed the command."""


class StoreUnusable(StoreError):
    """What will fail again until somebody changes what was asked for: no store there, a newer version, no such view."""
