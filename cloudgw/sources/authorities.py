"""A ConfigMap becomes the certificate authorities it holds: what checks clients' and Services' certificates.

Called by `kinds`. Only `ca.crt` is looked at; everything else of a ConfigMap is nobody's business here. This module
must never put one byte of a value into a message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from cloudgw.objects import ConfigMap, Meta

CERTIFICATES = "ca.crt"


def read(meta: Meta, data: Any) -> ConfigMap:
    """The certificates in the order written, in PEM and without what stands between them. fingerprint: hex SHA-256 over
    the DER of every certificate."""
    if data is not None and not isinstance(data, Mapping):
        return ConfigMap(meta=meta, problem=f"data is no mapping; write `{CERTIFICATES}` below it")
    text = (data or {}).get(CERTIFICATES)
    if text is None:
        return ConfigMap(meta=meta, problem=f"{CERTIFICATES} is missing; add the authorities' certificates in PEM")
    if not isinstance(text, str):
        return ConfigMap(meta=meta, problem=f"{CERTIFICATES} is no string; write it as a block (`{CERTIFICATES}: |`)")
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        found = x509.load_pem_x509_certificates(text.encode())
        encoded = [certificate.public_bytes(serialization.Encoding.DER) for certificate in found]
        pem = b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in found)
    except Exception:
        return ConfigMap(meta=meta, problem=f"{CERTIFICATES} holds no certificate in PEM format; correct it")
    return ConfigMap(meta=meta, fingerprint=hashlib.sha256(b"".join(encoded)).hexdigest(), pem=pem.decode())
