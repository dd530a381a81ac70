"""One manifest of every kind with every field that is read, for the tests beside it.

Certificates are made when needed; none is committed.
"""

from __future__ import annotations

import datetime
import functools
import io

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudgw.sources import manifests


def load(text: str, *, complete: bool = False) -> manifests.Loaded:
    return manifests.load(["-"], stdin=io.StringIO(text), complete=complete)


@functools.cache
def authority(name: str) -> str:
    """A self-signed certificate in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2126, 1, 1, tzinfo=datetime.UTC))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


GATEWAY_CLASS = """\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: cloud}
spec:
  controllerName: cloudgw.dev/gateway-controller
  parametersRef: {group: cloudgw.dev, kind: ExampleGatewayClassParameters, name: cloud}
"""
PARAMETERS = """\
apiVersion: cloudgw.dev/v1alpha1
kind: ExampleGatewayClassParameters
metadata: {name: cloud}
spec: {region: here, ranges: [a, b], deep: {x: 1.5, y: null, z: true}}
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: infra, uid: u, generation: 3, creationTimestamp: 2026-01-02T03:04:05Z, labels: {a: b}}
spec:
  gatewayClassName: cloud
  addresses:
  - {value: 10.0.0.1}
  - {type: Hostname, value: edge.example.com}
  - {type: IPAddress}
  infrastructure:
    labels: {team: web}
    annotations: {note: "1"}
    parametersRef: {group: cloudgw.dev, kind: ExampleGatewayParameters, name: edge}
  allowedListeners:
    namespaces: {from: Selector, selector: {matchLabels: {shared: "yes"}}}
  tls:
    frontend:
      default:
        validation:
          caCertificateRefs: [{group: "", kind: ConfigMap, name: clients}]
      perPort:
      - {port: 8443, tls: {}}
      - port: 9443
        tls:
          validation:
            mode: AllowInsecureFallback
            caCertificateRefs: [{group: "", kind: ConfigMap, name: clients, namespace: trust}]
    backend:
      clientCertificateRef: {name: client}
  listeners:
  - name: https
    hostname: "*.Example.com"
    port: 443
    protocol: HTTPS
    tls: {mode: Terminate, certificateRefs: [{name: a}, {name: b, namespace: other}]}
    allowedRoutes:
      kinds: [{kind: HTTPRoute}]
      namespaces:
        from: Selector
        selector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: In, values: [d]}]}
"""
LISTENER_SET = """\
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: extra, namespace: shop}
spec:
  parentRef: {name: edge, namespace: infra}
  listeners:
  - {name: tls, hostname: shop.example.com, port: 443, protocol: TLS, tls: {mode: Passthrough}}
  - {name: dns, port: 53, protocol: UDP, allowedRoutes: {namespaces: {from: All}}}
"""
HTTP_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra, sectionName: https, port: 443}]
  hostnames: [A.example.com]
  rules:
  - name: pay
    matches:
    - path: {type: Exact, value: /a}
      headers: [{name: a, value: b}]
      queryParams: [{type: RegularExpression, name: a, value: b}]
      method: GET
    filters:
    - type: URLRewrite
      urlRewrite: {hostname: b.io, path: {type: ReplacePrefixMatch, replacePrefixMatch: ""}}
    - type: RequestHeaderModifier
      requestHeaderModifier: {set: [{name: X-A, value: "1"}], add: [{name: b, value: c}], remove: [d]}
    - {type: ResponseHeaderModifier, responseHeaderModifier: {remove: [server]}}
    - {type: RequestMirror, requestMirror: {backendRef: {name: audit, port: 80}, percent: 5}}
    - type: RequestMirror
      requestMirror: {backendRef: {name: lab, namespace: lab, port: 81}, fraction: {numerator: 1, denominator: 1000}}
    - {type: RequestMirror, requestMirror: {backendRef: {name: all, port: 82}}}
    - type: CORS
      cors:
        allowOrigins: ["https://*.example.com"]
        allowCredentials: true
        allowMethods: [GET, PUT]
        allowHeaders: ["*"]
        exposeHeaders: [x-a]
        maxAge: 60
    - {type: ExtensionRef, extensionRef: {group: example.io, kind: Filter, name: f}}
    - {type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 80}}}
    backendRefs:
    - name: cart
      namespace: other
      port: 80
      weight: 0
      filters:
      - {type: RequestHeaderModifier, requestHeaderModifier: {add: [{name: b, value: c}]}}
    timeouts: {request: 1m30s, backendRequest: 0s}
    retry: {codes: [500, 503], attempts: 3, backoff: 250ms}
    sessionPersistence:
      sessionName: s
      absoluteTimeout: 24h
      idleTimeout: 1h
      cookieConfig: {lifetimeType: Permanent}
  - filters:
    - type: RequestRedirect
      requestRedirect:
        {scheme: https, hostname: c.io, port: 444, statusCode: 308, path: {type: ReplaceFullPath, replaceFullPath: /}}
  - {}
"""
GRPC_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: rpc, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra}, {group: "", kind: Service, name: cart}]
  hostnames: [rpc.example.com]
  rules:
  - name: buy
    matches:
    - {method: {service: shop.Cart, method: Buy}, headers: [{name: v, value: "2"}]}
    - {method: {type: RegularExpression, service: "shop[.].*"}}
    - {headers: [{type: RegularExpression, name: v, value: "[0-9]"}]}
    filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [server]}}]
    backendRefs: [{name: cart, port: 9000, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {}}]}]
    sessionPersistence: {type: Header, header: {name: x-session}}
  - backendRefs: [{name: rest, port: 9000}]
