"""No byte of a Secret appears in anything that is shown, however broken the Secret or its file."""

from __future__ import annotations

import base64
import io
import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudgw.routing import resolve
from cloudgw.sources import documents, manifests

CANARY = "Zq7CANARY4711"
ENCODED = base64.b64encode(CANARY.encode()).decode()
PEM = f"-----BEGIN PRIVATE KEY-----\n{ENCODED}\n-----END PRIVATE KEY-----\n"
SECRETS = (CANARY, ENCODED, base64.b64encode(PEM.encode()).decode())

value = st.sampled_from([*SECRETS, PEM, "%" + CANARY, f"'{CANARY}", [CANARY], {CANARY: CANARY}, None, 7, ""])
data = st.dictionaries(st.sampled_from(["tls.crt", "tls.key", "other"]), value) | value
secrets = st.fixed_dictionaries(
    {
        "apiVersion": st.sampled_from(["v1", "v2"]),
        "kind": st.just("Secret"),
        "metadata": st.sampled_from([{"name": "tls"}, {"name": "tls", "labels": {"a": 1}}, {}]),
        "type": st.sampled_from(["kubernetes.io/tls", "Opaque"]),
    },
    optional={"data": data, "stringData": data},
)
damage = st.sampled_from(
    [
        "",
        f"  tls.key: {CANARY}\n",
        f"data: {CANARY}\ndata: {CANARY}\n",
        f"stringData:\n  {CANARY}: a\n  {CANARY}: b\n",
        f"\tx: {CANARY}\n",
        f"x: [{CANARY}\n",
        f'x: "{CANARY}\n',
        f"x: *{CANARY}\n",
        f"x: !{CANARY} y\n",
        f"x: !<{CANARY}\n",
        f"{CANARY}\n",
        f"? [{CANARY}]\n: b\n",
        f"x: |{CANARY}\n",
        f"%{CANARY}\n",
        f"@{CANARY}: x\n",
        f'x: "\\q{CANARY}"\n',
    ]
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(secrets, damage, st.booleans(), st.booleans())
def test_nothing_shown_holds_a_byte(secret: object, damaged: str, as_json: bool, pure: bool) -> None:
    """pure: with the YAML parser that quotes the text around an error."""
    text = json.dumps(secret) if as_json else yaml.safe_dump(secret, sort_keys=False)
    with pytest.MonkeyPatch.context() as patch:
        if pure:
            patch.setattr(documents, "_LOADER", yaml.SafeLoader)
        loaded = manifests.load(["-"], stdin=io.StringIO(text + damaged), complete=True)
    shown = [repr(loaded), str(loaded.errors), manifests.dump(loaded.snapshot), repr(resolve.resolve(loaded.snapshot))]
    for hidden in SECRETS:
        assert not any(hidden in one for one in shown), (text, damaged)
