"""AWS wire protocols from botocore's own service models: requests in, checked parameters out, answers back.

`server` calls it around every operation. Requests are checked against the model (required members, types, enums,
ranges, patterns) and answers must fit the model's output shape, so that neither side can invent members. It must never
know what an operation means. Protocols (smithy.io/2.0/aws/protocols): query (elbv2, sts), ec2, json 1.1 (acm, tagging).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import json
import re
import urllib.parse
import xml.sax.saxutils
from typing import Any

import botocore.model
import botocore.session

from cloudgw_local.aws import errors

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
SERVICES = {
    "elasticloadbalancing": "elbv2",
    "ec2": "ec2",
    "acm": "acm",
    "sts": "sts",
    "tagging": "resourcegroupstaggingapi",
}
_JSON = ("acm", "resourcegroupstaggingapi")

# What each service answers to a request that does not fit its model: the Common Errors page of each API reference.
_INVALID = {
    "elbv2": "ValidationError",
    "ec2": "InvalidParameterValue",
    "acm": "ValidationException",
    "resourcegroupstaggingapi": "InvalidParameterException",
}
_MISSING = {"ec2": "MissingParameter"}

Shape = Any  # botocore.model.Shape: untyped


@functools.cache
def model(service: str) -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def operation_of(service: str, headers: dict[str, str], body: bytes) -> tuple[str, Any]:
    """The operation's name and the raw parameters: a tree of strings, or decoded JSON."""
    if service in _JSON:
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            return name, json.loads(body or b"{}")
        except json.JSONDecodeError as broken:
            raise errors.AwsError("SerializationException", str(broken)) from None
    fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
    name = fields.pop("Action", "")
    fields.pop("Version", None)
    return name, _tree(fields)


def parse(service: str, operation: str, raw: Any) -> dict[str, Any]:
    """Parameters of a request as botocore's user gave them, checked against the model."""
    shape = model(service).operation_model(operation).input_shape
    if shape is None:
        return {}
    value = _Reader(service).read(shape, raw, "")
    assert isinstance(value, dict)
    return value


def serialize(service: str, operation: str, answer: dict[str, Any]) -> tuple[str, bytes]:
    """Content type and body of a successful answer."""
    described = model(service).operation_model(operation)
    shape = described.output_shape
    if service in _JSON:
        return "application/x-amz-json-1.1", json.dumps(_json(shape, answer)).encode() if shape else b""
    namespace = model(service).metadata.get(
        "xmlNamespace", f"http://ec2.amazonaws.com/doc/{model(service).api_version}/"
    )
    inner = _members(shape, answer) if shape else ""
    if service == "ec2":
        inner = f"<requestId>{REQUEST_ID}</requestId>{inner}"
    else:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result") if shape else f"{operation}Result"
        inner = (
            f"<{wrapper}>{inner}</{wrapper}><ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata>"
        )
    return "text/xml", f'<{operation}Response xmlns="{namespace}">{inner}</{operation}Response>'.encode()


def serialize_error(service: str, error: errors.AwsError) -> tuple[str, bytes]:
    if service in _JSON:
        body = json.dumps({"__type": error.code, "message": error.message})
        return "application/x-amz-json-1.1", body.encode()
    detail = f"<Code>{_text(error.code)}</Code><Message>{_text(error.message)}</Message>"
    if service == "ec2":
        body = f"<Response><Errors><Error>{detail}</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
    else:
        error_element = f"<Error><Type>Sender</Type>{detail}</Error>"
        body = f"<ErrorResponse>{error_element}<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    return "text/xml", body.encode()


def _tree(fields: dict[str, str]) -> dict[str, Any]:
    """{"A.member.1.B": "x"} -> {"A": {"member": {"1": {"B": "x"}}}}"""
    root: dict[str, Any] = {}
    for name, value in fields.items():
        node = root
        *path, last = name.split(".")
        for part in path:
            child = node.setdefault(part, {})
            if not isinstance(child, dict):
                raise errors.AwsError("MalformedQueryString", f"{name} is both a value and a structure")
            node = child
        node[last] = value
    return root


