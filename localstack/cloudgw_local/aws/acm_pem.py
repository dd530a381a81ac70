"""Reads what ImportCertificate is given and refuses what ACM refuses. Called by `acm` only.

Facts: acm/latest/APIReference/API_ImportCertificate.html, acm/latest/userguide/import-certificate-prerequisites.html.
The private key is used for one comparison; it must never be returned, stored or named in a message.
"""

from __future__ import annotations

import time
from typing import Any

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import oid

from cloudgw_local.aws import errors

_CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
_SIZES = {1024: "RSA_1024", 2048: "RSA_2048", 3072: "RSA_3072", 4096: "RSA_4096"}
_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}
_EXTENDED = {
    oid.ExtendedKeyUsageOID.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION",
    oid.ExtendedKeyUsageOID.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
}


def read(body: bytes, key: bytes, chain: bytes | None, now: float) -> dict[str, Any]:
    """The fields of world.Certificate that the PEM documents determine; raises ValidationException."""
    certificate = _one(body)
    public = certificate.public_key()
    if len(key) > 5120:
        raise _refuse("The private key is larger than 5120 bytes.")
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise _refuse("The private key is encrypted.") from None
    except (ValueError, exceptions.UnsupportedAlgorithm):
        raise _refuse("The private key is not a supported PEM-encoded private key.") from None
    if _spki(private.public_key()) != _spki(public):
        raise _refuse("The certificate and the private key do not match.")
    before, after = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    # A certificate comes from outside, where the wall clock rules, and a stepped clock may be behind it.
    if before > max(now, time.time()) or now > after:
        raise _refuse("The certificate is not valid now: the current time must be between Not Before and Not After.")
    if certificate.version is not x509.Version.v3:
        raise _refuse("The certificate must be an X.509 version 3 certificate.")
    if chain is not None:
        _check_chain(certificate, chain)
    names = _names(certificate)
    common = [str(one.value) for one in certificate.subject.get_attributes_for_oid(oid.NameOID.COMMON_NAME)]
    domain = (common or names)[:1]
    if not domain:
        raise _refuse("The certificate has no domain name.")
    return {
        "body": body.decode(),
        "chain": chain.decode() if chain is not None else None,
        "domain": domain[0],
        "names": names or domain,
        "key_algorithm": _algorithm(public),
        "serial": ":".join(f"{byte:02x}" for byte in certificate.serial_number.to_bytes(20, "big").lstrip(b"\0")),
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "signature_algorithm": _signature(certificate),
        "not_before": before,
        "not_after": after,
        "key_usages": _key_usages(certificate),
        "extended_key_usages": _extended_usages(certificate),
    }


def _one(body: bytes) -> x509.Certificate:
    try:
        certificates = x509.load_pem_x509_certificates(body)
    except ValueError:
        raise _refuse("The certificate is not a valid PEM-encoded certificate.") from None
    if len(certificates) != 1:
        raise _refuse("The certificate body must hold exactly one certificate: the others belong to the chain.")
    return certificates[0]


def _check_chain(certificate: x509.Certificate, chain: bytes) -> None:
    """The issuer must be the subject of one of the chain's certificates, and have signed."""
    try:
        links = x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise _refuse("The certificate chain is not a valid PEM-encoded chain.") from None
    issuers = [link for link in links if link.subject == certificate.issuer]
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer)
            return
        except (ValueError, TypeError, exceptions.InvalidSignature):
            continue
    raise _refuse("The certificate chain does not hold the issuer of the certificate.")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    addresses = [str(one) for one in extension.value.get_values_for_type(x509.IPAddress)]
    return [*extension.value.get_values_for_type(x509.DNSName), *addresses]


def _algorithm(public: object) -> str:
    name: str | None = None
    if isinstance(public, rsa.RSAPublicKey):
        name = _SIZES.get(public.key_size)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        name = _CURVES.get(public.curve.name)
    if name is None:
        raise _refuse("The key algorithm or size of the certificate is not supported.")
    return name


def _signature(certificate: x509.Certificate) -> str:
    digest = certificate.signature_hash_algorithm
    kind = "ECDSA" if "ecdsa" in (certificate.signature_algorithm_oid._name or "").lower() else "RSA"
    return f"{digest.name.upper() if digest else 'NONE'}WITH{kind}"


def _key_usages(certificate: x509.Certificate) -> list[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [name for attribute, name in _USAGES.items() if getattr(usage, attribute)]


def _extended_usages(certificate: x509.Certificate) -> list[str]:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [_EXTENDED.get(one, "CUSTOM") for one in usage]


def _spki(public: Any) -> bytes:
    encoded: bytes = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _refuse(message: str) -> errors.AwsError:
    return errors.AwsError("ValidationException", message)
