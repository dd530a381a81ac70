"""The attributes of load balancers, listeners and target groups: which exist, their defaults, what values they take.

Called when a resource is made and when its attributes are changed. Facts: botocore elbv2 LoadBalancerAttribute,
TargetGroupAttribute, ListenerAttribute (the lists in their documentation). An unknown key must be refused.
"""

from __future__ import annotations

import re

from cloudgw_local.aws import errors

Spec = tuple[str, str]  # default, regular expression of accepted values or "low-high"

_BOOL = "true|false"
_ANY = ".*"
_BOTH_BALANCERS: dict[str, Spec] = {
    "access_logs.s3.enabled": ("false", _BOOL),
    "access_logs.s3.bucket": ("", _ANY),
    "access_logs.s3.prefix": ("", _ANY),
    "deletion_protection.enabled": ("false", _BOOL),
    "ipv6.deny_all_igw_traffic": ("false", _BOOL),
    "zonal_shift.config.enabled": ("false", _BOOL),
}
BALANCERS: dict[str, dict[str, Spec]] = {
    "application": {
        **_BOTH_BALANCERS,
        "load_balancing.cross_zone.enabled": ("true", "true"),
        "idle_timeout.timeout_seconds": ("60", "1-4000"),
        "client_keep_alive.seconds": ("3600", "60-604800"),
        "connection_logs.s3.enabled": ("false", _BOOL),
        "connection_logs.s3.bucket": ("", _ANY),
        "connection_logs.s3.prefix": ("", _ANY),
        "health_check_logs.s3.enabled": ("false", _BOOL),
        "health_check_logs.s3.bucket": ("", _ANY),
        "health_check_logs.s3.prefix": ("", _ANY),
        "routing.http.desync_mitigation_mode": ("defensive", "monitor|defensive|strictest"),
        "routing.http.drop_invalid_header_fields.enabled": ("false", _BOOL),
        "routing.http.preserve_host_header.enabled": ("false", _BOOL),
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": ("false", _BOOL),
        "routing.http.xff_client_port.enabled": ("false", _BOOL),
        "routing.http.xff_header_processing.mode": ("append", "append|preserve|remove"),
        "routing.http2.enabled": ("true", _BOOL),
        "waf.fail_open.enabled": ("false", _BOOL),
    },
    "network": {
        **_BOTH_BALANCERS,
        "load_balancing.cross_zone.enabled": ("false", _BOOL),
        "dns_record.client_routing_policy": (
            "any_availability_zone",
            "availability_zone_affinity|partial_availability_zone_affinity|any_availability_zone",
        ),
        "secondary_ips.auto_assigned.per_subnet": ("0", "0-7"),
    },
}
_MINIMUM = "target_group_health.{}.minimum_healthy_targets.{}"
_HEALTH: dict[str, Spec] = {
    _MINIMUM.format("dns_failover", "count"): ("1", r"off|[1-9]\d*"),
    _MINIMUM.format("dns_failover", "percentage"): ("off", r"off|[1-9]\d?|100"),
    _MINIMUM.format("unhealthy_state_routing", "count"): ("1", r"[1-9]\d*"),
    _MINIMUM.format("unhealthy_state_routing", "percentage"): ("off", r"off|[1-9]\d?|100"),
}
_CROSS_ZONE: Spec = ("use_load_balancer_configuration", "true|false|use_load_balancer_configuration")
GROUPS: dict[str, dict[str, Spec]] = {
    "application": {
        **_HEALTH,
        "deregistration_delay.timeout_seconds": ("300", "0-3600"),
        "stickiness.enabled": ("false", _BOOL),
        "stickiness.type": ("lb_cookie", "lb_cookie|app_cookie"),
        "stickiness.lb_cookie.duration_seconds": ("86400", "1-604800"),
        "stickiness.app_cookie.cookie_name": ("", _ANY),
        "stickiness.app_cookie.duration_seconds": ("86400", "1-604800"),
        "slow_start.duration_seconds": ("0", r"0|[3-9]\d|[1-8]\d\d|900"),
        "load_balancing.algorithm.type": ("round_robin", "round_robin|least_outstanding_requests|weighted_random"),
        "load_balancing.algorithm.anomaly_mitigation": ("off", "on|off"),
        "load_balancing.cross_zone.enabled": _CROSS_ZONE,
    },
    "network": {
        **_HEALTH,
        "deregistration_delay.timeout_seconds": ("300", "0-3600"),
        "deregistration_delay.connection_termination.enabled": ("false", _BOOL),
        "stickiness.enabled": ("false", _BOOL),
        "stickiness.type": ("source_ip", "source_ip"),
        "preserve_client_ip.enabled": ("false", _BOOL),
        "proxy_protocol_v2.enabled": ("false", _BOOL),
        "load_balancing.cross_zone.enabled": _CROSS_ZONE,
        "target_health_state.unhealthy.connection_termination.enabled": ("true", _BOOL),
        "target_health_state.unhealthy.draining_interval_seconds": ("0", "0-360000"),
    },
    "lambda": {"lambda.multi_value_headers.enabled": ("false", _BOOL)},
}
_RENAMED = (
    *("x_amzn_mtls_clientcert_serial_number", "x_amzn_mtls_clientcert_issuer", "x_amzn_mtls_clientcert_subject"),
    *("x_amzn_mtls_clientcert_validity", "x_amzn_mtls_clientcert_leaf", "x_amzn_mtls_clientcert"),
    *("x_amzn_tls_version", "x_amzn_tls_cipher_suite"),
)
_ADDED = (
    *("strict_transport_security", "access_control_allow_origin", "access_control_allow_methods"),
    *("access_control_allow_headers", "access_control_allow_credentials", "access_control_expose_headers"),
    *("access_control_max_age", "content_security_policy", "x_content_type_options", "x_frame_options"),
)
_HTTP: dict[str, Spec] = {
    "routing.http.response.server.enabled": ("true", _BOOL),
    **{f"routing.http.response.{name}.header_value": ("", _ANY) for name in _ADDED},
}
LISTENERS: dict[str, dict[str, Spec]] = {
    "HTTP": _HTTP,
    "HTTPS": {
        **_HTTP,
        **{f"routing.http.request.{name}.header_name": ("", r"[A-Za-z0-9\-_]{0,40}") for name in _RENAMED},
    },
    "TCP": {"tcp.idle_timeout.seconds": ("350", "60-6000")},
}


