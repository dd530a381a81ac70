"""Good documents for the tests of the local Azure: a small gateway, a whole one, and what they stand on.

Tests change one thing in a good document and expect one refusal. Every call returns a new document; names of the
start world are spelled out here, because clients rely on them. No document holds a real secret: keys are made anew
in each process.
"""

from __future__ import annotations

import base64
import datetime
import functools
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

LOCATION = "westeurope"
GROUP_ID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-edge"
NETWORK = f"{GROUP_ID}/providers/Microsoft.Network"
SUBNET = f"{NETWORK}/virtualNetworks/vnet-edge/subnets/snet-appgw"
SUBNET_TWO = f"{NETWORK}/virtualNetworks/vnet-edge/subnets/snet-appgw-two"
SUBNET_CLOSED = f"{NETWORK}/virtualNetworks/vnet-edge/subnets/snet-closed"
WAF_POLICY = f"{NETWORK}/applicationGatewayWebApplicationFirewallPolicies/waf-edge"
IDENTITY = f"{GROUP_ID}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-edge"
PASSWORD = "sample"

Json = dict[str, Any]


def gateway_id(name: str = "gw") -> str:
    return f"{NETWORK}/applicationGateways/{name}"


def public_ip_id(name: str = "pip") -> str:
    return f"{NETWORK}/publicIPAddresses/{name}"


def ref(collection: str, name: str, gateway: str = "gw") -> Json:
    """A reference to a child of the gateway."""
    return {"id": f"{gateway_id(gateway)}/{collection}/{name}"}


def child(name: str, **properties: Any) -> Json:
    return {"name": name, "properties": properties}


def public_ip(**properties: Any) -> Json:
    """The body of a public IP that a v2 gateway takes: learn.microsoft.com/azure/virtual-network/ip-services."""
    return {
        "location": LOCATION,
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static", **properties},
    }


def gateway(name: str = "gw", *, public_ip: str = "pip", subnet: str = SUBNET) -> Json:
    """The smallest good gateway: one HTTP listener on port 80, one Basic rule, one pool of two addresses."""
    at = functools.partial(ref, gateway=name)
    return {
        "location": LOCATION,
        "tags": {"made-by": "tests"},
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
            "autoscaleConfiguration": {"minCapacity": 0, "maxCapacity": 2},
            "gatewayIPConfigurations": [child("gwip", subnet={"id": subnet})],
            "frontendIPConfigurations": [child("public", publicIPAddress={"id": public_ip_id(public_ip)})],
            "frontendPorts": [child("p80", port=80)],
            "backendAddressPools": [
                child("pool", backendAddresses=[{"ipAddress": "10.0.64.5"}, {"ipAddress": "10.0.64.6"}])
            ],
            "backendHttpSettingsCollection": [child("http", port=8080, protocol="Http", requestTimeout=30)],
            "httpListeners": [
                child(
                    "web",
                    frontendIPConfiguration=at("frontendIPConfigurations", "public"),
                    frontendPort=at("frontendPorts", "p80"),
                    protocol="Http",
                )
            ],
            "requestRoutingRules": [
                child(
                    "rule",
                    ruleType="Basic",
                    priority=100,
                    httpListener=at("httpListeners", "web"),
                    backendAddressPool=at("backendAddressPools", "pool"),
                    backendHttpSettings=at("backendHttpSettingsCollection", "http"),
                )
            ],
        },
    }


def private_link(name: str = "gw") -> Json:
    """The small gateway, whose frontend can be reached by private link: .../application-gateway/private-link."""
    document = gateway(name)
    properties = document["properties"]
    inner = child("own", privateIPAllocationMethod="Dynamic", primary=True, subnet={"id": SUBNET_TWO})
    properties["privateLinkConfigurations"] = [child("link", ipConfigurations=[inner])]
    front = properties["frontendIPConfigurations"][0]["properties"]
    front["privateLinkConfiguration"] = ref("privateLinkConfigurations", "link", name)
    return document


