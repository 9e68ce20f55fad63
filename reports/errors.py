"""What may go wrong with a store, said in one line that tells the reader what to do."""


class StoreError(Exception):
    """A store that cannot be opened, read, written or exported; the message is one line for who typed the command."""
