"""The announcement of a generation in the log: the batch layer writes it, the speed layer obeys it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anabranch import Cut


@dataclass(frozen=True, slots=True)
class Publication:
    """A generation as a ``batch_published`` event announces it: the batch layer answers for ``[0, cut)``."""

    generation: int
    cut: Cut
    manifest_sha256: str
    run: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Publication:
        """Read the event."""
        return cls(data["generation"], Cut.parse(data["cut"]), data["manifest_sha256"], data["run"])

    def event(self) -> dict[str, Any]:
        """The event."""
        return {
            "kind": "batch_published",
            "run": self.run,
            "generation": self.generation,
            "cut": str(self.cut),
            "manifest_sha256": self.manifest_sha256,
        }
