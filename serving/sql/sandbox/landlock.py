"""The kernel's own wall: what this process may open from now on, whoever asks it to.

Landlock (Linux 5.13 and later) lets a process give up rights for good. Here it keeps the right to read some folders and
to write one, and gives up every other file and, from Linux 6.7 on, all TCP. Elsewhere this does nothing: it is the wall
behind the others, and `lacking` says that it is not there.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls; they are the same on every architecture."""
_GIVE_VERSION = 1
_PATH_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_RIGHTS_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Everything that can be done to files, as far as a version knows it."""
_NET_SINCE = 4
_NET_RIGHTS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64), ("handled_access_net", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """Give up everything but reading and writing in these folders, and in what is below; for this thread and its own.

    Returns
    -------
    bool
        Whether the kernel does that.
    """
    version = _version()
    if version < 1:
        return False
    kernel = ctypes.CDLL(None, use_errno=True)
    rights = _FILE_RIGHTS_BY_VERSION[max(known for known in _FILE_RIGHTS_BY_VERSION if known <= version)]
    wanted = _Ruleset(rights, _NET_RIGHTS if version >= _NET_SINCE else 0)
    size = ctypes.sizeof(wanted) if version >= _NET_SINCE else ctypes.sizeof(ctypes.c_uint64)
    ruleset = kernel.syscall(_CREATE_RULESET, ctypes.byref(wanted), ctypes.c_size_t(size), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(kernel, ruleset, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(kernel, ruleset, path, rights)
        if kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            return False
        return bool(kernel.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def lacking() -> str | None:
    """What the kernel cannot keep from a process that gives it up, in words; None: it can all."""
    version = _version()
    if version < 1:
        return "files and connections: it has no Landlock, or this container may not use it"
    return None if version >= _NET_SINCE else "connections: its Landlock is older than Linux 6.7"


def _version() -> int:
    """The version of the kernel's Landlock; below 1: it has none."""
    if not sys.platform.startswith("linux"):
        return 0
    kernel = ctypes.CDLL(None, use_errno=True)
    return int(kernel.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_GIVE_VERSION)))


def _allow(kernel: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there cannot be opened anyway
    try:
        rule = _PathBeneath(rights, folder)
        kernel.syscall(_ADD_RULE, ruleset, ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(folder)
