"""The demonstration EHR's own keys, new at each start: ES384 or RS384 for hook calls, RS256 for
id_tokens (R101, R105, SMART-33).
"""

from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey


class Keys:
    """The signing keys, of which only the public halves are ever shown."""

    def __init__(self) -> None:
        self._keys: dict[str, ECKey | RSAKey] = {
            "ES384": ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True),
            "RS384": RSAKey.generate_key(2048, {"use": "sig", "alg": "RS384"}, auto_kid=True),
            "RS256": RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True),
        }

    def sign(self, algorithm: str, claims: dict[str, Any], **header: str) -> str:
        """Return a signed JWT with `kid` and `typ`."""
        key = self._keys[algorithm]
        return jwt.encode(
            {"alg": algorithm, "kid": key.kid, "typ": "JWT"} | header,
            claims,
            key,
            algorithms=[algorithm],
        )

    def public(self) -> dict[str, Any]:
        """Return the key set to publish."""
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}
