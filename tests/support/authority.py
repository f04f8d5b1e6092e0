"""A certificate authority of the tests' own, as a hospital has one: its certificate, and that of a
server on loopback.
"""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class Authority:
    """`certificate` is the file for SSL_CERT_FILE; `server()` gives the TLS of a server."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._own = self._sign(
            self._name,
            self._key,
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (usage, True),
        )
        self.certificate = folder / "authority.pem"
        self.certificate.write_bytes(self._own.public_bytes(Encoding.PEM))

    def server(self, *names: str) -> ssl.SSLContext:
        """Return the context of a server with a certificate for 127.0.0.1 and these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subjects = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            *(x509.DNSName(name) for name in names),
        ]
        made = self._sign(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test server")]),
            key,
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectAlternativeName(subjects), False),
        )
        path = self._folder / f"server-{made.serial_number}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + made.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(self, subject, key, *extensions) -> x509.Certificate:
        now = datetime.now(UTC)
        known = x509.SubjectKeyIdentifier.from_public_key
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = x509.CertificateBuilder(
            self._name,
            subject,
            key.public_key(),
            x509.random_serial_number(),
            now - timedelta(days=1),
            now + timedelta(days=7),
        )
        for extension, critical in (*extensions, (known(key.public_key()), False), (signer, False)):
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, SHA256())
