from collections.abc import Sequence

VERSION: int
NO_FLAG: int
NO_TIME: int

class Columns:
    rows: int
    refused: bytes
    ends: bytes
    texts: dict[str, tuple[bytes, list[bytes]]]
    numbers: dict[str, bytes]
    flags: dict[str, bytes]
    times: bytes
    stamps: bytes | None
    nulls: dict[str, int]

class Reader:
    def __init__(self, texts: Sequence[str], numbers: Sequence[str], flags: Sequence[str], time: str) -> None: ...
    def read(self, pieces: Sequence[bytes], most_bytes: int) -> Columns: ...
