"""Certificates of a gateway: secrets kept and restored, PFX and CER files parsed, TLS policies, Key Vault references.

Called by `gateway.accept` and `gateway.show`. Private halves live in stored documents only, under `_data` and
`_password`; no message of this module may hold certificate data or a password.

Source: MicrosoftDocs/azure-docs articles/application-gateway/{ssl-overview,key-vault-certs,
mutual-authentication-overview,application-gateway-tls-version-retirement}.md; messages as reported in
Azure/azure-rest-api-specs#1027 and MicrosoftDocs/azure-docs#54393.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cloudgw_local.azure import errors, gateway_document, schema
from cloudgw_local.azure.gateway_document import Child, Document

DEFAULT_POLICY = "AppGwSslPolicy20220101"
_LIMIT = 16 * 1024  # includes/application-gateway-limits.md, bytes of the file
_CLIENT_LIMIT = 25 * 1024
_SECRETS = schema.SECRETS["ApplicationGatewaySslCertificatePropertiesFormat"]
_KEPT = ("_data", "_password", "_publicCertData")
_OLD_POLICIES = ("AppGwSslPolicy20150501", "AppGwSslPolicy20170401")
_OLD_VERSIONS = ("TLSv1_0", "TLSv1_1")
_VAULT = re.compile(
    r"https://[a-z0-9-]{3,24}\.vault\.[a-z.-]+(:443)?/(secrets|certificates)/[A-Za-z0-9-]+(/[0-9a-f]*)?/?"
)


def restore(document: Document) -> None:
    """Hides given secrets, and takes those of certificates given without data from the stored certificate."""
    stored = _stored(document)
    for child in document.of("sslCertificates"):
        properties = child.properties
        if "data" not in properties and "keyVaultSecretId" not in properties and "hsm" not in properties:
            properties.pop("password", None)  # a password alone changes nothing
            properties |= {name: value for name, value in stored.get(_key(child), {}).items() if name in _KEPT}
        for name in _SECRETS:
            if name in properties:
                properties[f"_{name}"] = properties.pop(name)
    for child in document.of("trustedRootCertificates", "trustedClientCertificates", "authenticationCertificates"):
        before = stored.get(_key(child), {})
        if not {"data", "keyVaultSecretId"} & child.properties.keys():
            child.properties.update({name: before[name] for name in ("data", "_data") if name in before})
        hidden = document.around.belief("azure-root-certificate-data") == "hidden"
        if child.kind == "trustedRootCertificates" and "data" in child.properties and hidden:
            child.properties["_data"] = child.properties.pop("data")


def show(properties: dict[str, Any]) -> None:
    """Private members leave an answer; the public half of a PFX is shown as Azure does, PKCS#7 in base64."""
    public = properties.get("_publicCertData")
    for name in [name for name in properties if name.startswith("_")]:
        del properties[name]
    if public:
        properties["publicCertData"] = public


def check(document: Document) -> None:
    for child in document.of("sslCertificates"):
        _check_pfx(document, child)
    for child in document.of("trustedRootCertificates"):
        _check_root(child)
    for child in document.of("trustedClientCertificates"):
        _check_client(child)
    policies = [(document.properties.get("sslPolicy"), document.id)]
    policies += [(child.properties.get("sslPolicy"), child.id) for child in document.of("sslProfiles")]
    for policy, owner in policies:
        if policy:
            _check_policy(policy, owner)


def check_vault(document: Document) -> None:
    """Key Vault is read while the operation runs, so these refusals are always late."""
    identity = document.body.get("identity") or {}
    refused = str(document.around.setting("key_vault_refused") or "")
    for child in document.of("sslCertificates", "trustedRootCertificates"):
        secret = child.properties.get("keyVaultSecretId")
        if not secret:
            continue
        if not _VAULT.fullmatch(secret):
            raise gateway_document.refuse(
                "KeyVaultSecretIdInvalid", f"KeyVaultSecretId {secret} of {child.id} is not a Key Vault secret.", child
            )
        if (refused and re.search(refused, secret)) or not identity.get("userAssignedIdentities"):
            message = f"Problem occured while accessing and validating KeyVault Secrets associated with {document.id}."
            detail = f"The identity of the gateway cannot read secret {secret} of certificate {child.id}."
            raise errors.Refusal(
                code="ApplicationGatewayKeyVaultSecretException",
                message=message,
                details=(("ApplicationGatewayKeyVaultSecretAccessDenied", detail, child.id),),
                late=True,
            )


def _key(child: Child) -> str:
    return f"{child.kind}/{child.name}".casefold()


