"""No byte of a key leaves the process by any command: output, errors, saved files, the local cloud's journal."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.unit.cli import place as places


def canaries(manifest: dict[str, Any]) -> list[str]:
    """What would betray the key: each line of its PEM body, the body in base64 again, its DER form in hex."""
    pem = manifest["stringData"]["tls.key"]
    lines = [line for line in pem.splitlines() if line and "-----" not in line]
    der = base64.b64decode("".join(lines))
    return [*lines, "".join(lines), base64.b64encode(pem.encode()).decode()[:60], der.hex()[40:80], "PRIVATE KEY"]


def test_no_command_shows_a_key(on_cloud: places.Place, running: Any) -> None:
    told = canaries(json.loads((on_cloud.folder / "shop-tls.json").read_text()))
    own = "--owner demo --complete -f ."
    said = [
        on_cloud.run(f"plan {own} --save-snapshot snapshot.txt --save-inventory inventory.txt"),
        on_cloud.run(f"plan {own} --output json"),
        on_cloud.run(f"plan {own} --output markdown"),
        on_cloud.run(f"apply {own} --progress always"),
        on_cloud.run(f"apply {own} --output json"),
        on_cloud.run(f"drift {own} --output json"),
        on_cloud.run(f"plan {own} --save-inventory after.txt"),
        on_cloud.run("destroy --owner demo -f . shop/edge --progress always --output json"),
    ]
    shown = [text for item in said for text in (item.out, item.err)]
    shown += [(on_cloud.folder / name).read_text() for name in ("snapshot.txt", "inventory.txt", "after.txt")]
    shown += [json.dumps(running.control.journal())]
    assert any("ImportCertificate" in text for text in shown), "the certificate was imported"
    for canary in told:
        assert not any(canary in text for text in shown)


def test_a_broken_secret_is_told_without_its_bytes(on_cloud: places.Place) -> None:
    manifest = json.loads((on_cloud.folder / "shop-tls.json").read_text())
    told = canaries(manifest)
    manifest["stringData"]["tls.crt"] = manifest["stringData"]["tls.key"]
    (on_cloud.folder / "shop-tls.json").write_text(json.dumps(manifest))
    said = on_cloud.run("plan --owner demo --complete -f .")
    assert "holds no certificate in PEM format" in " ".join(said.out.split())
    for canary in told:
        assert canary not in said.out + said.err
