"""The Google Cloud provider: a Gateway becomes an Application Load Balancer. `PROVIDER` is the entry point.

Importing this package must stay cheap and must not import the SDK: `cloudgw` starts without it.
"""

from __future__ import annotations

from cloudgw import provider
from cloudgw_gcp import (
    build,
    calls,
    capabilities,
    checks,
    facts,
    failures,
    inventory,
    kinds,
    names,
    observe,
    parameters,
    rates,
)

PROVIDER: provider.Provider = provider.Adapter(
    name=names.PROVIDER,
    parameters_kind=parameters.KIND,
    kinds=kinds.KINDS,
    capabilities=capabilities.CAPABILITIES,
    staleness=10.0,
    parameters=parameters.parse,
    connect=calls.connect,
    listing=inventory.listing,
    facts=facts.facts,
    build=build.build,
    lint=build.lint,
    observe=observe.observe,
    classify=failures.classify,
    check=checks.check,
    rates=rates.rates,
)