def _stored(document: Document) -> dict[str, dict[str, Any]]:
    if document.current is None:
        return {}
    before = Document(document.current, id=document.id, current=None, around=document.around)
    return {_key(child): child.properties for child in before.children}


def _decode(data: str) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def _check_pfx(document: Document, child: Child) -> None:
    properties = child.properties
    if "_data" not in properties:
        if not properties.get("keyVaultSecretId") and not properties.get("hsm"):
            raise _neither(child)
        return
    if "_publicCertData" in properties and "keyVaultSecretId" not in properties:
        return  # restored: was checked when it came
    content = _decode(properties["_data"])
    if content is None or len(content) > _LIMIT or not _is_pfx(content):
        raise gateway_document.refuse(
            "SslCertificateInvalidData", f"Data or Password for certificate {child.id} is invalid.", child
        )
    incorrect = gateway_document.refuse(
        "SslCertificatePasswordIncorrect", f"Password specified for certificate {child.id} is incorrect.", child
    )
    if document.around.belief("azure-pfx-aes") == "refused" and _uses_aes(content):
        raise incorrect
    public = _public(content, properties.get("_password") or "")
    if public is None:
        raise incorrect
    properties["_publicCertData"] = public


def _is_pfx(content: bytes) -> bool:
    """RFC 7292, 4: PFX is a DER sequence that begins with version 3; the whole length must fit."""
    if len(content) < 8 or content[0] != 0x30 or content[1] & 0x80 == 0:
        return False
    width = content[1] & 0x7F
    header = 2 + width
    whole = int.from_bytes(content[2:header], "big") + header == len(content)
    return whole and content[header : header + 3] == b"\x02\x01\x03"


def _uses_aes(content: bytes) -> bool:
    return bytes.fromhex("60864801650304012a") in content  # aes256-CBC, 2.16.840.1.101.3.4.1.42


def _public(content: bytes, password: str) -> str | None:
    """Base64 of a PKCS#7 with the certificates of a PFX; None when the password does not open it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

    try:
        opened = pkcs12.load_pkcs12(content, password.encode() or None)
    except ValueError:
        return None
    if opened.key is None or opened.cert is None:
        return None
    chain = [opened.cert.certificate, *(extra.certificate for extra in opened.additional_certs)]
    return base64.b64encode(pkcs7.serialize_certificates(chain, serialization.Encoding.DER)).decode()


def _certificates(content: bytes) -> list[Any]:
    from cryptography import x509

    try:
        if b"-----BEGIN CERTIFICATE-----" in content:
            return list(x509.load_pem_x509_certificates(content))
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        return []


def _check_root(child: Child) -> None:
    data = child.properties.get("data", child.properties.get("_data"))
    if data is None:
        if not child.properties.get("keyVaultSecretId"):
            raise _neither(child)
        return
    content = _decode(data)
    if content is None or len(_certificates(content)) != 1:
        raise gateway_document.refuse(
            "TrustedRootCertificateInvalidData", f"Data for certificate {child.id} is invalid.", child
        )


def _check_client(child: Child) -> None:
    data = child.properties.get("data")

    def refuse(code: str, why: str) -> errors.Refusal:
        message = f"Trusted client certificate {child.id} {why}."
        return gateway_document.refuse(f"TrustedClientCertificate{code}", message, child)

    if not data:
        raise refuse("MustSpecifyData", "must specify data")
    content = _decode(data)
    if content is not None and b"PRIVATE KEY-----" in content:
        raise refuse("MustNotHavePrivateKey", "must not have a private key")
    chain = _certificates(content) if content is not None and len(content) <= _CLIENT_LIMIT else []
    if not chain:
        raise refuse("InvalidData", "has invalid data")
    if not any(_is_ca(certificate) for certificate in chain):
        raise refuse("DoesNotContainAnyCACertificate", "does not contain any CA certificate")


def _is_ca(certificate: Any) -> bool:
    from cryptography import x509

    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _check_policy(policy: dict[str, Any], owner: str) -> None:
    old = policy.get("policyName") in _OLD_POLICIES or policy.get("minProtocolVersion") in _OLD_VERSIONS
    if old:
        raise errors.Refusal(
            code="ApplicationGatewayDeprecatedTlsVersionUsedInSslPolicy",
            message=f"The SSL policy of {owner} uses TLS 1.0 or 1.1, which are deprecated. Use a policy whose minimum "
            "protocol version is TLS 1.2 or higher.",
        )


def _neither(child: Child) -> errors.Refusal:
    return gateway_document.refuse(
        "CertificateDataOrKeyVaultSecretIdMustBeSpecified",
        f"Either Data or KeyVaultSecretId must be specified for Certificate {child.id} in Application Gateway.",
        child,
    )
