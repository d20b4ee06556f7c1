"""Whether an answer is what a document shows, apart from what is different each time."""

from __future__ import annotations

import doctest
import json
import math
from collections.abc import Iterator
from typing import Any

VARYING = frozenset({"lag_seconds", "prediction_id", "request_id", "run", "received", "last", "appended", "seconds"})
"""Fields whose values are different each time: only their types are compared."""
CUTS = frozenset({"batch_cut", "speed_cut", "position", "cut", "at"})
"""Places in the log: predictions and samples of features (of one in 61 examples), which are recorded moments later, may
stand before or behind."""
_TEXT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def same_text(shown: str, answer: str) -> bool:
    """Compare word by word; ``...`` in the document stands for anything."""
    return doctest.OutputChecker().check_output(shown.strip() + "\n", answer.strip() + "\n", _TEXT)


def differences(shown: str, answer: str) -> list[str]:
    """What is different in JSON, one document or several behind each other."""
    wanted = list(_documents(shown))
    try:
        got = list(_documents(answer))
    except json.JSONDecodeError as error:
        return [f"no JSON: {error}"]
    return list(_differences("", wanted, got))


def _documents(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        document, at = decoder.raw_decode(text, at)
        yield document


def _differences(where: str, shown: Any, got: Any) -> Iterator[str]:
    """``"..."`` at the end of a list or as a key stands for more of the same."""
    name = where.rpartition(".")[2]
    if isinstance(shown, dict) and isinstance(got, dict):
        keys = shown.keys() - {"..."}
        if (missing := keys - got.keys()) or ("..." not in shown and got.keys() - keys):
            yield f"{where}: {sorted(missing) or sorted(got.keys() - keys)}"
        for key in keys & got.keys():
            yield from _differences(f"{where}.{key}", shown[key], got[key])
    elif isinstance(shown, list) and isinstance(got, list):
        shown, more = (shown[:-1], True) if shown and shown[-1] == "..." else (shown, False)
        if len(got) < len(shown) or (len(got) > len(shown) and not more):
            yield f"{where}: {len(got)} instead of {len(shown)} items"
        for index, pair in enumerate(zip(shown, got, strict=False)):
            yield from _differences(f"{where}[{index}]", *pair)
    elif not _same(name, shown, got):
        yield f"{where}: {got!r} instead of {shown!r}"


def _same(name: str, shown: Any, got: Any) -> bool:
    if isinstance(shown, bool) or isinstance(got, bool) or shown is None:
        return shown is got
    if name in VARYING:
        return isinstance(got, (int, float)) == isinstance(shown, (int, float))
    if name in CUTS:
        (partition, offset), (other, there) = shown.split(":"), got.split(":")
        return bool(partition == other and math.isclose(int(offset), int(there), rel_tol=0.02, abs_tol=20))
    if isinstance(shown, float) and isinstance(got, (int, float)):
        return math.isclose(shown, got, rel_tol=0.02, abs_tol=0.01)  # models differ a little between processors
    if isinstance(shown, str) and isinstance(got, str):
        return same_text(shown, got)
    return bool(shown == got)
