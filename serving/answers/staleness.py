"""What every answer says about how fresh it is."""

from __future__ import annotations

from typing import Any

from anabranch import Cut
from eventlog.decisions import Publication
from serving.service import Service

_NOTHING = str(Cut())


def staleness(service: Service, publication: Publication | None, cut: Cut) -> dict[str, Any]:
    """``generation``, ``batch_cut``, ``speed_cut`` and ``lag_seconds`` of an answer from these."""
    return {
        "generation": None if publication is None else publication.generation,
        "batch_cut": _NOTHING if publication is None else str(publication.cut),
        "speed_cut": str(cut),
        "lag_seconds": round(lag_seconds(service), 6),
    }


def lag_seconds(service: Service) -> float:
    """How far behind what is known to have happened the answers are.

    Where the log lacks records (see `eventlog.log.misfit`), the fold is at the log's end and still behind: since the
    last record that the log has.
    """
    folded = service.speed.lag_seconds()
    misfit = service.log.misfit
    if misfit is None or misfit.since_us is None:
        return folded
    return max(folded, (service.clock() - misfit.since_us) / 1e6)


def staleness_now(service: Service) -> dict[str, Any]:
    """The same, of this moment."""
    moment = service.speed.moment()
    return staleness(service, moment.publication, moment.cut)
