"""The announcement of a generation in the log: the batch layer writes it, the speed layer obeys it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anabranch import Cut


@dataclass(frozen=True, slots=True)
class Publication:
    """A generation as a ``batch_published`` event announces it: the batch layer answers for ``[0, cut)``.

    Attributes
    ----------
    promoted
        By model, the version that becomes the champion at this place of the log: versions that passed their gate.
    """

    generation: int
    cut: Cut
    manifest_sha256: str
    run: str
    promoted: Mapping[str, int] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Publication:
        """Read the event."""
        cut = Cut.parse(data["cut"])
        return cls(data["generation"], cut, data["manifest_sha256"], data["run"], data.get("promoted", {}))

    def event(self) -> dict[str, Any]:
        """The event."""
        return {
            "kind": "batch_published",
            "run": self.run,
            "generation": self.generation,
            "cut": str(self.cut),
            "manifest_sha256": self.manifest_sha256,
            "promoted": dict(self.promoted),
        }
