"""The last step of a run: what it made becomes a generation, by an event in the log."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from anabranch import Cut
from batch.manifest import entries, manifest_name, written
from eventlog.decisions import Publication
from eventlog.log import Log
from eventlog.registry.leases import Lease
from eventlog.store.blobs import Blob, Blobs


def publish_generation(
    said: Mapping[str, Any],
    promoted: Mapping[str, int],
    blobs: Blobs,
    condemned: Callable[[Iterable[str]], Collection[str]],
    log: Log,
    lease: Lease | None,
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
    blobs
        Those that the manifest names.
    condemned
        Tells those of some names that a run has decided to remove, perhaps later: such a blob gets another name.
    lease
        That of the run; None: nobody else can be at work on this log.

    Raises
    ------
    LeaseLostError
        If another run took over: nothing was published.
    """
    raw, sha256 = written(_living(said, blobs, condemned))
    # the manifest is durable before the log announces it: the other way round, a power cut leaves an announcement alone
    blobs.store.create(manifest_name(said["generation"], sha256), raw)
    publication = Publication(said["generation"], Cut.parse(said["cut"]), sha256, said["run"], promoted)
    log.mark(publication.event(), lease)
    return publication


def _living(
    said: Mapping[str, Any], blobs: Blobs, condemned: Callable[[Iterable[str]], Collection[str]]
) -> dict[str, Any]:
    """The manifest with another name for each blob whose name is condemned.

    Only now, when all is put: who condemned it held the lease before this run, so that none comes after.
    """
    manifest: dict[str, Any] = copy.deepcopy(dict(said))
    found = list(entries(manifest))
    dying = condemned(Blob.of(entry).name for entry in found)
    new = {blob: blobs.renamed(blob) for blob in {Blob.of(entry) for entry in found} if blob.name in dying}
    for entry in found:
        if (renamed := new.get(Blob.of(entry))) is not None:
            entry["name"] = renamed.name
    return manifest
