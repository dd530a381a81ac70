"""AWS Certificate Manager: imported certificates, and as little of issued ones as listeners need. Called by `server`.

Facts: acm/latest/APIReference (ImportCertificate, ListCertificates, DeleteCertificate) and
acm/latest/userguide/import-reimport.html, import-certificate-prerequisites.html. The private key is compared with the
certificate and then forgotten: it must never reach the world, the journal or a dump.
"""

from __future__ import annotations

import re
from typing import Any

from cloudgw_local.aws import acm_pem, call, errors, world

_RSA_DEFAULT = ("RSA_1024", "RSA_2048")
_ARN = re.compile(rf"arn:aws:acm:{world.REGION}:{world.ACCOUNT}:certificate/[\w-]+")


def import_certificate(this: call.Call) -> dict[str, Any]:
    """Import anew, or in place of the certificate whose ARN is given: that keeps its ARN and its tags."""
    given = this.parameters
    replaced = _certificate(this, given["CertificateArn"]) if "CertificateArn" in given else None
    if replaced is not None and given.get("Tags"):
        raise errors.AwsError("ValidationException", "Tags cannot be specified when a certificate is re-imported")
    tags = _tags(given.get("Tags") or [])
    _size(tags)
    facts = acm_pem.read(given["Certificate"], given["PrivateKey"], given.get("CertificateChain"), this.now)
    if replaced is None:
        if len(this.world.certificates) >= 2500:
            raise errors.AwsError("LimitExceededException", "The number of certificates has reached its quota")
        certificate = world.Certificate(
            arn=f"arn:aws:acm:{world.REGION}:{world.ACCOUNT}:certificate/{_uuid(this.world.new_id('certificate', 32))}",
            type="IMPORTED",
            created=this.now,
            issued_at=this.now + float(this.settings["certificate_issuing"]),
            **facts,
        )
        this.world.certificates[certificate.arn] = certificate
        this.world.tags[certificate.arn] = tags
        return {"CertificateArn": certificate.arn}
    if replaced.type != "IMPORTED":
        raise errors.AwsError("ValidationException", "Only an imported certificate can be replaced by an import")
    if facts["key_algorithm"] != replaced.key_algorithm:
        raise errors.AwsError(
            "ValidationException",
            f"The key type and size must stay {replaced.key_algorithm}, not {facts['key_algorithm']}",
        )
    if not set(replaced.key_usages) <= set(facts["key_usages"]):
        raise errors.AwsError("ValidationException", "The certificate lacks key usages that the replaced one has")
    for name, value in facts.items():
        setattr(replaced, name, value)
    replaced.issued_at = max(replaced.issued_at, this.now + float(this.settings["certificate_issuing"]))
    return {"CertificateArn": replaced.arn}


def describe_certificate(this: call.Call) -> dict[str, Any]:
    one = _certificate(this, this.parameters["CertificateArn"])
    detail = {
        **_common(one),
        "SubjectAlternativeNames": one.names,
        "Serial": one.serial,
        "Subject": one.subject,
        "Issuer": one.issuer,
        "SignatureAlgorithm": one.signature_algorithm,
        "Status": _status(this, one),
        "InUseBy": users(this.world, one.arn),
        "KeyUsages": [{"Name": name} for name in one.key_usages],
        "ExtendedKeyUsages": [{"Name": name} for name in one.extended_key_usages],
        "Options": {"CertificateTransparencyLoggingPreference": "DISABLED", "Export": "DISABLED"},
    }
    return {"Certificate": detail}


def get_certificate(this: call.Call) -> dict[str, Any]:
    one = _certificate(this, this.parameters["CertificateArn"])
    return {"Certificate": one.body, "CertificateChain": one.chain}


def list_certificates(this: call.Call) -> dict[str, Any]:
    """Without Includes.keyTypes only RSA 1024 and 2048 are listed (API_Filters: "Default filtering")."""
    given = this.parameters
    includes = given.get("Includes") or {}
    types = includes.get("keyTypes") or _RSA_DEFAULT
    statuses = given.get("CertificateStatuses")
    found = [
        one
        for one in this.world.certificates.values()
        if one.key_algorithm in types
        and (not statuses or _status(this, one) in statuses)
        and _carries(includes.get("keyUsage"), one.key_usages)
        and _carries(includes.get("extendedKeyUsage"), one.extended_key_usages)
    ]
    size = min(given.get("MaxItems") or 1000, 1000)
    try:
        shown, token = call.page(this, found, order=lambda one: one.arn, token=given.get("NextToken", ""), size=size)
    except errors.AwsError as broken:
        raise errors.AwsError("ValidationException", broken.message) from None
    summaries = [
        {
            **_common(one),
            "SubjectAlternativeNameSummaries": one.names[:100],
            "HasAdditionalSubjectAlternativeNames": len(one.names) > 100,
            "Status": _status(this, one),
            "KeyUsages": one.key_usages,
            "ExtendedKeyUsages": one.extended_key_usages,
            "ExportOption": "DISABLED",
            "InUse": bool(users(this.world, one.arn)),
        }
        for one in shown
    ]
    return {"CertificateSummaryList": summaries, "NextToken": token}


