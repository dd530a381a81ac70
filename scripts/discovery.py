"""Cuts the published description of Google's compute API down to what the local Google Cloud serves.

Run by hand when google-api-python-client is renewed: `python scripts/discovery.py` writes
`localstack/cloudgw_local/gcp/compute.json`; `--check` fails where that file is not what the installed package gives (a
test runs it). The local cloud reads the cut alone, so that it needs no package of Google's. Descriptions are dropped;
what they alone say, "[Output Only]", becomes the flag `out`. Nothing may be added here that the package does not say.

Source: googleapiclient/discovery_cache/documents/compute.v1.json of google-api-python-client (Apache-2.0).
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.resources
import json
import pathlib
import re
import sys
from typing import Any

CUT = pathlib.Path(__file__).resolve().parent.parent / "localstack" / "cloudgw_local" / "gcp" / "compute.json"
PACKAGE = "google-api-python-client"
NOTICE = (
    "A cut of the compute v1 discovery document as distributed in google-api-python-client, (C) Google LLC, "
    "under the Apache License, Version 2.0, https://www.apache.org/licenses/LICENSE-2.0. Changed: most collections, "
    "methods, schemas, all descriptions and scopes are left out; members are renamed to `out`, `ref`, `required`."
)
COLLECTIONS = (
    *("networks", "subnetworks", "firewalls", "addresses", "globalAddresses", "instances", "instanceGroups"),
    *("healthChecks", "regionHealthChecks", "networkEndpointGroups", "backendServices", "regionBackendServices"),
    "backendBuckets",
    *("urlMaps", "regionUrlMaps", "sslCertificates", "regionSslCertificates", "sslPolicies", "regionSslPolicies"),
    *("targetHttpProxies", "regionTargetHttpProxies", "targetHttpsProxies", "regionTargetHttpsProxies"),
    *("targetTcpProxies", "forwardingRules", "globalForwardingRules", "securityPolicies", "regionSecurityPolicies"),
    *("projects", "regions", "zones", "globalOperations", "regionOperations", "zoneOperations"),
)
READS = ("get", "list", "aggregatedList")
ONLY = {
    "projects": READS,
    "backendBuckets": (*READS, "insert", "patch", "update", "delete"),
    "securityPolicies": READS,
    "regionSecurityPolicies": READS,
    "instances": (*READS, "insert", "delete", "setTags"),
    "instanceGroups": (*READS, "insert", "delete", "addInstances", "removeInstances", "listInstances", "setNamedPorts"),
}
LEFT_OUT = re.compile(
    r".*Iam.*|.*SignedUrlKey|.*Peering.*|move|invalidateCache|listUsable|getEffective.*|switchToCustomMode"
)
FLAG = re.compile(r"(Output only\. )?\[Output Only\]|Output only\b", re.IGNORECASE)
KEPT = ("type", "format", "pattern", "enum", "default", "minimum", "maximum")


def cut(document: dict[str, Any], version: str) -> dict[str, Any]:
    """The cut of a discovery document. methods: collection -> verb -> [HTTP method, path, request, response, query
    parameters]; schemas: name -> members, transitively what the methods name."""
    methods: dict[str, dict[str, list[Any]]] = {}
    wanted: list[str] = []
    for collection in COLLECTIONS:
        methods[collection] = {}
        for verb, method in sorted(document["resources"][collection]["methods"].items()):
            if verb not in ONLY.get(collection, (verb,)) or LEFT_OUT.fullmatch(verb):
                continue
            request, response = (method.get(side, {}).get("$ref") for side in ("request", "response"))
            query = {
                name: member["type"] for name, member in method["parameters"].items() if member["location"] == "query"
            }
            methods[collection][verb] = [method["httpMethod"], method["flatPath"], request, response, query]
            wanted += [name for name in (request, response) if name]
    schemas: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _schema(document["schemas"][name], wanted)
    return {
        "source": {
            "package": PACKAGE,
            "version": version,
            "revision": document["revision"],
            "notice": NOTICE,
        },
        "methods": methods,
        "schemas": {name: schemas[name] for name in sorted(schemas)},
    }


def _schema(schema: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    found = {key: schema[key] for key in KEPT if key in schema}
    if "$ref" in schema:
        found["ref"] = schema["$ref"]
        wanted.append(schema["$ref"])
    if schema.get("readOnly") or FLAG.match(schema.get("description", "")):
        found["out"] = True
    if "annotations" in schema:
        found["required"] = schema["annotations"]["required"]
    for key in ("items", "additionalProperties"):
        if key in schema:
            found[key] = _schema(schema[key], wanted)
    if "properties" in schema:
        found["properties"] = {name: _schema(member, wanted) for name, member in schema["properties"].items()}
    return found


def text(found: dict[str, Any]) -> str:
    """As it is stored: one line per collection and schema, so that a renewal reads well in a diff."""

    def line(value: Any) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=True)

    parts = []
    for part, rows in found.items():
        lines = ",\n".join(f"{line(name)}:{line(row)}" for name, row in rows.items())
        parts.append(f"{line(part)}:{{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def published() -> str:
    """The cut of the installed package's document."""
    file = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents" / "compute.v1.json"
    return text(cut(json.loads(file.read_text()), importlib.metadata.version(PACKAGE)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the file is not up to date")
    options = parser.parse_args()
    wanted = published()
    if not options.check:
        CUT.write_text(wanted)
        return 0
    if CUT.exists() and CUT.read_text() == wanted:
        return 0
    print(f"{CUT.name} is not what the installed {PACKAGE} gives: run scripts/discovery.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
