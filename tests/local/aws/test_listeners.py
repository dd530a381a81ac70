"""Listeners and their certificates."""

from __future__ import annotations

from typing import Any

import pytest

from . import conftest as c


@pytest.fixture
def balancer(cloud: c.Cloud) -> str:
    return cloud.balancer()


def https(cloud: c.Cloud, balancer: str, certificate: str, **more: Any) -> str:
    settings = {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}], "port": 443}
    return cloud.listener(balancer, **{**settings, **more})


def test_same_settings_answer_the_existing_one(cloud: c.Cloud, balancer: str) -> None:
    assert cloud.listener(balancer) == cloud.listener(balancer)
    c.refused("DuplicateListener", cloud.listener, balancer, c.fixed("500"))
    other = cloud.listener(balancer, port=81)
    c.refused("DuplicateListener", cloud.elb.modify_listener, ListenerArn=other, Port=80)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"Protocol": "TCP"}, "UnsupportedProtocol"),
        ({"Protocol": "GOPHER"}, "ValidationError"),
        ({"Protocol": None}, "ValidationError"),
        ({"Port": 0}, "ValidationError"),
        ({"Port": 65536}, "ValidationError"),
        ({"Protocol": "HTTPS"}, "ValidationError"),
        ({"SslPolicy": "ELBSecurityPolicy-2016-08"}, "ValidationError"),
        ({"MutualAuthentication": {"Mode": "passthrough"}}, "ValidationError"),
        ({"AlpnPolicy": ["None"]}, "ALPNPolicyNotFound"),
        ({"DefaultActions": []}, "ValidationError"),
    ],
)
def test_refused_settings(cloud: c.Cloud, balancer: str, settings: dict[str, Any], code: str) -> None:
    given = {"Protocol": "HTTP", "Port": 80, "DefaultActions": [c.fixed()], **settings}
    given = {name: value for name, value in given.items() if value is not None}
    c.refused(code, cloud.elb.create_listener, LoadBalancerArn=balancer, **given)


def test_https(cloud: c.Cloud, balancer: str) -> None:
    certificate = cloud.certificate()
    arn = https(cloud, balancer, certificate)
    shown = cloud.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]
    assert shown["SslPolicy"] == "ELBSecurityPolicy-2016-08"
    assert shown["Certificates"] == [{"CertificateArn": certificate}]
    assert shown["MutualAuthentication"] == {"Mode": "off"}
    c.refused("SSLPolicyNotFound", https, cloud, balancer, certificate, port=444, SslPolicy="nonsense")
    c.refused("CertificateNotFound", https, cloud, balancer, certificate + "0", port=444)
    two = [{"CertificateArn": certificate}, {"CertificateArn": certificate}]
    c.refused("ValidationError", https, cloud, balancer, certificate, port=444, Certificates=two)


def test_certificate_not_issued_yet(cloud: c.Cloud, balancer: str) -> None:
    cloud.control.settings(certificate_issuing=30)
    certificate = cloud.certificate()
    c.refused("CertificateNotFound", https, cloud, balancer, certificate)
    cloud.control.advance(30)
    https(cloud, balancer, certificate)


def test_mutual_authentication(cloud: c.Cloud, balancer: str) -> None:
    certificate = cloud.certificate()
    arn = https(cloud, balancer, certificate, MutualAuthentication={"Mode": "passthrough"})
    shown = cloud.elb.describe_listeners(ListenerArns=[arn])["Listeners"][0]
    assert shown["MutualAuthentication"] == {"Mode": "passthrough"}
    verify = {
        "Mode": "verify",
        "TrustStoreArn": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/a/b",
    }
    modify = cloud.elb.modify_listener
    c.refused("TrustStoreNotFound", modify, ListenerArn=arn, MutualAuthentication=verify)
    c.refused("ValidationError", modify, ListenerArn=arn, MutualAuthentication={"Mode": "verify"})


def test_modify_keeps_what_is_not_given(cloud: c.Cloud, balancer: str) -> None:
    certificate = cloud.certificate()
    arn = https(cloud, balancer, certificate)
    shown = cloud.elb.modify_listener(ListenerArn=arn, DefaultActions=[c.fixed("503")])["Listeners"][0]
    assert (shown["Port"], shown["Certificates"]) == (443, [{"CertificateArn": certificate}])
    shown = cloud.elb.modify_listener(ListenerArn=arn, Port=8443)["Listeners"][0]
    assert shown["DefaultActions"] == [c.fixed("503")]
    shown = cloud.elb.modify_listener(ListenerArn=arn, Protocol="HTTP")["Listeners"][0]
    assert "Certificates" not in shown
    assert "SslPolicy" not in shown
    c.refused("ValidationError", cloud.elb.modify_listener, ListenerArn=arn, Protocol="HTTPS")