def defaults(specs: dict[str, Spec]) -> dict[str, str]:
    return {key: default for key, (default, _) in specs.items()}


def changed(held: dict[str, str], given: list[dict[str, str]], specs: dict[str, Spec]) -> dict[str, str]:
    """`held` with the given attributes on top; raises ValidationError before anything changes."""
    attributes = dict(held)
    for one in given:
        key, value = one.get("Key", ""), one.get("Value", "")
        if key not in specs:
            raise errors.AwsError("ValidationError", f"Attribute key '{key}' is not recognized")
        if not _accepts(specs[key][1], value):
            raise errors.AwsError("ValidationError", f"'{key}' cannot have the value '{value}'")
        attributes[key] = value
    return attributes


def check_group(attributes: dict[str, str]) -> None:
    """Conflicts between attributes of a target group (application/edit-target-group-attributes.html)."""
    algorithm = attributes.get("load_balancing.algorithm.type", "round_robin")
    if algorithm != "round_robin" and attributes.get("slow_start.duration_seconds") != "0":
        raise errors.AwsError(
            "InvalidConfigurationRequest", f"Slow start cannot be used with the algorithm '{algorithm}'"
        )
    if algorithm == "weighted_random" and attributes.get("stickiness.enabled") == "true":
        raise errors.AwsError(
            "InvalidConfigurationRequest", "Stickiness cannot be used with the algorithm 'weighted_random'"
        )
    if attributes.get("load_balancing.algorithm.anomaly_mitigation") == "on" and algorithm != "weighted_random":
        raise errors.AwsError("InvalidConfigurationRequest", "Anomaly mitigation needs the algorithm 'weighted_random'")
    if attributes.get("stickiness.enabled") == "true" and attributes["stickiness.type"] == "app_cookie":
        cookie = attributes["stickiness.app_cookie.cookie_name"]
        if not cookie or cookie.startswith("AWSALB"):
            raise errors.AwsError("InvalidConfigurationRequest", f"The application cookie name '{cookie}' is not valid")


def _accepts(accepted: str, value: str) -> bool:
    numbers = re.fullmatch(r"(\d+)-(\d+)", accepted)
    if numbers:
        return re.fullmatch(r"\d{1,9}", value) is not None and int(numbers[1]) <= int(value) <= int(numbers[2])
    return re.fullmatch(accepted, value) is not None


def attribute_list(attributes: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]
