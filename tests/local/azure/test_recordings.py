"""The shape of a real answer: whatever members a recorded gateway has, the local gateway has.

CLOUDGW_RECORDINGS names a folder of recorded answers (<folder>/azure/application-gateway-list.json, as
cloud-custodian's cassettes are). Only member names are compared, never values.
"""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import pytest

from . import conftest as c
from . import samples

FOLDER = os.environ.get("CLOUDGW_RECORDINGS", "")


def names(value: Any) -> Any:
    """Member names only: a list becomes the union of its items."""
    if isinstance(value, dict):
        return {key: names(member) for key, member in value.items()}
    if isinstance(value, list):
        union: Any = {}
        for item in value:
            union = merged(union, names(item))
        return union
    return None


def merged(one: Any, other: Any) -> Any:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one or other
    return {key: merged(one.get(key), other.get(key)) for key in one | other}


def missing(real: Any, local: Any, path: str = "") -> list[str]:
    if not isinstance(real, dict):
        return []
    found: list[str] = []
    for key, member in real.items():
        if not isinstance(local, dict) or key not in local:
            found.append(f"{path}/{key}")
        else:
            found += missing(member, local[key], f"{path}/{key}")
    return found


def test_a_listed_gateway(cloud: c.Cloud) -> None:
    file = pathlib.Path(FOLDER) / "azure" / "application-gateway-list.json"
    if not FOLDER or not file.exists():
        pytest.skip("CLOUDGW_RECORDINGS does not name a folder with azure/application-gateway-list.json")
    recorded = json.loads(file.read_text())["interactions"][0]["response"]["body"]["data"]
    document = samples.gateway()
    private = {"subnet": {"id": samples.SUBNET}, "privateIPAddress": "10.0.1.10", "privateIPAllocationMethod": "Static"}
    document["properties"]["frontendIPConfigurations"].append(samples.child("private", **private))
    del document["properties"]["autoscaleConfiguration"]
    document["properties"]["sku"]["capacity"] = 2
    cloud.gateway(document)
    local = cloud.get(f"{c.NETWORK}/applicationGateways")
    assert missing(names(recorded), names(local)) == []
