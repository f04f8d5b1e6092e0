"""What a worker tells the first process of its start: one word in the file that both hold open.

gunicorn gives each worker such a file without a name, for its heartbeat; it ends with the worker.
"""

import os

from gunicorn.workers.base import Worker

READY, FAILED, GONE = b"ready", b"failed", b"gone"


def write(worker: Worker, word: bytes) -> None:
    """Say how the start went."""
    os.pwrite(worker.tmp.fileno(), word, 0)
    # Writing sets the heartbeat to the clock on the wall, where it has to be monotonic.
    worker.notify()


def read(worker: Worker) -> bytes:
    """Return what a worker said; nothing while it starts, "gone" once its file is closed."""
    try:
        return os.pread(worker.tmp.fileno(), 16, 0)
    except (OSError, ValueError):
        return GONE
