"""SSL certificates and SSL policies: what is read out of a certificate, what is refused, what is never shown."""

from __future__ import annotations

import pytest

from cloudgw_local.gcp import server

from . import conftest, samples
from .conftest import Cloud
from .samples import GLOBAL, REGIONAL, Json


def test_a_certificate_is_read_and_its_key_never_shown(cloud: Cloud) -> None:
    body = samples.certificate()
    made = cloud.make(f"{GLOBAL}/sslCertificates", body)
    assert (made["type"], made["certificate"]) == ("SELF_MANAGED", body["certificate"])
    assert made["selfManaged"] == {"certificate": body["certificate"]}
    assert made["subjectAlternativeNames"] == ["shop.example"]
    assert made["expireTime"].startswith("2035-12-29T")
    secret = body["privateKey"].splitlines()[1]
    listing = cloud.get(f"{GLOBAL}/sslCertificates")
    for seen in (made, listing, cloud.control.dump(), cloud.control.journal()):
        assert secret not in str(seen)


def test_the_pair_may_stand_in_its_own_block(cloud: Cloud) -> None:
    pem, key = samples.pair()
    body = {"name": "cert", "type": "SELF_MANAGED", "selfManaged": {"certificate": pem, "privateKey": key}}
    assert cloud.make(f"{REGIONAL}/sslCertificates", body)["certificate"] == pem
    assert key.splitlines()[1] not in str(cloud.control.dump())


def test_a_certificate_never_changes(cloud: Cloud) -> None:
    cloud.make(f"{GLOBAL}/sslCertificates", samples.certificate())
    for method in ("PATCH", "PUT"):
        assert cloud.ask(method, f"{GLOBAL}/sslCertificates/cert", samples.certificate()).status == 404


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        ({"certificate": "none"}, "sslCertificateCouldNotParseCert", "The SSL certificate could not be parsed."),
        ({"privateKey": "none"}, "sslCertificateCouldNotParseKey", "The SSL key could not be parsed."),
        ({"privateKey": samples.pair(other=1)[1]}, "invalid", "does not match"),
        ({"certificate": samples.pair()[0] * 6}, "invalid", "5 certs long"),
        ({"certificate": None}, "required", "'resource.certificate'"),
        ({"privateKey": None}, "required", "'resource.privateKey'"),
        ({"managed": {"domains": ["shop.example"]}, "type": "SELF_MANAGED"}, "invalid", "resource.managed"),
    ],
)
def test_a_bad_certificate_is_refused_without_being_told(cloud: Cloud, change: Json, reason: str, message: str) -> None:
    answer = cloud.ask("POST", f"{GLOBAL}/sslCertificates", samples.certificate() | change)
    assert (answer.status, answer.reason) == (400, reason)
    assert message in answer.message
    assert "PRIVATE KEY" not in answer.message
    assert "CERTIFICATE-----" not in answer.message


@pytest.mark.parametrize(
    ("sort", "everywhere", "regional"),
    [("RSA-2048", 200, 200), ("P-256", 200, 200), ("RSA-3072", 400, 200), ("P-384", 400, 200), ("RSA-1024", 400, 400)],
)
def test_key_types_differ_by_scope(cloud: Cloud, sort: str, everywhere: int, regional: int) -> None:
    assert cloud.ask("POST", f"{GLOBAL}/sslCertificates", samples.certificate(sort=sort)).status == everywhere
    assert cloud.ask("POST", f"{REGIONAL}/sslCertificates", samples.certificate(sort=sort)).status == regional


@pytest.mark.parametrize(("answer", "status"), [("refused", 400), ("taken", 200)])
def test_an_empty_subject_is_a_belief(answer: str, status: int) -> None:
    pem, key = samples.pair(subject="")
    with server.serve(stepped=True, beliefs={"gcp-certificate-empty-subject": answer}) as running:
        cloud = conftest.connect(running)
        body = {"name": "cert", "certificate": pem, "privateKey": key}
        assert cloud.ask("POST", f"{GLOBAL}/sslCertificates", body).status == status


def test_a_managed_certificate_stays_provisioning(cloud: Cloud) -> None:
    body = {"name": "auto", "type": "MANAGED", "managed": {"domains": ["shop.example"]}}
    made = cloud.make(f"{GLOBAL}/sslCertificates", body)
    assert made["managed"]["status"] == "PROVISIONING"
    assert made["managed"]["domainStatus"] == {"shop.example": "PROVISIONING"}
    assert cloud.ask("POST", f"{REGIONAL}/sslCertificates", body).status == 400
    assert cloud.ask("POST", f"{GLOBAL}/sslCertificates", {"name": "two", "type": "MANAGED"}).status == 400


def test_a_certificate_in_use_stays(cloud: Cloud) -> None:
    samples.build(cloud, upto="targetHttpProxies")
    cloud.make(f"{GLOBAL}/sslCertificates", samples.certificate())
    cloud.make(f"{GLOBAL}/targetHttpsProxies", samples.https_proxy())
    assert cloud.ask("DELETE", f"{GLOBAL}/sslCertificates/cert").reason == "resourceInUseByAnotherResource"


# --- SSL policies


def test_an_ssl_policy_is_filled_in_and_patched(cloud: Cloud) -> None:
    made = cloud.make(f"{GLOBAL}/sslPolicies", {"name": "policy"})
    assert (made["profile"], made["minTlsVersion"]) == ("COMPATIBLE", "TLS_1_0")
    change = {"profile": "RESTRICTED", "minTlsVersion": "TLS_1_2", "customFeatures": None}
    path = f"{GLOBAL}/sslPolicies/policy"
    assert cloud.ask("PATCH", path, change | {"fingerprint": "AAAAAAAAAAA="}).status == 412
    ended = cloud.done("PATCH", path, change | {"fingerprint": made["fingerprint"]})
    assert ended["operationType"] == "compute.sslPolicies.patch"
    after = cloud.get(path)
    assert len(after["enabledFeatures"]) == 6
    assert set(after["enabledFeatures"]) < set(made["enabledFeatures"])
    answer = cloud.ask("PATCH", path, {"description": "new", "fingerprint": after["fingerprint"]})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"minTlsVersion": "TLS_1_3"}, 400),
        ({"minTlsVersion": "TLS_1_3", "profile": "RESTRICTED"}, 200),
        ({"profile": "FIPS_202205"}, 200),
        ({"profile": "FIPS_202205", "minTlsVersion": "TLS_1_1"}, 400),
        ({"profile": "CUSTOM"}, 400),
        ({"profile": "CUSTOM", "customFeatures": ["TLS_RSA_WITH_AES_128_GCM_SHA256"]}, 200),
        ({"profile": "CUSTOM", "customFeatures": ["TLS_NULL"]}, 400),
        ({"customFeatures": ["TLS_RSA_WITH_AES_128_GCM_SHA256"]}, 400),
    ],
)
def test_profiles_versions_and_features_fit(cloud: Cloud, change: Json, status: int) -> None:
    assert cloud.ask("POST", f"{GLOBAL}/sslPolicies", samples.ssl_policy() | change).status == status


def test_the_features_that_a_custom_profile_takes_are_told(cloud: Cloud) -> None:
    told = cloud.get(f"{GLOBAL}/sslPolicies/listAvailableFeatures")["features"]
    assert "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" in told
    assert len(told) == 15
