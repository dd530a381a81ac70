"""Writes crds/*.yaml, one CustomResourceDefinition each: `python -m scripts.crds`.

`make docs` runs it by way of `scripts.documents`, which writes docs/reference/crds.md from the same definitions. What
all kinds share stands in `crd_words`, the kinds in the other `crd_*` modules. A field that changes here changes in the
provider's `parameters` too: `tests/unit/test_crds.py` says where the two differ.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import yaml

from scripts import crd_aws, crd_azure, crd_gcp, crd_kinds, crd_parameters, crd_policy
from scripts.crd_words import Kind

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crds"


def kinds() -> tuple[Kind, ...]:
    """In the order in which a reader meets them."""
    clouds = [crd_parameters.kinds(one.cloud()) for one in (crd_aws, crd_azure, crd_gcp)]
    return (*(kind for pair in clouds for kind in pair), crd_policy.kind(), crd_kinds.plan(), crd_kinds.state())


def files() -> Iterator[tuple[str, str]]:
    """(name, content)."""
    for one in kinds():
        yield f"{one.plural}.yaml", rendered(one.document())


def rendered(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=116, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Lists stand in from their key, and nothing is an alias: the API server knows neither anchors nor links."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def write() -> None:
    for name, content in files():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    write()
