"""Files of models that are pickles: opened only where that is allowed, and only those that this home stored.

That the sha256 of a file stands in its manifest, and that of the manifest in the log, says what was published; but a
log may be put in place together with its files. So a pickle also has a MAC, made with the key of the home.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from batch.errors import ModelFileError
from eventlog.home_key import HomeKey

_PURPOSE = "anabranch pickled model 1"


def signed(entry: Mapping[str, Any], key: HomeKey) -> dict[str, Any]:
    """What a manifest says of a file, with the MAC of its sha256."""
    return {**entry, "mac": key.mac(_PURPOSE, entry["sha256"].encode())}


def check(kind: str, entry: Mapping[str, Any], path: Path, key: HomeKey | None) -> None:
    """Refuse a pickle that must not be opened. Its sha256 is compared elsewhere.

    Parameters
    ----------
    kind, entry
        What the manifest says of the model, its ``format``, and of its file.
    key
        Of the home; None: pickles are not allowed.

    Raises
    ------
    ModelFileError
        If it is a pickle, and they are not allowed, or another home or an earlier release made it.
    """
    if kind != "pickle":
        return
    if key is None:
        raise ModelFileError(path, "it is a pickle, which runs code, and ANABRANCH_PICKLE_MODELS does not allow it")
    if not key.made(entry.get("mac"), _PURPOSE, entry["sha256"].encode()):
        raise ModelFileError(path, "it is a pickle, and was not stored with the key of this home")
