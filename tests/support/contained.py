"""An image's tree run as a container runtime would run it, where the machine has none: as the image's own user,
without capabilities, on a read-only root, in mount, process and network namespaces of its own.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# What the kernel is asked for, in this order: the root can be made read-only when all else is mounted.
ENTER = """set -eu
root=$1 config=$2 data=$3; shift 3
ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mount --bind "$config" "$root/etc/vigil"
mount --bind "$data" "$root/var/lib/vigil"
mount -t tmpfs tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root/etc/vigil"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""
CALL = """import json, sys, requests
one = json.load(sys.stdin)
answer = requests.post(one["url"], json=one["body"], headers=one["headers"], timeout=60)
print(json.dumps([answer.status_code, answer.text]))
"""
LONGEST = 120.0


class Contained:
    """A running container of `tree`, with the image's configuration `image` as buildah tells it."""

    def __init__(self, tree: Path, image: dict, config: Path, data: Path, log: Path):
        self.image, self.log = image, log
        self.environment = dict(line.split("=", 1) for line in image["Env"])
        user, group = image["User"].split(":")
        os.chown(data, int(user), int(group))
        self._closed = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
                        "--bounding-set=-all", "--inh-caps=-all", "env", f"--chdir={image['WorkingDir']}"]  # fmt: skip
        with log.open("wb") as said:
            self._outer = subprocess.Popen(
                ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh",
                 tree, config, data, *self._closed, *image["Entrypoint"], *image["Cmd"]],
                env=self.environment | {"PATH": f"{self.environment['PATH']}:/usr/sbin:/sbin"},
                stdout=said,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def process(self) -> int:
        """The number, outside, of the process that is the first one inside; it fails when that has ended."""
        outer = self._outer.pid
        children = Path(f"/proc/{outer}/task/{outer}/children")
        while self._outer.poll() is None:
            if found := children.read_text().split():
                return int(found[0])
            time.sleep(0.05)
        pytest.fail(f"it ended: {self.log.read_text()}")

    def run(self, *command: str) -> subprocess.CompletedProcess:
        """Run a further command inside, as a runtime's `exec` does."""
        inside = ["nsenter", f"--target={self.process}", "--mount", "--pid", "--net", "--root"]
        return subprocess.run(
            [*inside, *self._closed, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )

    def wait_until_healthy(self) -> None:
        """Return when the image's own health check is content; fail with the log when it never is."""
        kind, *command = self.image["Healthcheck"]["Test"]
        assert kind == "CMD"
        until = time.monotonic() + LONGEST
        while (found := self.run(*command)).returncode:
            if time.monotonic() > until:
                pytest.fail(f"{found.stderr}\n{self.log.read_text()}")
            time.sleep(0.5)

    def post(self, path: str, body: dict, token: str) -> tuple[int, str]:
        """Send a call to the container's own loopback; return status and text."""
        sent = {
            "url": f"http://127.0.0.1:8000{path}",
            "body": body,
            "headers": {"Authorization": f"Bearer {token}"},
        }
        found = subprocess.run(
            ["nsenter", f"--target={self.process}", "--net", sys.executable, "-c", CALL],
            input=json.dumps(sent),
            capture_output=True,
            text=True,
            check=True,
            timeout=LONGEST,
        )
        status, text = json.loads(found.stdout)
        return status, text

    def stop(self) -> int:
        """Send SIGTERM to the first process inside, as a runtime does; return its exit code."""
        os.kill(self.process, signal.SIGTERM)
        return self._outer.wait(30)

    def kill(self) -> None:
        """End whatever still runs; the kernel ends all processes of the namespace with the first."""
        self._outer.kill()
        self._outer.wait()