def whole(name: str = "gw") -> Json:
    """A good gateway that uses most of the document: TLS, hosts, paths, rewrites, redirects, probes, TCP, identity."""
    at = functools.partial(ref, gateway=name)
    document = gateway(name)
    document["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}
    document["zones"] = ["1", "2", "3"]
    properties = document["properties"]
    properties["enableHttp2"] = True
    properties["sslPolicy"] = {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"}
    properties["frontendPorts"] += [child("p443", port=443), child("p9000", port=9000)]
    properties["sslCertificates"] = [
        child("cert", data=pfx(), password=PASSWORD),
        child("vault", keyVaultSecretId="https://kv-edge.vault.azure.net/secrets/edge"),
    ]
    properties["trustedRootCertificates"] = [child("root", data=certificate())]
    properties["trustedClientCertificates"] = [child("client-ca", data=certificate())]
    properties["sslProfiles"] = [
        child(
            "mutual",
            trustedClientCertificates=[at("trustedClientCertificates", "client-ca")],
            clientAuthConfiguration={"verifyClientCertIssuerDN": True},
        )
    ]
    properties["probes"] = [
        child(
            "probe",
            protocol="Https",
            host="backend.example.com",
            path="/healthz",
            interval=10,
            timeout=5,
            unhealthyThreshold=2,
            match={"statusCodes": ["200-299"]},
        )
    ]
    properties["backendHttpSettingsCollection"].append(
        child(
            "https",
            port=8443,
            protocol="Https",
            cookieBasedAffinity="Enabled",
            affinityCookieName="edge",
            requestTimeout=20,
            probe=at("probes", "probe"),
            trustedRootCertificates=[at("trustedRootCertificates", "root")],
            hostName="backend.example.com",
            connectionDraining={"enabled": True, "drainTimeoutInSec": 60},
        )
    )
    properties["httpListeners"].append(
        child(
            "secure",
            frontendIPConfiguration=at("frontendIPConfigurations", "public"),
            frontendPort=at("frontendPorts", "p443"),
            protocol="Https",
            hostNames=["*.example.com", "www.example.org"],
            sslCertificate=at("sslCertificates", "cert"),
            sslProfile=at("sslProfiles", "mutual"),
        )
    )
    properties["httpListeners"].append(
        child(
            "shop",
            frontendIPConfiguration=at("frontendIPConfigurations", "public"),
            frontendPort=at("frontendPorts", "p443"),
            protocol="Https",
            hostName="shop.example.net",
            sslCertificate=at("sslCertificates", "vault"),
        )
    )
    properties["redirectConfigurations"] = [
        child("to-shop", redirectType="Permanent", targetListener=at("httpListeners", "shop"), includePath=True),
        child("away", redirectType="Found", targetUrl="https://elsewhere.example.com/"),
    ]
    properties["rewriteRuleSets"] = [child("rewrite", rewriteRules=[rewrite_rule()])]
    to_https = {
        "backendAddressPool": at("backendAddressPools", "pool"),
        "backendHttpSettings": at("backendHttpSettingsCollection", "https"),
    }
    properties["urlPathMaps"] = [
        child(
            "paths",
            defaultBackendAddressPool=at("backendAddressPools", "pool"),
            defaultBackendHttpSettings=at("backendHttpSettingsCollection", "http"),
            pathRules=[
                child("api", paths=["/api", "/api/*"], rewriteRuleSet=at("rewriteRuleSets", "rewrite"), **to_https),
                child("old", paths=["/old/*"], redirectConfiguration=at("redirectConfigurations", "away")),
            ],
        )
    ]
    properties["requestRoutingRules"] = [
        child(
            "rule",
            ruleType="Basic",
            priority=300,
            httpListener=at("httpListeners", "web"),
            redirectConfiguration=at("redirectConfigurations", "to-shop"),
        ),
        child(
            "rule-secure",
            ruleType="PathBasedRouting",
            priority=200,
            httpListener=at("httpListeners", "secure"),
            urlPathMap=at("urlPathMaps", "paths"),
        ),
        child("rule-shop", ruleType="Basic", priority=100, httpListener=at("httpListeners", "shop"), **to_https),
    ]
    properties["listeners"] = [
        child(
            "stream",
            frontendIPConfiguration=at("frontendIPConfigurations", "public"),
            frontendPort=at("frontendPorts", "p9000"),
            protocol="Tcp",
        )
    ]
    properties["backendSettingsCollection"] = [child("tcp", port=9001, protocol="Tcp", timeout=60)]
    properties["routingRules"] = [
        child(
            "rule-stream",
            ruleType="Basic",
            priority=400,
            listener=at("listeners", "stream"),
            backendAddressPool=at("backendAddressPools", "pool"),
            backendSettings=at("backendSettingsCollection", "tcp"),
        )
    ]
    return document


def edit(document: Json, path: str, /, **members: Any) -> Json:
    """Changes properties of the child `collection/name` ("" = of the gateway); None takes a member away."""
    found = document["properties"]
    for collection, name in zip(path.split("/")[::2], path.split("/")[1::2], strict=False):
        found = next(one for one in found[collection] if one["name"] == name)["properties"]
    for member, value in members.items():
        if value is None:
            found.pop(member, None)
        else:
            found[member] = value
    return document


def add(document: Json, collection: str, *children: Json) -> Json:
    """Appends children to a collection of the gateway."""
    document["properties"].setdefault(collection, []).extend(children)
    return document


def rewrite_rule(name: str = "strip") -> Json:
    return {
        "name": name,
        "ruleSequence": 100,
        "conditions": [{"variable": "var_uri_path", "pattern": "^/api/(.*)$", "ignoreCase": True}],
        "actionSet": {
            "requestHeaderConfigurations": [{"headerName": "X-Edge", "headerValue": "{http_req_X-Edge},edge"}],
            "responseHeaderConfigurations": [{"headerName": "Server", "headerValue": ""}],
            "urlConfiguration": {"modifiedPath": "/v1/{var_uri_path_1}", "reroute": False},
        },
    }


class Surroundings:
    """Stands for the network around a gateway in tests of the document alone: what `gateway.Around` asks for.

    Tests change `resources` (by lower-case id), `settings`, `beliefs` and `holders` before they call `accept`.
    """

    def __init__(self) -> None:
        open_rule = {
            "name": "management",
            "properties": {
                "direction": "Inbound",
                "access": "Allow",
                "protocol": "Tcp",
                "priority": 100,
                "sourceAddressPrefix": "GatewayManager",
                "destinationPortRange": "65200-65535",
            },
        }
        groups = f"{NETWORK}/networkSecurityGroups"
        delegation = {"name": "gateways", "properties": {"serviceName": "Microsoft.Network/applicationGateways"}}
        resources: dict[str, Json] = {
            SUBNET: {"addressPrefix": "10.0.1.0/24", "delegations": [delegation]},
            SUBNET_TWO: {"addressPrefix": "10.0.2.0/24", "networkSecurityGroup": {"id": f"{groups}/nsg-appgw"}},
            SUBNET_CLOSED: {"addressPrefix": "10.0.3.0/24", "networkSecurityGroup": {"id": f"{groups}/nsg-closed"}},
            f"{groups}/nsg-appgw": {"securityRules": [open_rule]},
            f"{groups}/nsg-closed": {"securityRules": []},
            WAF_POLICY: {"managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]}},
            IDENTITY: {},
        }
        self.resources = {name.lower(): {"properties": found} for name, found in resources.items()}
        for name in ("pip", "pip-two"):
            self.resources[public_ip_id(name).lower()] = public_ip()
        self.settings: Json = {"network_isolation": True, "key_vault_refused": ""}
        self.beliefs = {
            "azure-late-refusal": "sync",
            "azure-root-certificate-data": "shown",
            "azure-pfx-aes": "accepted",
            "azure-empty-gateway": "refused",
            "azure-advanced-routing": "refused",
        }
        self.holders: dict[str, str] = {}

    def exists(self, resource_id: str) -> Json | None:
        return self.resources.get(resource_id.lower())

    def holder(self, resource_id: str) -> str:
        return self.holders.get(resource_id.lower(), "")

    def setting(self, name: str) -> Any:
        return self.settings[name]

    def belief(self, name: str) -> str:
        return self.beliefs[name]

    def gateways_in(self, subnet_id: str) -> list[str]:
        holder = self.holder(subnet_id)
        return [holder] if holder else []


@functools.cache
def _pair(ca: bool) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "www.example.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2120, 1, 1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, made


@functools.cache
def pfx(password: str = PASSWORD) -> str:
    """Base64 of a PKCS#12 file with a key and its certificate, as `sslCertificates[].properties.data` takes it."""
    return _pfx(serialization.BestAvailableEncryption(password.encode()))


@functools.cache
def old_pfx(password: str = PASSWORD) -> str:
    """The same, encrypted with TripleDES, which is what the service takes without doubt."""
    hiding = serialization.PrivateFormat.PKCS12.encryption_builder()
    hiding = hiding.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC).hmac_hash(hashes.SHA1())
    return _pfx(hiding.build(password.encode()))


@functools.cache
def large_pfx(password: str = PASSWORD) -> str:
    """A good PKCS#12 file of more than 16 KB."""
    return _pfx(serialization.BestAvailableEncryption(password.encode()), extra=60)


def _pfx(hiding: serialization.KeySerializationEncryption, extra: int = 0) -> str:
    key, made = _pair(False)
    chain = [_pair(True)[1]] * extra
    return base64.b64encode(pkcs12.serialize_key_and_certificates(b"edge", key, made, chain, hiding)).decode()


@functools.cache
def certificate(ca: bool = True) -> str:
    """Base64 of a certificate in DER (.cer), as trusted root and client certificates take it."""
    return base64.b64encode(_pair(ca)[1].public_bytes(serialization.Encoding.DER)).decode()


@functools.cache
def private_key() -> str:
    """Base64 of a file with certificate and private key, which no trusted certificate may hold."""
    key, made = _pair(True)
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return base64.b64encode(pem).decode()
