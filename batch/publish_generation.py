"""The last step of a run: what it made becomes a generation, by an event in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anabranch import Cut
from batch.manifest import manifest_name, written
from eventlog.decisions import Publication
from eventlog.log import Log
from eventlog.registry.leases import Lease
from eventlog.store import Store


def publish_generation(
    said: Mapping[str, Any], promoted: Mapping[str, int], store: Store, log: Log, lease: Lease
) -> Publication:
    """Publish the blobs of a manifest. Its effect is the ``batch_published`` event alone: killed before, nothing is.

    Nothing is renamed, overwritten or removed. So a run that slept while another took over does no harm, whatever it
    wakes up to: the manifest has a name of its own, and the event is fenced by the lease.

    Parameters
    ----------
    said
        See `batch.manifest.written`; its ``generation``, ``cut`` and ``run`` are what the log is told.
    promoted
        By model, the new version that takes the champion's place.

    Raises
    ------
    LeaseLostError
        If another run took over: nothing was published.
    """
    raw, sha256 = written(said)
    # the manifest is durable before the log announces it: the other way round, a power cut leaves an announcement alone
    store.create(manifest_name(said["generation"], sha256), raw)
    publication = Publication(said["generation"], Cut.parse(said["cut"]), sha256, said["run"], promoted)
    log.mark(publication.event(), lease)
    return publication
