"""Processes that see this machine's file systems read-only, as a container with `read_only: true` sees its own."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = """
set -e
mount --make-rprivate /
for folder in {writable}; do mount --bind "$folder" "$folder"; done
awk '{{print $2, $3}}' /proc/self/mounts | while read -r place kind; do
    case "$kind:$place" in
        proc:*|sysfs:*|devpts:*|mqueue:*|cgroup*|*:/dev|*:/dev/*|*:/proc/*|*:/sys/*) continue;;
    esac
    for folder in {writable}; do test "$place" != "$folder" || continue 2; done
    mount -o remount,bind,ro "$place"
done
exec "$@"
"""


def read_only_except(folders: Sequence[Path]) -> list[str]:
    """Start of a command that runs with every file system read-only but for these folders, /dev, /proc and /sys."""
    script = _SCRIPT.format(writable=shlex.join(str(folder.resolve()) for folder in folders))
    return [*_namespace(), "sh", "-c", script, "read-only"]


def _namespace() -> list[str]:
    """Start of a command with mounts of its own; a mapping of users would keep PostgreSQL from changing its user."""
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount"]


def can_be_read_only() -> bool:
    """True if this user may give a process such a view of the files."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*_namespace(), "true"], capture_output=True).returncode == 0
