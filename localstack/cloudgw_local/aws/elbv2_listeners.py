"""Listeners and their certificates. Called by `server`.

Facts: elasticloadbalancing/latest/APIReference (CreateListener, ModifyListener, AddListenerCertificates,
DescribeListenerCertificates), application/create-https-listener.html. A listener's default actions are the actions of
its default rule, kept once, there.
"""

from __future__ import annotations

from typing import Any

from cloudgw_local.aws import call, elbv2, elbv2_actions, elbv2_attributes, elbv2_lookup, errors, world

_PROTOCOLS = {"application": ("HTTP", "HTTPS"), "network": tuple(elbv2_actions.PAIRS)}
_SECURE = ("HTTPS", "TLS")
_ALPN = ("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None")


def create_listener(this: call.Call) -> dict[str, Any]:
    given = this.parameters
    balancer = elbv2_lookup.load_balancer(this)
    protocol, port = given.get("Protocol"), given.get("Port")
    if protocol is None or port is None:
        raise errors.AwsError("ValidationError", "A listener protocol and port must be specified")
    tags = call.tags_of(given.get("Tags"))
    listener = world.Listener(
        arn="",
        load_balancer_arn=balancer.arn,
        protocol=protocol,
        port=port,
        ssl_policy=None,
        certificate=None,
        extra_certificates=[],
        alpn=[],
        mutual_authentication=None,
        attributes={},
    )
    _apply(this, listener, balancer)
    listener.attributes = elbv2_attributes.defaults(elbv2_attributes.LISTENERS.get(protocol, {}))
    actions = elbv2_actions.checked(this, given["DefaultActions"], balancer, protocol, port)
    on_port = next((one for one in this.world.listeners_of(balancer.arn) if one.port == port), None)
    if on_port is not None:
        same = (
            _settings(on_port) == _settings(listener)
            and this.world.default_rule(on_port.arn).actions == actions
            and elbv2_lookup.same_tags(this, on_port.arn, tags)
        )
        if not same:
            raise errors.AwsError("DuplicateListener", "A listener already exists on this port for this load balancer")
        return {"Listeners": [_json(this, on_port)]}
    if len(this.world.listeners_of(balancer.arn)) >= 50:
        raise errors.AwsError(
            "TooManyListeners", "You've reached the limit on the number of listeners per load balancer."
        )
    path = balancer.arn.partition("loadbalancer/")[2]
    listener.arn = elbv2_lookup.arn(f"listener/{path}/{this.world.new_id('listener', 16)}")
    rule_path = listener.arn.partition(":listener/")[2]
    rule = world.Rule(
        arn=elbv2_lookup.arn(f"listener-rule/{rule_path}/{this.world.new_id('rule', 16)}"),
        listener_arn=listener.arn,
        priority=None,
        conditions=[],
        actions=actions,
        transforms=[],
    )
    this.world.listeners[listener.arn] = listener
    this.world.rules[rule.arn] = rule
    this.world.tags[listener.arn] = tags
    return {"Listeners": [_json(this, listener)]}


def modify_listener(this: call.Call) -> dict[str, Any]:
    """What is not given stays, but a listener that stops being secure loses its certificates and policy."""
    given = this.parameters
    held = elbv2_lookup.listener(this)
    balancer = this.world.load_balancers[held.load_balancer_arn]
    port = given.get("Port", held.port)
    if any(one.port == port and one is not held for one in this.world.listeners_of(balancer.arn)):
        raise errors.AwsError("DuplicateListener", "A listener already exists on this port for this load balancer")
    protocol = given.get("Protocol", held.protocol)
    secure = protocol in _SECURE
    trial = world.Listener(
        arn=held.arn,
        load_balancer_arn=balancer.arn,
        protocol=protocol,
        port=port,
        ssl_policy=held.ssl_policy if secure else None,
        certificate=held.certificate if secure else None,
        extra_certificates=held.extra_certificates if secure else [],
        alpn=held.alpn if protocol == "TLS" else [],
        mutual_authentication=held.mutual_authentication if secure else None,
        attributes=held.attributes,
    )
    _apply(this, trial, balancer)
    rule = this.world.default_rule(held.arn)
    actions = elbv2_actions.checked(
        this, given.get("DefaultActions") or rule.actions, balancer, protocol, port, rule.arn
    )
    if protocol != held.protocol:
        for other in this.world.rules_of(held.arn):
            if other is not rule:
                elbv2_actions.checked(this, other.actions, balancer, protocol, port, other.arn)
        specs = elbv2_attributes.LISTENERS.get(protocol, {})
        kept = {key: value for key, value in held.attributes.items() if key in specs}
        trial.attributes = {**elbv2_attributes.defaults(specs), **kept}
    this.world.listeners[held.arn] = trial
    rule.actions = actions
    return {"Listeners": [_json(this, trial)]}