def test_extra_certificates(cloud: c.Cloud, balancer: str) -> None:
    certificates = [cloud.certificate(f"h{number}.example.com") for number in range(27)]
    arn = https(cloud, balancer, certificates[0])
    rows = [{"CertificateArn": one} for one in certificates]
    cloud.elb.add_listener_certificates(ListenerArn=arn, Certificates=rows[1:26])
    cloud.elb.add_listener_certificates(ListenerArn=arn, Certificates=rows[1:3])
    c.refused("TooManyCertificates", cloud.elb.add_listener_certificates, ListenerArn=arn, Certificates=rows[26:])
    cloud.control.settings(page_size=10)
    pages = list(cloud.elb.get_paginator("describe_listener_certificates").paginate(ListenerArn=arn))
    shown = {one["CertificateArn"]: one["IsDefault"] for page in pages for one in page["Certificates"]}
    assert len(pages) == 3
    assert shown == {one: one == certificates[0] for one in certificates[:26]}
    c.refused("OperationNotPermitted", cloud.elb.remove_listener_certificates, ListenerArn=arn, Certificates=rows[:1])
    cloud.elb.remove_listener_certificates(ListenerArn=arn, Certificates=rows[1:])
    assert len(cloud.elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]) == 1
    c.refused(
        "CertificateNotFound",
        cloud.elb.add_listener_certificates,
        ListenerArn=arn,
        Certificates=[{"CertificateArn": "x"}],
    )
    plain = cloud.listener(balancer)
    c.refused("ValidationError", cloud.elb.add_listener_certificates, ListenerArn=plain, Certificates=rows[:1])


def test_delete_takes_rules(cloud: c.Cloud, balancer: str) -> None:
    arn = cloud.listener(balancer)
    cloud.rule(arn)
    cloud.elb.delete_listener(ListenerArn=arn)
    assert cloud.control.dump()["rules"] == []
    c.refused("ListenerNotFound", cloud.elb.delete_listener, ListenerArn=arn)
    c.refused("ListenerNotFound", cloud.elb.describe_rules, ListenerArn=arn)


def test_pages_and_quota(cloud: c.Cloud, balancer: str) -> None:
    for port in range(1, 51):
        cloud.listener(balancer, port=port)
    c.refused("TooManyListeners", cloud.listener, balancer, port=51)
    cloud.control.settings(page_size=20)
    pages = list(cloud.elb.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer))
    assert sorted(one["Port"] for page in pages for one in page["Listeners"]) == list(range(1, 51))
    assert len(pages) == 3


def test_attributes(cloud: c.Cloud, balancer: str) -> None:
    arn = cloud.listener(balancer)
    server = {"Key": "routing.http.response.server.enabled", "Value": "false"}
    cloud.elb.modify_listener_attributes(ListenerArn=arn, Attributes=[server])
    assert server in cloud.elb.describe_listener_attributes(ListenerArn=arn)["Attributes"]
    for key in ("nonsense", "routing.http.request.x_amzn_tls_version.header_name"):
        attributes = [{"Key": key, "Value": "x"}]
        c.refused("ValidationError", cloud.elb.modify_listener_attributes, ListenerArn=arn, Attributes=attributes)


PAIRS = {
    "TCP": {"TCP", "TCP_UDP"},
    "TLS": {"TLS", "TCP"},
    "UDP": {"UDP", "TCP_UDP"},
    "TCP_UDP": {"TCP_UDP"},
}


@pytest.mark.parametrize("protocol", PAIRS)
def test_network_protocol_pairs(cloud: c.Cloud, protocol: str) -> None:
    balancer = cloud.balancer("net", Type="network")
    secure = {"Certificates": [{"CertificateArn": cloud.certificate()}]} if protocol == "TLS" else {}
    for port, kind in enumerate(("TCP", "TLS", "UDP", "TCP_UDP", "HTTP"), 1):
        group = cloud.targets(kind.replace("_", "-"), Protocol=kind)
        given: dict[str, Any] = {"port": port, "Protocol": protocol, **secure}
        if kind in PAIRS[protocol]:
            cloud.listener(balancer, c.forward(group), **given)
        else:
            c.refused("IncompatibleProtocols", cloud.listener, balancer, c.forward(group), **given)
    c.refused("InvalidLoadBalancerAction", cloud.listener, balancer, port=99, Protocol=protocol, **secure)
