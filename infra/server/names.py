"""The names that are the service's own."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from infra.settings import Settings
from serving.http.hosts import ServedNames


def served_names(settings: Settings, listener: socket.socket) -> ServedNames:
    """The names under which a service is asked that listens there.

    They are loopback's, the address that it listens on, and what the settings name. One that listens on every address
    (which it does only with an API key) takes every literal address for its own, since probes of a pod, a published
    port of a container and the machine's own all lead here; and the name of the machine, which in a container is that
    of the container or pod.
    """
    bound = str(listener.getsockname()[0]).partition("%")[0]  # behind it stands the interface, for link-local addresses
    everywhere = ip_address(bound).is_unspecified
    own = [socket.gethostname()] if everywhere else [settings.host, bound]
    return ServedNames([*own, *settings.allowed_names], any_address=everywhere)