def delete_listener(this: call.Call) -> dict[str, Any]:
    elbv2.drop_listener(this.world, elbv2_lookup.listener(this).arn)
    return {}


def describe_listeners(this: call.Call) -> dict[str, Any]:
    arns, balancer_arn = this.parameters.get("ListenerArns"), this.parameters.get("LoadBalancerArn")
    if bool(arns) == bool(balancer_arn):
        raise errors.AwsError("ValidationError", "Specify either listener ARNs or a load balancer ARN")
    if arns:
        found = [elbv2_lookup.listener(this, arn) for arn in dict.fromkeys(arns)]
    else:
        found = this.world.listeners_of(elbv2_lookup.load_balancer(this).arn)
    shown, marker = elbv2_lookup.page(this, found, lambda one: one.arn)
    return {"Listeners": [_json(this, one) for one in shown], "NextMarker": marker}


def add_listener_certificates(this: call.Call) -> dict[str, Any]:
    listener = _secure(this)
    asked = [_certificate(this, one) for one in this.parameters["Certificates"]]
    fresh = [arn for arn in dict.fromkeys(asked) if arn not in listener.extra_certificates]
    on_balancer = {arn for one in this.world.listeners_of(listener.load_balancer_arn) for arn in one.extra_certificates}
    if len(on_balancer | set(fresh)) > 25:
        raise errors.AwsError(
            "TooManyCertificates", "You've reached the limit on the number of certificates per load balancer."
        )
    listener.extra_certificates = [*listener.extra_certificates, *fresh]
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in asked]}


def remove_listener_certificates(this: call.Call) -> dict[str, Any]:
    listener = _secure(this)
    doomed = [one.get("CertificateArn") for one in this.parameters["Certificates"]]
    if listener.certificate in doomed and listener.certificate not in listener.extra_certificates:
        raise errors.AwsError("OperationNotPermitted", "The default certificate of a listener cannot be removed")
    listener.extra_certificates = [arn for arn in listener.extra_certificates if arn not in doomed]
    return {}


def describe_listener_certificates(this: call.Call) -> dict[str, Any]:
    listener = _secure(this)
    rows = [(listener.certificate, True), *((arn, False) for arn in listener.extra_certificates)]
    shown, marker = elbv2_lookup.page(this, rows, lambda row: f"{row[0]} {row[1]}")
    return {
        "Certificates": [{"CertificateArn": arn, "IsDefault": default} for arn, default in shown],
        "NextMarker": marker,
    }


def describe_listener_attributes(this: call.Call) -> dict[str, Any]:
    return {"Attributes": elbv2_attributes.attribute_list(elbv2_lookup.listener(this).attributes)}


def modify_listener_attributes(this: call.Call) -> dict[str, Any]:
    listener = elbv2_lookup.listener(this)
    specs = elbv2_attributes.LISTENERS.get(listener.protocol, {})
    listener.attributes = elbv2_attributes.changed(listener.attributes, this.parameters["Attributes"], specs)
    return {"Attributes": elbv2_attributes.attribute_list(listener.attributes)}


