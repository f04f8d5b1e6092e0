"""Serves the demonstration EHR by the same production server as Vigil: `python -m demo.serve
PORT VIGIL_PORT [--from-physionet PATH] [--sandbox ORIGIN] [--audit-log FILE]`.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication


class _Server(BaseApplication):
    """gunicorn with one gevent worker: tokens and keys live in that process."""

    def __init__(self, options: argparse.Namespace):
        self._options = options
        super().__init__(prog="vigil demo")

    def load_config(self) -> None:
        options = {
            "bind": f"127.0.0.1:{self._options.port}",
            "workers": 1,
            "worker_class": "gevent",
            "timeout": 60,
            "graceful_timeout": 2,
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # Only now, in the worker, has gevent replaced the sockets that these modules bind to.
        from demo.app import create_app
        from demo.config import DE_IDENTIFIED, SYNTHETIC, DemoConfig
        from demo.physionet import stays

        physionet = self._options.from_physionet
        return create_app(
            DemoConfig(
                base_url=f"http://localhost:{self._options.port}",
                vigil_url=f"http://localhost:{self._options.vigil_port}",
                patients=partial(stays, physionet) if physionet else None,
                notice=DE_IDENTIFIED if physionet else SYNTHETIC,
                sandbox=self._options.sandbox,
                audit_log=self._options.audit_log,
            )
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo.serve")
    parser.add_argument("port", type=int)
    parser.add_argument("vigil_port", type=int)
    parser.add_argument("--from-physionet")
    parser.add_argument("--sandbox")
    parser.add_argument("--audit-log", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    _Server(_options()).run()
