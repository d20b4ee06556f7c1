"""Which pickles are opened: those of this home, where the settings allow them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch.errors import ModelFileError
from batch.models.pickled_files import check, signed
from eventlog.home_key import HomeKey
from tests.home_key import KEY

ENTRY = {"path": "models/m-1.pickle", "bytes": 3, "sha256": "0" * 64}
OTHER = HomeKey(b"the key of some other home, as long")


def test_a_pickle_that_this_home_stored_is_opened_where_pickles_are_allowed() -> None:
    check("pickle", signed(ENTRY, KEY), Path("m-1.pickle"), KEY)


@pytest.mark.parametrize("kind", ["lightgbm", "skops"])
@pytest.mark.parametrize("key", [None, KEY])
def test_what_is_no_pickle_needs_neither_the_setting_nor_a_mac(kind: str, key: HomeKey | None) -> None:
    check(kind, ENTRY, Path("m-1.txt"), key)


@pytest.mark.parametrize(
    ("entry", "key", "reason"),
    [
        (signed(ENTRY, KEY), None, "ANABRANCH_PICKLE_MODELS does not allow it"),
        (ENTRY, KEY, "not stored with the key of this home"),
        (signed(ENTRY, OTHER), KEY, "not stored with the key of this home"),
        ({**signed(ENTRY, KEY), "sha256": "1" * 64}, KEY, "not stored with the key of this home"),
        ({**ENTRY, "mac": 5}, KEY, "not stored with the key of this home"),
    ],
)
def test_any_other_pickle_is_refused_by_name_and_with_what_trains_it_anew(
    entry: dict[str, Any], key: HomeKey | None, reason: str
) -> None:
    with pytest.raises(ModelFileError, match=f"m-1.pickle cannot be opened: .*{reason}; a batch run trains a new"):
        check("pickle", entry, Path("m-1.pickle"), key)
