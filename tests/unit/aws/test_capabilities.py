"""What rows of the capabilities rest on, by the model of ELB: where it changed, a row is out of date."""

from __future__ import annotations

import botocore.session
import pytest

from cloudgw_aws import kinds


@pytest.fixture(name="model", scope="module")
def _model() -> object:
    return botocore.session.get_session().get_service_model("elbv2")


def test_addresses_belong_to_network_load_balancers(model: object) -> None:
    """The vendor's model: when it changes, a row is out of date."""
    members = model.shape_for("SubnetMapping").members  # type: ignore[attr-defined]
    for name in ("AllocationId", "PrivateIPv4Address"):
        assert members[name].documentation.startswith("<p>[Network Load Balancers]"), name
    assert "IpAddress" not in model.shape_for("LoadBalancer").members  # type: ignore[attr-defined]


def test_no_condition_sees_the_server_name(model: object) -> None:
    assert set(model.shape_for("RuleCondition").members) == {  # type: ignore[attr-defined]
        "Field",
        "Values",
        "HostHeaderConfig",
        "PathPatternConfig",
        "HttpHeaderConfig",
        "QueryStringConfig",
        "HttpRequestMethodConfig",
        "SourceIpConfig",
        "RegexValues",
    }


def test_targets_see_no_certificate(model: object) -> None:
    members = model.shape_for("CreateTargetGroupInput").members  # type: ignore[attr-defined]
    assert not [name for name in members if "Certificate" in name or "Trust" in name]


def test_nothing_is_made_in_kubernetes() -> None:
    assert set(kinds.KINDS) == {
        "security-group",
        "security-group-rule",
        "load-balancer",
        "target-group",
        "targets",
        "certificate",
        "listener",
        "listener-certificate",
        "rule",
    }