def _apply(this: call.Call, listener: world.Listener, balancer: world.LoadBalancer) -> None:
    """Protocol, TLS and mutual authentication settings of the call, checked, onto a listener not yet stored."""
    given = this.parameters
    if listener.protocol not in _PROTOCOLS[balancer.type]:
        raise errors.AwsError(
            "UnsupportedProtocol",
            f"Listener protocol '{listener.protocol}' must be one of '{', '.join(_PROTOCOLS[balancer.type])}'",
        )
    secure = listener.protocol in _SECURE
    certificates = given.get("Certificates") or []
    if not secure and (certificates or given.get("SslPolicy")):
        raise errors.AwsError(
            "ValidationError", f"A certificate or SSL policy cannot be specified for {listener.protocol} listeners"
        )
    if secure:
        if len(certificates) > 1:
            message = f"Up to '1' certificate ARNs can be specified, but '{len(certificates)}' were specified"
            raise errors.AwsError("ValidationError", message)
        if certificates:
            listener.certificate = _certificate(this, certificates[0])
        if listener.certificate is None:
            raise errors.AwsError(
                "ValidationError", f"A certificate must be specified for {listener.protocol} listeners"
            )
        listener.ssl_policy = given.get("SslPolicy") or listener.ssl_policy or "ELBSecurityPolicy-2016-08"
        if listener.ssl_policy not in elbv2.POLICIES:
            raise errors.AwsError("SSLPolicyNotFound", f"SSL policy '{listener.ssl_policy}' not found")
    if given.get("AlpnPolicy"):
        if listener.protocol != "TLS" or len(given["AlpnPolicy"]) != 1 or given["AlpnPolicy"][0] not in _ALPN:
            raise errors.AwsError("ALPNPolicyNotFound", f"ALPN policy '{given['AlpnPolicy']}' is not valid")
        listener.alpn = list(given["AlpnPolicy"])
    if given.get("MutualAuthentication"):
        listener.mutual_authentication = _mutual(given["MutualAuthentication"], listener)
    elif listener.protocol == "HTTPS" and listener.mutual_authentication is None:
        listener.mutual_authentication = {"Mode": "off"}


def _mutual(given: dict[str, Any], listener: world.Listener) -> dict[str, Any]:
    mode = given.get("Mode")
    if listener.protocol != "HTTPS":
        raise errors.AwsError("ValidationError", "Mutual authentication needs an HTTPS listener")
    if mode not in ("off", "passthrough", "verify"):
        raise errors.AwsError(
            "ValidationError", f"Mutual authentication mode '{mode}' must be off, passthrough or verify"
        )
    if mode == "verify":
        if not given.get("TrustStoreArn"):
            raise errors.AwsError("ValidationError", "Mutual authentication mode verify needs a trust store")
        raise errors.AwsError("TrustStoreNotFound", f"Trust store '{given['TrustStoreArn']}' not found")
    if len(given) > 1:
        raise errors.AwsError("ValidationError", f"Mutual authentication mode '{mode}' takes no other settings")
    return {"Mode": mode}


def _certificate(this: call.Call, given: dict[str, Any]) -> str:
    """ARN of an issued ACM certificate. IAM server certificates do not exist here."""
    if "IsDefault" in given:
        raise errors.AwsError("ValidationError", "IsDefault cannot be specified")
    arn: str = given.get("CertificateArn", "")
    certificate = this.world.certificates.get(arn)
    if certificate is None or this.now < certificate.issued_at:
        raise errors.AwsError("CertificateNotFound", f"Certificate '{arn}' not found")
    return arn


def _secure(this: call.Call) -> world.Listener:
    listener = elbv2_lookup.listener(this)
    if listener.protocol not in _SECURE:
        raise errors.AwsError("ValidationError", f"Certificates need an HTTPS or TLS listener, not {listener.protocol}")
    return listener


def _settings(one: world.Listener) -> tuple[Any, ...]:
    return one.protocol, one.port, one.ssl_policy, one.certificate, one.alpn, one.mutual_authentication


def _json(this: call.Call, one: world.Listener) -> dict[str, Any]:
    return {
        "ListenerArn": one.arn,
        "LoadBalancerArn": one.load_balancer_arn,
        "Port": one.port,
        "Protocol": one.protocol,
        "Certificates": [{"CertificateArn": one.certificate}] if one.certificate else None,
        "SslPolicy": one.ssl_policy,
        "DefaultActions": this.world.default_rule(one.arn).actions,
        "AlpnPolicy": one.alpn or None,
        "MutualAuthentication": one.mutual_authentication,
    }


OPERATIONS: dict[str, call.Operation] = {
    "CreateListener": create_listener,
    "ModifyListener": modify_listener,
    "DeleteListener": delete_listener,
    "DescribeListeners": describe_listeners,
    "AddListenerCertificates": add_listener_certificates,
    "RemoveListenerCertificates": remove_listener_certificates,
    "DescribeListenerCertificates": describe_listener_certificates,
    "DescribeListenerAttributes": describe_listener_attributes,
    "ModifyListenerAttributes": modify_listener_attributes,
}