class _Reader:
    """Walks one request along its shape."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.flat = service not in _JSON

    def read(self, shape: Shape, raw: Any, path: str) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, raw, path)
        if kind == "list":
            return self._list(shape, raw, path)
        if kind == "map":
            return self._map(shape, raw, path)
        return self._scalar(shape, raw, path)

    def _structure(self, shape: Shape, raw: Any, path: str) -> dict[str, Any]:
        if raw == "" and self.flat:
            raw = {}
        if not isinstance(raw, dict):
            raise self._refuse(path, "must be a structure")
        value: dict[str, Any] = {}
        known = {self._wire_name(member, name): (name, member) for name, member in shape.members.items()}
        for wire_name, given in raw.items():
            if wire_name not in known:
                if self.flat:
                    raise self._refuse(f"{path}.{wire_name}", "is not a parameter of this request")
                continue
            name, member = known[wire_name]
            if given is not None:
                value[name] = self.read(member, given, f"{path}.{name}")
        for name in shape.required_members:
            if name not in value:
                code = _MISSING.get(self.service, _INVALID.get(self.service, "ValidationError"))
                raise errors.AwsError(code, f"The request must contain the parameter {f'{path}.{name}'.strip('.')}")
        return value

    def _list(self, shape: Shape, raw: Any, path: str) -> list[Any]:
        if self.flat:
            if raw == "":
                raw = []
            elif isinstance(raw, dict):
                if self.service != "ec2" and not shape.serialization.get("flattened"):
                    raw = raw.get(shape.member.serialization.get("name", "member"), {})
                if not isinstance(raw, dict) or not all(index.isdecimal() for index in raw):
                    raise self._refuse(path, "must be a list")
                raw = [raw[index] for index in sorted(raw, key=int)]
        if not isinstance(raw, list):
            raise self._refuse(path, "must be a list")
        self._size(shape, len(raw), path)
        return [self.read(shape.member, item, f"{path}.{number}") for number, item in enumerate(raw, 1)]

    def _map(self, shape: Shape, raw: Any, path: str) -> dict[str, Any]:
        if self.flat and isinstance(raw, dict):
            raw = {entry["key"]: entry["value"] for _, entry in sorted(raw.get("entry", raw).items())}
        if not isinstance(raw, dict):
            raise self._refuse(path, "must be a map")
        return {key: self.read(shape.value, item, f"{path}.{key}") for key, item in raw.items()}

    def _scalar(self, shape: Shape, raw: Any, path: str) -> Any:
        kind = shape.type_name
        if isinstance(raw, (dict, list)):
            raise self._refuse(path, f"must be a {kind}")
        if kind in ("integer", "long"):
            if isinstance(raw, str) and re.fullmatch(r"-?\d{1,18}", raw):
                raw = int(raw)
            if not isinstance(raw, int) or isinstance(raw, bool):
                raise self._refuse(path, "must be an integer")
            self._size(shape, raw, path)
            return raw
        if kind == "boolean":
            if raw in (True, "true"):
                return True
            if raw in (False, "false"):
                return False
            raise self._refuse(path, "must be true or false")
        if kind == "blob":
            try:
                content = base64.b64decode(raw, validate=True)
            except (binascii.Error, TypeError, ValueError):
                raise self._refuse(path, "must be base64") from None
            self._size(shape, len(content), path)
            return content
        if kind == "timestamp":
            return raw
        if not isinstance(raw, str):
            raise self._refuse(path, "must be a string")
        return self._string(shape, raw, path)

    def _string(self, shape: Shape, raw: str, path: str) -> str:
        self._size(shape, len(raw), path)
        allowed = shape.metadata.get("enum")
        if allowed and raw not in allowed:
            raise self._refuse(path, f"value {raw!r} must satisfy enum value set: [{', '.join(allowed)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not _pattern(pattern).fullmatch(raw):
            raise self._refuse(path, f"value {raw!r} must satisfy regular expression pattern: {pattern}")
        return raw

    def _size(self, shape: Shape, size: int, path: str) -> None:
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if (least is not None and size < least) or (most is not None and size > most):
            raise self._refuse(path, f"must have a value or size between {least} and {most}, not {size}")

    def _refuse(self, path: str, why: str) -> errors.AwsError:
        code = _INVALID.get(self.service, "ValidationError")
        return errors.AwsError(code, f"1 validation error detected: '{path.strip('.')}' {why}")

    def _wire_name(self, member: Shape, name: str) -> str:
        """Where the member travels; EC2 capitalises response names for requests."""
        if self.service == "ec2":
            given: str = member.serialization.get("queryName") or member.serialization.get("name") or name
            return given if "queryName" in member.serialization else given[0].upper() + given[1:]
        travelling: str = member.serialization.get("name", name)
        return travelling


@functools.cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """A model's pattern in Python's dialect, which has no Unicode classes: \\w is letters, numbers and _."""
    spaces = " \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"
    return re.compile(pattern.replace("\\p{L}", "\\w").replace("\\p{N}", "").replace("\\p{Z}", spaces))


def _members(shape: Shape, value: dict[str, Any]) -> str:
    unknown = value.keys() - shape.members.keys()
    if unknown:
        raise RuntimeError(f"the answer has members that {shape.name} does not: {sorted(unknown)}")
    return "".join(
        _xml(member, value[name], member.serialization.get("name", name))
        for name, member in shape.members.items()
        if value.get(name) is not None
    )


def _xml(shape: Shape, value: Any, name: str) -> str:
    kind = shape.type_name
    if kind == "structure":
        return f"<{name}>{_members(shape, value)}</{name}>"
    if kind == "list":
        inner_name = shape.member.serialization.get("name", "member")
        if shape.serialization.get("flattened"):
            return "".join(_xml(shape.member, item, name) for item in value)
        return f"<{name}>{''.join(_xml(shape.member, item, inner_name) for item in value)}</{name}>"
    if kind == "map":
        entries = "".join(
            f"<entry><key>{_text(key)}</key>{_xml(shape.value, item, 'value')}</entry>" for key, item in value.items()
        )
        return f"<{name}>{entries}</{name}>"
    if kind == "timestamp":
        moment = datetime.datetime.fromtimestamp(value, datetime.UTC)
        return f"<{name}>{moment.strftime('%Y-%m-%dT%H:%M:%S.')}{moment.microsecond // 1000:03d}Z</{name}>"
    if kind == "boolean":
        return f"<{name}>{'true' if value else 'false'}</{name}>"
    return f"<{name}>{_text(str(value))}</{name}>"


def _json(shape: Shape, value: Any) -> Any:
    if shape.type_name == "structure":
        unknown = value.keys() - shape.members.keys()
        if unknown:
            raise RuntimeError(f"the answer has members that {shape.name} does not: {sorted(unknown)}")
        return {name: _json(shape.members[name], member) for name, member in value.items() if member is not None}
    if shape.type_name == "list":
        return [_json(shape.member, item) for item in value]
    return value


def _text(value: str) -> str:
    return xml.sax.saxutils.escape(value)
