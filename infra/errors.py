"""Errors of the command line.

AnabranchError
├── UsageError           a command was asked for something that cannot be
├── AlreadyRunningError  another process serves the same home
├── DiskError            a disk is full, broken or may not be written
├── ImportFileError      a file cannot be read as the rows of a stream
├── ImportRunningError   another process imports the same file into the same stream
└── RefusedError         a service does not answer without the right API key, or under a name that is not its own
"""

from __future__ import annotations

from pathlib import Path

from anabranch.errors import AnabranchError


class UsageError(AnabranchError):
    """A command was asked for something that cannot be; the message says what to write instead."""


class AlreadyRunningError(AnabranchError):
    """Another process serves the same home.

    Attributes
    ----------
    home
        The home that is taken.
    holder
        What the other process wrote about itself: its process id and address.
    """

    def __init__(self, home: Path, holder: str):
        self.home = home
        self.holder = holder
        super().__init__(
            f"{home} is already served by another process ({holder}). Stop that one, or pass another --home"
        )


class DiskError(AnabranchError):
    """A disk is full, broken or may not be written."""

    def __init__(self, error: OSError):
        where = f": {error.filename}" if error.filename else ""
        super().__init__(f"{error.strerror or error}{where}; free space on that disk, or let it be written")


class ImportFileError(AnabranchError):
    """A file cannot be read as the rows of a stream.

    Attributes
    ----------
    path
        The file.
    """

    def __init__(self, path: Path, problem: str):
        self.path = path
        super().__init__(f"{path}: {problem}")


class ImportRunningError(AnabranchError):
    """Another process imports the same file into the same stream.

    Attributes
    ----------
    path, stream
        Which into which.
    """

    def __init__(self, path: Path, stream: str):
        self.path = path
        self.stream = stream
        super().__init__(f"{path} is being imported into {stream} by another process; wait until that has ended")


class RefusedError(AnabranchError):
    """A service does not answer without the right API key, or under the name that it was asked by.

    Attributes
    ----------
    address
        Where the service is.
    """

    def __init__(self, address: str, status: int = 401):
        self.address = address
        problem = {
            421: "is not called so; ask it by its address, or name this one in its ANABRANCH_ALLOWED_HOSTS",
            429: "looks at no key now, since too many wrong ones came from here; try again in a minute",
        }.get(status, "refuses the API key, or its absence; set ANABRANCH_API_KEY")
        super().__init__(f"the service at {address} {problem}")