def delete_certificate(this: call.Call) -> dict[str, Any]:
    one = _certificate(this, this.parameters["CertificateArn"])
    if users(this.world, one.arn):
        raise errors.AwsError("ResourceInUseException", f"Certificate {one.arn} in account {world.ACCOUNT} is in use.")
    del this.world.certificates[one.arn]
    this.world.tags.pop(one.arn, None)
    return {}


def add_tags(this: call.Call) -> dict[str, Any]:
    one = _certificate(this, this.parameters["CertificateArn"])
    tags = {**this.world.tags.get(one.arn, {}), **_tags(this.parameters["Tags"])}
    _size(tags)
    this.world.tags[one.arn] = tags
    return {}


def remove_tags(this: call.Call) -> dict[str, Any]:
    """A tag with a value goes only if the value fits (RemoveTagsFromCertificate)."""
    held = this.world.tags.get(_certificate(this, this.parameters["CertificateArn"]).arn, {})
    for tag in this.parameters["Tags"]:
        if "Value" not in tag or held.get(tag["Key"]) == tag["Value"]:
            held.pop(tag["Key"], None)
    return {}


def list_tags(this: call.Call) -> dict[str, Any]:
    one = _certificate(this, this.parameters["CertificateArn"])
    return {"Tags": call.tag_list(this.world.tags.get(one.arn, {}))}


def request_certificate(this: call.Call) -> dict[str, Any]:
    """An issued certificate without validation: it stays PENDING_VALIDATION for `certificate_issuing` seconds."""
    given = this.parameters
    tags = _tags(given.get("Tags") or [])
    one = world.Certificate(
        arn=f"arn:aws:acm:{world.REGION}:{world.ACCOUNT}:certificate/{_uuid(this.world.new_id('certificate', 32))}",
        type="AMAZON_ISSUED",
        created=this.now,
        issued_at=this.now + float(this.settings["certificate_issuing"]),
        domain=given["DomainName"],
        names=list(dict.fromkeys([given["DomainName"], *(given.get("SubjectAlternativeNames") or [])])),
        key_algorithm=given.get("KeyAlgorithm", "RSA_2048"),
        not_before=this.now,
        not_after=this.now + 395 * 86400,
    )
    this.world.certificates[one.arn] = one
    this.world.tags[one.arn] = tags
    return {"CertificateArn": one.arn}


def users(state: world.World, arn: str) -> list[str]:
    """Load balancers with a listener that uses the certificate: InUseBy lists these, not the listeners."""
    using = {
        one.load_balancer_arn
        for one in state.listeners.values()
        if arn == one.certificate or arn in one.extra_certificates
    }
    return sorted(using)


def _certificate(this: call.Call, arn: str) -> world.Certificate:
    if not _ARN.fullmatch(arn):
        raise errors.AwsError("InvalidArnException", f"'{arn}' is not a valid certificate ARN")
    if arn not in this.world.certificates:
        raise errors.AwsError("ResourceNotFoundException", f"Could not find certificate {arn}.")
    return this.world.certificates[arn]


def _status(this: call.Call, one: world.Certificate) -> str:
    if one.type != "IMPORTED" and this.now < one.issued_at:
        return "PENDING_VALIDATION"
    return "EXPIRED" if this.now > one.not_after else "ISSUED"


def _common(one: world.Certificate) -> dict[str, Any]:
    imported = one.type == "IMPORTED"
    return {
        "CertificateArn": one.arn,
        "DomainName": one.domain,
        "Type": one.type,
        "KeyAlgorithm": one.key_algorithm,
        "NotBefore": one.not_before,
        "NotAfter": one.not_after,
        "CreatedAt": one.created,
        "ImportedAt" if imported else "IssuedAt": one.created if imported else one.issued_at,
        "RenewalEligibility": "INELIGIBLE",
    }


def _carries(wanted: list[str] | None, held: list[str]) -> bool:
    return not wanted or any(one in held or one == "ANY" for one in wanted)


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    """API_Tag: up to 50, no aws: prefix. A key given twice is refused."""
    tags: dict[str, str] = {}
    for tag in given:
        if tag["Key"].lower().startswith("aws:"):
            raise errors.AwsError("InvalidTagException", f"Tag key '{tag['Key']}' uses the reserved prefix aws:")
        if tag["Key"] in tags:
            raise errors.AwsError("InvalidTagException", f"Tag key '{tag['Key']}' is specified twice")
        tags[tag["Key"]] = tag.get("Value", "")
    return tags


def _size(tags: dict[str, str]) -> None:
    if len(tags) > 50:
        raise errors.AwsError("TooManyTagsException", "A certificate can have at most 50 tags")


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


OPERATIONS: dict[str, call.Operation] = {
    "ImportCertificate": import_certificate,
    "DescribeCertificate": describe_certificate,
    "GetCertificate": get_certificate,
    "ListCertificates": list_certificates,
    "DeleteCertificate": delete_certificate,
    "AddTagsToCertificate": add_tags,
    "RemoveTagsFromCertificate": remove_tags,
    "ListTagsForCertificate": list_tags,
    "RequestCertificate": request_certificate,
}
