"""The kinds at the front: certificate, listener and listener-certificate.

`kinds` collects them. Certificates are imported from Secrets; their bytes come from the session's materials at commit
only, are checked against the fingerprint there, and must never reach an exception, a log or a tag. A re-import keeps
the ARN, so a renewed certificate is served at once (docs.aws.amazon.com/acm/latest/userguide/import-reimport.html).
"""

from __future__ import annotations

from typing import Any

from cloudgw.graph import model
from cloudgw.objects import Material
from cloudgw.provider import Failed, Session
from cloudgw_aws import failures, kinds_commit, names

_END = b"-----END CERTIFICATE-----"


def fixed_404() -> list[dict[str, Any]]:
    """What a listener answers when no rule matches: no Gateway API route does either."""
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}]


def _material(session: Session, change: model.Change) -> Material:
    """The bytes behind the wanted fingerprint, checked again."""
    fingerprint = kinds_commit.wanted(change)["fingerprint"]
    found = session.materials.get(fingerprint)
    where = model.short(change.address)
    if not isinstance(found, Material):
        raise Failed("not_ready", f"the Secret of {where} is not at hand; plan again with the Secret", key=change.key)
    if found.fingerprint != fingerprint:
        raise Failed("conflict", f"the Secret of {where} changed since it was planned; plan again", key=change.key)
    return found


def _import(session: Session, change: model.Change, **more: Any) -> str:
    material = _material(session, change)
    head, end, chain = material.certificate_pem.partition(_END)
    parameters: dict[str, Any] = {"Certificate": head + end + b"\n", "PrivateKey": material.key_pem, **more}
    if chain.strip():
        parameters["CertificateChain"] = chain.strip() + b"\n"
    try:
        return str(session.write.call("acm", "import_certificate", **parameters)["CertificateArn"])
    except Exception as problem:
        failure = failures.classify(problem)
        if failure is None or failure.code == "ParamValidationError":
            message = f"the import of {model.short(change.address)} was refused before it was sent"
            raise Failed("invalid", message, key=change.key) from None
        raise


def _create_certificate(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:  # noqa: ARG001
    spec = kinds_commit.wanted(change)
    extra = {names.FINGERPRINT: spec["fingerprint"], names.KEY_TYPE: names.encode(spec["key_type"])}
    return _import(session, change, Tags=kinds_commit.tags_for(session, change, extra))


def _update_certificate(session: Session, change: model.Change, ids: kinds_commit.Ids) -> None:  # noqa: ARG001
    """Bytes first, tag second: killed in between, the next plan imports once more, which changes nothing."""
    arn = kinds_commit.id_of(change)
    _import(session, change, CertificateArn=arn)
    tags = names.as_list({names.FINGERPRINT: kinds_commit.wanted(change)["fingerprint"]})
    session.write.call("acm", "add_tags_to_certificate", CertificateArn=arn, Tags=tags)


def _delete_certificate(session: Session, change: model.Change) -> None:
    session.write.call("acm", "delete_certificate", CertificateArn=kinds_commit.id_of(change))


def _front(spec: model.Spec, ids: kinds_commit.Ids) -> dict[str, Any]:
    """Protocol, policy and default certificate, as CreateListener and ModifyListener take them."""
    found: dict[str, Any] = {"Protocol": spec["protocol"], "DefaultActions": fixed_404()}
    if spec["protocol"] == "HTTPS":
        found["SslPolicy"] = spec["ssl_policy"]
        found["Certificates"] = [{"CertificateArn": kinds_commit.resolve(spec["certificate"], ids)}]
    return found


def _create_listener(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:
    spec = kinds_commit.wanted(change)
    balancer = kinds_commit.resolve(spec["load_balancer"], ids)
    for listener in session.read.elb("describe_listeners", "Listeners", LoadBalancerArn=balancer):
        if listener.get("Port") != spec["port"]:
            continue
        arn = str(listener["ListenerArn"])
        if kinds_commit.is_same(session, change, session.read.tags([arn]).get(arn, {})):
            return arn
        raise kinds_commit.refuse_taken(change, "listener", arn)
    answer = session.write.call(
        "elbv2",
        "create_listener",
        LoadBalancerArn=balancer,
        Port=spec["port"],
        Tags=kinds_commit.tags_for(session, change),
        **_front(spec, ids),
    )
    return str(answer["Listeners"][0]["ListenerArn"])


def _update_listener(session: Session, change: model.Change, ids: kinds_commit.Ids) -> None:
    session.write.call(
        "elbv2",
        "modify_listener",
        ListenerArn=kinds_commit.id_of(change),
        **_front(kinds_commit.wanted(change), ids),
    )


def _delete_listener(session: Session, change: model.Change) -> None:
    arn = kinds_commit.id_of(change)
    rules = [rule["RuleArn"] for rule in session.read.rules(arn)]
    kinds_commit.guard_children(session, change, rules, "rules")
    session.write.call("elbv2", "delete_listener", ListenerArn=arn)


def _create_extra(session: Session, change: model.Change, ids: kinds_commit.Ids) -> str:
    spec = kinds_commit.wanted(change)
    listener, certificate = kinds_commit.resolve(spec["listener"], ids), kinds_commit.resolve(spec["certificate"], ids)
    session.write.call(
        "elbv2",
        "add_listener_certificates",
        ListenerArn=listener,
        Certificates=[{"CertificateArn": certificate}],
    )
    return f"{listener}|{certificate}"


def _delete_extra(session: Session, change: model.Change) -> None:
    listener, _, certificate = kinds_commit.id_of(change).partition("|")
    session.write.call(
        "elbv2",
        "remove_listener_certificates",
        ListenerArn=listener,
        Certificates=[{"CertificateArn": certificate}],
    )


def _claims(_: str, spec: model.Spec) -> tuple[str, ...]:
    balancer = spec.get("load_balancer")
    return (f"port:{balancer.key}:{spec.get('port')}",) if isinstance(balancer, model.Ref) else ()


CERTIFICATE = model.Kind(
    name="certificate",
    immutable=("key_type",),
    mutable=("fingerprint",),
    commit=kinds_commit.one_by_one(_create_certificate, _update_certificate, _delete_certificate),
    ready=lambda element: element.outputs.get("state") == "ISSUED",
)
LISTENER = model.Kind(
    name="listener",
    immutable=("load_balancer", "port"),
    mutable=("protocol", "ssl_policy", "certificate", "default"),
    commit=kinds_commit.one_by_one(_create_listener, _update_listener, _delete_listener),
    claims=_claims,
)
LISTENER_CERTIFICATE = model.Kind(
    name="listener-certificate",
    immutable=("listener", "certificate"),
    commit=kinds_commit.one_by_one(_create_extra, None, _delete_extra),
)
