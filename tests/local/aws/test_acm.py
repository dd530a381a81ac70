"""Certificates: what ACM imports, replaces, lists, tags and refuses to delete."""

from __future__ import annotations

from typing import Any

from . import conftest as c


def test_import_and_describe(cloud: c.Cloud) -> None:
    arn = cloud.certificate("a.example.com", "rsa2048", Tags=[{"Key": "a", "Value": "1"}])
    shown = cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert (shown["DomainName"], shown["Status"], shown["Type"]) == ("a.example.com", "ISSUED", "IMPORTED")
    assert (shown["KeyAlgorithm"], shown["InUseBy"]) == ("RSA_2048", [])
    assert shown["SubjectAlternativeNames"] == ["a.example.com"]
    assert cloud.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    assert "BEGIN CERTIFICATE" in cloud.acm.get_certificate(CertificateArn=arn)["Certificate"]


def test_refused_imports(cloud: c.Cloud) -> None:
    now = cloud.control.now()
    body, key = c.pem_pair("a.example.com", now=now)
    _, other_key = c.pem_pair("a.example.com", now=now, number=1)
    expired, expired_key = c.pem_pair("a.example.com", now=now - 100 * 86400)
    stranger, _ = c.pem_pair("b.example.com", now=now, number=1)
    refused: list[dict[str, Any]] = [
        {"Certificate": body, "PrivateKey": other_key},
        {"Certificate": body, "PrivateKey": b"nonsense"},
        {"Certificate": b"nonsense", "PrivateKey": key},
        {"Certificate": body + stranger, "PrivateKey": key},
        {"Certificate": expired, "PrivateKey": expired_key},
        {"Certificate": body, "PrivateKey": key, "CertificateChain": stranger},
        {"Certificate": body},
        {"Certificate": body, "PrivateKey": key + b"\n" * 9000},
    ]
    for given in refused:
        c.refused("ValidationException", cloud.acm.import_certificate, **given)
    cloud.acm.import_certificate(Certificate=body, PrivateKey=key, CertificateChain=body)


def test_import_again_keeps_arn_and_tags(cloud: c.Cloud) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    arn = cloud.certificate("a.example.com", Tags=tags)
    assert cloud.certificate("b.example.com", CertificateArn=arn) == arn
    assert cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainName"] == "b.example.com"
    assert cloud.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == tags
    c.refused("ValidationException", cloud.certificate, "b.example.com", CertificateArn=arn, Tags=tags)
    c.refused("ValidationException", cloud.certificate, "b.example.com", "rsa2048", CertificateArn=arn)
    c.refused("ValidationException", cloud.certificate, "b.example.com", "p384", CertificateArn=arn)
    c.refused("ResourceNotFoundException", cloud.certificate, CertificateArn=arn + "0")
    c.refused("InvalidArnException", cloud.certificate, CertificateArn="arn:aws:acm:eu-central-1:1:certificate/a")


def test_list_hides_elliptic_keys_by_default(cloud: c.Cloud) -> None:
    elliptic, classic = cloud.certificate("a.example.com"), cloud.certificate("b.example.com", "rsa2048")

    def listed(**given: Any) -> set[str]:
        found = cloud.acm.list_certificates(**given)["CertificateSummaryList"]
        return {one["CertificateArn"] for one in found}

    assert listed() == {classic}
    assert listed(Includes={"keyTypes": ["EC_prime256v1", "RSA_2048"]}) == {elliptic, classic}
    assert listed(CertificateStatuses=["EXPIRED"]) == set()
    cloud.control.advance(91 * 86400)
    assert listed(CertificateStatuses=["EXPIRED"]) == {classic}
    summary = cloud.acm.list_certificates()["CertificateSummaryList"][0]
    assert (summary["DomainName"], summary["KeyAlgorithm"]) == ("b.example.com", "RSA_2048")
    assert summary["NotAfter"]


def test_list_pages(cloud: c.Cloud) -> None:
    made = {cloud.certificate(f"h{number}.example.com", "rsa2048") for number in range(5)}
    pages = list(cloud.acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["CertificateSummaryList"]) for page in pages] == [2, 2, 1]
    assert {one["CertificateArn"] for page in pages for one in page["CertificateSummaryList"]} == made
    c.refused("ValidationException", cloud.acm.list_certificates, NextToken="nonsense")


def test_in_use(cloud: c.Cloud) -> None:
    default, extra = cloud.certificate("a.example.com"), cloud.certificate("b.example.com")
    balancer = cloud.balancer()
    listener = cloud.listener(balancer, port=443, Protocol="HTTPS", Certificates=[{"CertificateArn": default}])
    rows = [{"CertificateArn": extra}]
    cloud.elb.add_listener_certificates(ListenerArn=listener, Certificates=rows)
    for arn in (default, extra):
        assert cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"] == [balancer]
        c.refused("ResourceInUseException", cloud.acm.delete_certificate, CertificateArn=arn)
    cloud.elb.remove_listener_certificates(ListenerArn=listener, Certificates=rows)
    cloud.acm.delete_certificate(CertificateArn=extra)
    c.refused("ResourceNotFoundException", cloud.acm.describe_certificate, CertificateArn=extra)
    cloud.elb.delete_load_balancer(LoadBalancerArn=balancer)
    cloud.acm.delete_certificate(CertificateArn=default)


def test_tags(cloud: c.Cloud) -> None:
    arn = cloud.certificate(Tags=[{"Key": "a", "Value": "1"}])
    add, remove = cloud.acm.add_tags_to_certificate, cloud.acm.remove_tags_from_certificate
    add(CertificateArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    remove(CertificateArn=arn, Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert cloud.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    c.refused("InvalidTagException", add, CertificateArn=arn, Tags=[{"Key": "aws:a"}])
    c.refused("ValidationException", add, CertificateArn=arn, Tags=[{"Key": "a", "Value": "x;y"}])
    many = [{"Key": f"k{number}"} for number in range(50)]
    c.refused("TooManyTagsException", add, CertificateArn=arn, Tags=many)


def test_requested_certificate_waits(cloud: c.Cloud) -> None:
    cloud.control.settings(certificate_issuing=60)
    arn = cloud.acm.request_certificate(DomainName="a.example.com", ValidationMethod="DNS")["CertificateArn"]
    assert cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "PENDING_VALIDATION"
    cloud.control.advance(60)
    assert cloud.acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == "ISSUED"


def test_private_keys_stay_nowhere(cloud: c.Cloud) -> None:
    cloud.certificate()
    body, _ = c.pem_pair("a.example.com", now=cloud.control.now())
    c.refused("ValidationException", cloud.acm.import_certificate, Certificate=body, PrivateKey=b"PRIVATE nonsense")
    everything = str(cloud.control.journal()) + str(cloud.control.dump())
    assert "PRIVATE" not in everything
    assert [entry["parameters"]["PrivateKey"] for entry in cloud.control.journal()] == ["(redacted)"] * 2