"""
TLS_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {name: mail, namespace: shop}
spec:
  parentRefs: [{kind: ListenerSet, name: extra}]
  hostnames: [Mail.example.com]
  rules: [{name: all, backendRefs: [{name: mail, port: 993, weight: 3}, {name: mail-2, port: 993}]}]
"""
TCP_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {name: db, namespace: shop}
spec:
  parentRefs: [{name: edge, namespace: infra, port: 5432}]
  rules: [{backendRefs: [{name: db, port: 5432}]}]
"""
UDP_ROUTE = TCP_ROUTE.replace("TCPRoute", "UDPRoute").replace("name: db", "name: dns").replace("5432", "53")
GRANT = """\
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: all, namespace: other}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
  to: [{group: "", kind: Service}, {group: "", kind: Secret, name: b}]
"""
POLICY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: cart, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: cart, sectionName: https}, {group: example.io, kind: Pool, name: pay}]
  validation:
    caCertificateRefs: [{group: "", kind: ConfigMap, name: clients}]
    hostname: Cart.internal
    subjectAltNames: [{type: Hostname, hostname: "*.internal"}, {type: URI, uri: "spiffe://shop/cart"}]
  options: {example.io/fast: "on"}
"""
TREATMENT = """\
apiVersion: cloudgw.dev/v1alpha1
kind: BackendPolicy
metadata: {name: cart, namespace: shop}
spec:
  targetRefs: [{name: cart, sectionName: http}, {group: "", kind: Service, name: pay}]
  healthCheck:
    path: /healthz
    port: 9090
    intervalSeconds: 10
    timeoutSeconds: 2
    healthyThreshold: 3
    unhealthyThreshold: 4
    statusCodes: ["204", 200-202]
  drainSeconds: 0
  affinity: {type: Cookie, cookieName: pod, ttlSeconds: 60}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  type: NodePort
  ports:
  - {name: http, port: 80, targetPort: web, nodePort: 30080, appProtocol: kubernetes.io/h2c}
  - {name: dns, port: 53, targetPort: 5353, protocol: UDP}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gateways.gateway.networking.k8s.io
  annotations:
    gateway.networking.k8s.io/bundle-version: v1.6.3
    gateway.networking.k8s.io/channel: standard
spec: {group: gateway.networking.k8s.io}
"""
SLICE = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-x, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}, {name: old, port: 9, protocol: SCTP}]
endpoints:
- {addresses: [10.0.0.1], zone: z, nodeName: node-1}
- {addresses: [10.0.0.2], conditions: {ready: false}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: b, namespace: other}
type: kubernetes.io/tls
data: {}
"""
NAMESPACE = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {shared: "yes"}}\n'
NODE = """\
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {topology.kubernetes.io/zone: z}}
spec: {providerID: "example://1"}
status: {addresses: [{type: InternalIP, address: 10.1.0.1}, {type: Hostname, address: node-1}]}
"""


def config_map(text: str, *, name: str = "clients") -> str:
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: infra}}\ndata:\n  ca.crt: |\n{lines}"


def everything() -> str:
    """One object of every kind, in one text."""
    documents = [
        GATEWAY_CLASS,
        PARAMETERS,
        GATEWAY,
        LISTENER_SET,
        HTTP_ROUTE,
        GRPC_ROUTE,
        TLS_ROUTE,
        TCP_ROUTE,
        UDP_ROUTE,
        GRANT,
        POLICY,
        TREATMENT,
        SERVICE,
        SLICE,
        SECRET,
        config_map(authority("clients")),
        NAMESPACE,
        NODE,
        DEFINITION,
    ]
    return "---\n".join(documents)
