"""
A directory that keeps things: blobs by their digest, and documents in a database.

A blob is under its name only when it is whole; documents change all together or not
at all.  A process may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Final, TypeAlias, final

from unionfs_sim.containers.errors import Conflict
from unionfs_sim.image import digest

#: The name of a document: its kind, and which one of them.
Key: TypeAlias = tuple[str, str]

_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS documents (kind TEXT, name TEXT, value BLOB,"
    " PRIMARY KEY (kind, name))"
)


@final
class StateDirectory:
    """
    One such directory, open.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     state = StateDirectory(folder)
    ...     state.save({("note", "1"): b"kept"})
    ...     state.close()
    ...     again = StateDirectory(folder)
    ...     print(again.documents())
    ...     again.close()
    {('note', '1'): b'kept'}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """
        Open a directory, which is made if need be.

        Raises:
            Conflict: Another engine has it open.
            OSError: It cannot be made or read.
        """
        self.path = Path(path)
        self.blobs = self.path / "blobs"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(self.path / "lock")
        self._database = sqlite3.connect(
            self.path / "engine.db", isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(_SCHEMA)
        self._last = self._read()

    def _read(self) -> dict[Key, bytes]:
        rows = self._database.execute("SELECT kind, name, value FROM documents")
        return {(kind, name): bytes(value) for kind, name, value in rows}

    def documents(self) -> Mapping[Key, bytes]:
        """Give all documents."""
        return dict(self._last)

    def save(self, documents: Mapping[Key, bytes]) -> None:
        """Keep these documents and no others, in one transaction."""
        changed = [
            (*key, value)
            for key, value in documents.items()
            if self._last.get(key) != value
        ]
        gone = [key for key in self._last if key not in documents]
        if not changed and not gone:
            return
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            database.executemany(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", changed
            )
            database.executemany(
                "DELETE FROM documents WHERE kind = ? AND name = ?", gone
            )
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
        self._last = dict(documents)

    def put(self, data: bytes) -> str:
        """Keep a blob, and give its digest."""
        name = digest.of_bytes(data)
        path = self.blob(name)
        if not path.exists():
            partial = path.with_name(f"{path.name}.partial")
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        return name

    def blob(self, name: str) -> Path:
        """Give the file of a blob."""
        return self.blobs / name.removeprefix("sha256:")

    def keep_only(self, names: Iterable[str]) -> None:
        """Remove all blobs but these."""
        kept = {self.blob(name).name for name in names}
        for path in self.blobs.iterdir():
            if path.name not in kept:
                path.unlink()

    def close(self) -> None:
        """Let another engine have it."""
        self._database.close()
        self._lock.close()


def _locked(path: Path) -> IO[bytes]:
    """
    Take the lock, which goes with the process however that ends.

    Raises:
        Conflict: Another engine has it.
    """
    import fcntl  # noqa: PLC0415 - Windows has none, and needs it here alone

    file = path.open("ab")
    with contextlib.ExitStack() as failing:
        failing.callback(file.close)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"the state directory {path.parent} is in use by another engine"
            raise Conflict(msg) from error
        failing.pop_all()
    return file
