"""What the kernel keeps from a process that gave it up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving.sql.sandbox import landlock


def test_the_kernel_keeps_what_was_given_up(tmp_path: Path) -> None:
    for name in ("readable", "writable", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    program = (
        "import sys, os, socket; from pathlib import Path; from serving.sql.sandbox.landlock import restrict\n"
        f"root = Path({str(tmp_path)!r})\n"
        "if not restrict([str(root / 'readable')], [str(root / 'writable')]): print('unknown'); sys.exit()\n"
        "def can(act):\n"
        "    try: act(); return True\n"
        "    except OSError: return False\n"
        "print(can(lambda: (root / 'readable/file').read_text()),\n"
        "  can(lambda: (root / 'writable/new').write_text('x')),\n"
        "  can(lambda: (root / 'readable/file').write_text('x')), can(lambda: (root / 'other/file').read_text()),\n"
        "  can(lambda: os.truncate(root / 'readable/file', 0)), can(lambda: open('/etc/passwd')),\n"
        "  can(lambda: (root / 'readable/file').unlink()))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    if ended.stdout.strip() == "unknown":
        pytest.skip("this kernel has no Landlock")
    assert ended.stdout.split() == ["True", "True", *["False"] * 5]
    assert (tmp_path / "readable" / "file").read_text() == "readable"


def test_elsewhere_the_kernel_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")  # Python's own word for a kernel that we cannot bring here
    assert not landlock.restrict([os.devnull], [])
    assert "no Landlock" in str(landlock.lacking())
