"""Serves the demonstration EHR by the same production server as Vigil: `python -m demo.serve
PORT VIGIL_PORT [PHYSIONET]`.
"""

import sys
from functools import partial

from gunicorn.app.base import BaseApplication


class _Server(BaseApplication):
    """gunicorn with one gevent worker: tokens and keys live in that process."""

    def __init__(self, port: int, vigil_port: int, physionet: str | None):
        self._port, self._vigil_port, self._physionet = port, vigil_port, physionet
        super().__init__(prog="vigil demo")

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{self._port}",
            "workers": 1,
            "worker_class": "gevent",
            "timeout": 60,
            "graceful_timeout": 2,
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self):
        # Only now, in the worker, has gevent replaced the sockets that these modules bind to.
        from demo.app import create_app
        from demo.config import DE_IDENTIFIED, SYNTHETIC, DemoConfig
        from demo.physionet import stays

        return create_app(
            DemoConfig(
                base_url=f"http://localhost:{self._port}",
                vigil_url=f"http://localhost:{self._vigil_port}",
                patients=partial(stays, self._physionet) if self._physionet else None,
                notice=DE_IDENTIFIED if self._physionet else SYNTHETIC,
            )
        )


if __name__ == "__main__":
    _Server(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None).run()
