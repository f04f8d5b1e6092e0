"""A small HTTP server on loopback that answers by path and remembers what it was asked: FHIR
server, key server, attacker.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Listener:
    """`answers` maps the start of a path to (status, headers, body) or to a function of the
    handler.
    """

    def __init__(self):
        self.answers = {}
        self.seen = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.seen.append((self.path, dict(self.headers)))
                for start, answer in outer.answers.items():
                    if unquote(self.path).startswith(start):
                        return outer._send(self, answer)
                return outer._send(self, (404, {}, b""))

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                return self.do_GET()

            def log_message(self, *_):
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def _send(self, handler, answer):
        handler.close_connection = True
        if callable(answer):
            return answer(handler)
        status, headers, body = answer
        handler.send_response_only(status)
        if "Date" not in headers:
            handler.send_header("Date", handler.date_time_string())
        for name, value in {
            "Content-Length": str(len(body)),
            "Connection": "close",
            **headers,
        }.items():
            handler.send_header(name, value)
        handler.end_headers()
        return handler.wfile.write(body)

    def paths(self):
        return [path for path, _ in self.seen]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def drip(handler):
    """Send a byte now and then, for as long as the caller listens, at most five seconds."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(50):
        try:
            handler.wfile.write(b" ")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.1)
