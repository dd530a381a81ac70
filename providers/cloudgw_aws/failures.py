"""AWS's exceptions, read: which failure class a botocore exception is, for the engine's retry policies.

`classify` is called by the engine for whatever a commit or a listing raised. It imports botocore only when asked, and
must answer None for what is no answer of the cloud: a defect of ours is never retried as if it were one. Codes:
docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html, the Errors section of each action, and
docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudgw.provider import Failure, Why, classified

_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "EC2ThrottledException",
    "SlowDown",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",  # 429: the same object is being changed
}
_NOT_READY = {
    "ResourceInUse",  # lags the removal of the last listener or rule
    "ResourceInUseException",
    "DependencyViolation",  # a security group outlives its load balancer's interfaces by minutes
    "CertificateNotFound",  # a fresh ACM import is not yet known to Elastic Load Balancing
    "TargetGroupNotFound",
    "ListenerNotFound",
    "LoadBalancerNotFound",
    "InvalidGroup.NotFound",
    "InvalidSecurityGroup",
    "HealthUnavailable",
    "InvalidLoadBalancerState",
}
_GONE = {
    "RuleNotFound",
    "ResourceNotFoundException",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
}
_CONFLICT = {
    "DuplicateLoadBalancerName",
    "DuplicateTargetGroupName",
    "DuplicateListener",
    "DuplicateTagKeys",
    "InvalidGroup.Duplicate",
    "InvalidPermission.Duplicate",
    "PriorityInUse",
    "TargetGroupAssociationLimit",
    "OperationNotPermitted",  # deletion protection, or a priority of the default rule
    "ConflictException",
}
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthFailure",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "ExpiredToken",
    "ExpiredTokenException",
    "SignatureDoesNotMatch",
    "MissingAuthenticationToken",
    "OptInRequired",
    "Blocked",
}
CREDENTIALS = _DENIED - {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
UNREACHABLE = CREDENTIALS | {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ProxyConnectionError",
    "SSLError",
}
_QUOTA = {
    "TooManyActions",
    "TooManyCertificates",
    "TooManyListeners",
    "TooManyLoadBalancers",
    "TooManyRegistrationsForTargetId",
    "TooManyRules",
    "TooManyTags",
    "TooManyTagsException",
    "TooManyTargetGroups",
    "TooManyTargets",
    "TooManyUniqueTargetGroupsPerLoadBalancer",
    "LimitExceededException",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
    "ResourceLimitExceeded",
}
_INVALID = {
    "IncompatibleProtocols",
    "InvalidConfigurationRequest",
    "InvalidLoadBalancerAction",
    "InvalidScheme",
    "InvalidSubnet",
    "InvalidTarget",
    "InvalidInput",
    "InvalidParameter",
    "InvalidParameterValue",
    "InvalidParameterCombination",
    "InvalidParameterException",
    "InvalidTagException",
    "InvalidArnException",
    "InvalidGroupId.Malformed",
    "InvalidPermission.Malformed",
    "MalformedCertificate",
    "MissingParameter",
    "SSLPolicyNotFound",
    "SubnetNotFound",
    "InvalidVpcID.NotFound",
    "UnsupportedProtocol",
    "UnsupportedCertificate",
    "ValidationError",
    "ValidationException",
}
_UNKNOWN_OUTCOME = {"InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "RequestTimeout"}

TABLE: dict[str, Why] = {
    **dict.fromkeys(_THROTTLED, "throttled"),
    **dict.fromkeys(_NOT_READY, "not_ready"),
    **dict.fromkeys(_GONE, "gone"),
    **dict.fromkeys(_CONFLICT, "conflict"),
    **dict.fromkeys(_DENIED, "denied"),
    **dict.fromkeys(_QUOTA, "quota"),
    **dict.fromkeys(_INVALID, "invalid"),
    **dict.fromkeys(_UNKNOWN_OUTCOME, "outcome_unknown"),
}


def code_of(exception: BaseException) -> str:
    """The cloud's error code, "" for anything that is no answer of the cloud. Needs no SDK."""
    response = getattr(exception, "response", None)
    if not isinstance(response, dict):
        return ""
    return str(response.get("Error", {}).get("Code", ""))


def is_absent(exception: BaseException) -> bool:
    """The cloud says that the thing named in the call does not exist."""
    code = code_of(exception)
    return code.endswith((".NotFound", "NotFound")) or code == "ResourceNotFoundException"


def classify(exception: BaseException) -> Failure | None:
    """The failure class of an exception, None for what no cloud said."""
    return classified(exception, _said)


def of_answer(operation: str, parsed: Mapping[str, Any]) -> Failure | None:
    """What classify says of an answer as botocore read it, None for a good one. operation: "CreateRule"."""
    if int(parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0) < 300:
        return None
    import botocore.exceptions as sdk

    return classify(sdk.ClientError(dict(parsed), operation))


def _said(exception: BaseException) -> Failure | None:
    code = code_of(exception)
    if code:
        return _answered(exception, code)
    return _unanswered(exception)


def _answered(exception: BaseException, code: str) -> Failure:
    response = getattr(exception, "response", {})
    message = str(response.get("Error", {}).get("Message", ""))
    operation = str(getattr(exception, "operation_name", ""))
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) or 0)
    why = TABLE.get(code)
    if why is None:
        why = _by_shape(code, status)
    return Failure(why=why, code=code, message=f"{operation}: {message}".strip(": "))


def _by_shape(code: str, status: int) -> Why:
    """A code that the table does not know: its name or its HTTP status says enough."""
    if code.endswith("NotFound"):
        return "gone"
    if code.startswith("TooMany") or code.endswith("LimitExceeded"):
        return "quota"
    if status == 429:
        return "throttled"
    if status in (401, 403):
        return "denied"
    if status >= 500:
        return "outcome_unknown"
    return "unknown"


def _unanswered(exception: BaseException) -> Failure | None:
    """No answer came. Only what surely never left is certain to have had no effect."""
    if type(exception).__module__.split(".")[0] not in ("botocore", "boto3", "urllib3"):
        return None
    import botocore.exceptions as sdk

    text = str(exception)
    name = type(exception).__name__
    if isinstance(exception, sdk.NoCredentialsError | sdk.PartialCredentialsError | sdk.CredentialRetrievalError):
        return Failure(why="denied", code=name, message=f"no usable AWS credentials: {text}")
    if isinstance(exception, sdk.ParamValidationError):
        return Failure(why="invalid", code=name, message=text)
    if isinstance(exception, sdk.HTTPClientError | sdk.ConnectionError):
        return Failure(why="outcome_unknown", code=name, message=text)
    return None
