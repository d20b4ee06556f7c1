"""The key of a home: what this home wrote is known again, and what was brought from elsewhere is not.

Some files run code when they are read: checkpoints of the speed layer, and models that are stored as pickles. A sha256
beside them finds damage, but whoever makes a file makes its sha256 too. So they bear a MAC that only a holder of the
key can make, and it is compared before anything of them is interpreted.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from eventlog.errors import HomeKeyError

FILE = "key"
_BYTES = 32


class HomeKey:
    """Makes and compares MACs. Safe to use from many threads.

    Parameters
    ----------
    secret
        At least 32 bytes that nobody can guess.
    """

    def __init__(self, secret: bytes):
        self._secret = secret

    @classmethod
    def of(cls, home: Path) -> HomeKey:
        """The key that lies in a home, made when it is asked for the first time, readable for its owner alone.

        Processes that ask at once get the same one.

        Raises
        ------
        HomeKeyError
            If it cannot be read or made, or is not what was written.
        """
        path = home / FILE
        try:
            if not path.exists():
                _make(path)
            text = path.read_text(encoding="ascii")
            secret = bytes.fromhex(text)
        except OSError as error:
            raise HomeKeyError(path, f"{error.strerror}") from None
        except ValueError:
            raise HomeKeyError(path, "it is damaged") from None
        if len(secret) != _BYTES:
            raise HomeKeyError(path, f"it is damaged: {len(secret)} bytes where {_BYTES} were written")
        return cls(secret)

    def mac(self, purpose: str, content: bytes) -> str:
        """The MAC (HMAC-SHA256) of some content, as hexadecimal digits.

        Parameters
        ----------
        purpose
            What the content is: one that was made for another purpose is not taken for it.
        """
        return hmac.digest(self._secret, purpose.encode() + b"\0" + content, "sha256").hex()

    def made(self, mac: object, purpose: str, content: bytes) -> bool:
        """Whether a MAC, of which nothing is known yet, is the one that this key makes."""
        return isinstance(mac, str) and mac.isascii() and hmac.compare_digest(mac, self.mac(purpose, content))


def _make(path: Path) -> None:
    """Write a new key beside its place and link it there: nobody ever reads half of one, or replaces another's."""
    temporary = path.with_name(f".{FILE}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    with suppress(FileExistsError):  # another process was faster: its key is the one
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if not path.exists():
                temporary.replace(path)
