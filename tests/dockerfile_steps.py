"""The steps of a Dockerfile, run without Docker: in a copy of this machine's files that its processes alone see."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

STAND_IN = "/usr/local/stand-in"
"""Folder of the virtual environment that stands for the Python of the base image."""


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """Name and arguments of each instruction."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.M).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines()) if name]


def copy_context(root: Path, folder: Path) -> None:
    """Copy what `docker build` would send: the files under version control that .dockerignore does not name."""
    ignored = [line for line in (root / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=root, capture_output=True, check=True
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (root / name).is_file() and not _is_ignored(name, ignored):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)


def _is_ignored(name: str, patterns: list[str]) -> bool:
    """True if the last pattern that fits a file or one of the folders that it is in does not begin with `!`."""
    found = False
    for pattern in patterns:
        plain = pattern.lstrip("!").strip("/").removeprefix("**/")
        parts = name.split("/")
        if any(fnmatch("/".join(parts[: count + 1]), plain) for count in range(len(parts))):
            found = not pattern.startswith("!")
    return found


def can_run_steps() -> bool:
    """True if this user may give a process other files and another user."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


_NO_USERS = """
for kind in passwd group; do
    for number in 1000 1001; do
        name=$(getent $kind $number | cut -d: -f1)
        test -z "$name" || sed -i "/^$name:/d" /etc/$kind /etc/shadow /etc/gshadow
    done
done
"""
"""The base image has no users of its own."""


@dataclass(frozen=True)
class Steps:
    """Shell script with the steps of a Dockerfile up to its `USER`, and that user."""

    script: str
    environment: str
    folder: str
    user: str

    @classmethod
    def of(cls, dockerfile: str) -> "Steps":
        lines, environment, folder, user = [], "", "/", "root"
        for name, rest in instructions(dockerfile):
            if name in ("ENV", "ARG"):
                environment += f"export {rest}\n"
            elif name == "WORKDIR":
                folder = rest
                lines.append(f"mkdir -p {rest}")
            elif name == "COPY":
                *sources, target = rest.split()
                copied = " ".join(f"/context/{source}" for source in sources)
                test = f"test -d {copied}" if len(sources) == 1 else "false"
                # of a folder Docker copies the content
                lines.append(f"cd {folder} && if {test}; then cp -rT {copied} {target}; else cp {copied} {target}; fi")
            elif name == "RUN":
                lines.append(f"cd {folder} && ( {rest} )")
            elif name == "USER":
                user = rest
            elif name != "FROM":
                raise AssertionError(f"the instruction {name} has no equivalent here")
        return cls("\n".join(lines), environment, folder, user)


def run_steps(steps: Steps, context: Path, place: Path, *, packages: str, commands: list[str], seconds: float) -> str:
    """Run the steps, then the commands as the user of the image; returns the output of all.

    context   folder with the files that are copied
    place     empty folder for the files that the steps write, in memory
    packages  further folder of packages that the Python of the base image has; empty: it has pip alone
    """
    pip = "--without-pip " if packages else ""
    prepare = f"{sys.executable} -m venv {pip}{STAND_IN}\nchmod o+rx /root\n{_NO_USERS}"
    if packages:
        site = f"{STAND_IN}/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        prepare += f"echo {packages} > {site}/packages.pth\n"
        prepare += (
            f"printf '#!/bin/sh\\nexec python -m pip \"$@\"\\n' > {STAND_IN}/bin/pip; chmod +x {STAND_IN}/bin/pip\n"
        )
    then = "\n".join(commands)
    as_user = f"setpriv --reuid={steps.user} --regid={steps.user} --clear-groups sh -ec {shlex.quote(then)}"
    inside = (
        f"set -e\nunset PYTHONPATH\numask 022\n{prepare}export PATH={STAND_IN}/bin:$PATH\n{steps.environment}"
        f"{steps.script}\ncd {steps.folder}\nexport HOME=/home/{steps.user}\n{as_user}\n"
    )
    outside = (
        "set -e\nmount --make-rprivate /\n"
        f"mount -t tmpfs tmpfs {place}\nmkdir {place}/upper {place}/work {place}/root\n"
        f"mount -t overlay overlay -o lowerdir=/,upperdir={place}/upper,workdir={place}/work {place}/root\n"
        f"for folder in proc dev sys; do mount --rbind /$folder {place}/root/$folder; done\n"
        f"mkdir {place}/root/context\nmount --bind {context} {place}/root/context\n"
        f"exec chroot {place}/root /bin/sh -c {shlex.quote(inside)}\n"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", outside], capture_output=True, text=True, timeout=seconds, cwd="/"
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
