"""Takes out of texts and documents whatever looks like a credential: belt and braces, for nothing should hold one.

`logs`, `tracing` and `capture` send everything through here. Names of objects, fingerprints and digests stay: without
them nothing can be understood. It rather takes out too much than too little, and must never fail. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

GONE: Final = "redacted"  # also where a value is checked: as a tag, a label, a header
WHOLE, WITHIN = 6, 8  # characters of a credential that is looked for elsewhere too, as a whole text and within one

# A PEM block, also cut off before its end; also in base64.
_ANY_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_KEY_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL)
_CODED_PEM = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]*")
_QUOTED = r"\\?[\"']?"
_TOKENS = (
    re.compile(r"(?i)\b(bearer\s+)[^\s\"',;\\]{6,}"),
    re.compile(r"(?i)\b((?:basic|negotiate)\s+)[A-Za-z0-9+/=_-]{16,}"),
    re.compile(r"()\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),  # a JSON web token
    re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)"),  # user:password@host
    re.compile(r"(?i)([?&](?:[\w.-]*(?:token|signature|credential|secret|password)[\w.-]*|sig|[chst])=)[^&\s\"']+"),
    re.compile(
        r"(?i)((?:token|password|passwd|[a-z][_-]?secret|access[_-]?key|api[_-]?key|private[_-]?key"
        rf"|(?<=[\"'])secret(?=\\?[\"'])|secret(?==)){_QUOTED}\s*[:=]\s*{_QUOTED})(?!redacted\b)[^\s\"'\\,;&{{}}]{{6,}}"
    ),
)

# Names that people give: of tags, labels, annotations, headers and query parameters.
_GIVEN = re.compile(
    r"(?i)token|secret|passw|passphrase|credential|authorization|cookie|(api|access|private)[-_.]?key"
    r"|last-applied-configuration"
)
_HARMLESS = re.compile(r"(?i)[-_.]?(name|ref)$")  # it says which, not what: secret-name
# Names that a format has, in whatever spelling: clientSecret, private_key, SessionToken; not cookieBasedAffinity.
_FIELD = re.compile(
    r"(?i)[\w-]*(password|passphrase|secret|token|(api|access|private)[-_]?key([-_]?pem)?|credentials?)"
)
_KEYED = re.compile(
    r"(?i)(tags|labels|annotations|headers)"
)  # a mapping, or a list of pairs, with names that are given
_PAIRED = frozenset({"set", "add", "labels", "tags"})
_NAMES, _VALUES = re.compile(r"(?i).*(name|key)"), re.compile(r"(?i).*(value|values|match|pattern)")


def text(said: str, *, certificates: bool = False) -> str:
    """A text for people. certificates: those, which are public, may stay; keys never do."""
    if "-----BEGIN" in said:
        said = (_KEY_PEM if certificates else _ANY_PEM).sub(GONE, said)
    if "LS0tLS1" in said:
        said = _CODED_PEM.sub(GONE, said)
    for pattern in _TOKENS:
        said = pattern.sub(lambda found: f"{found[1]}{GONE}", said)
    return said


def document(data: Any) -> tuple[Any, int]:
    """The same JSON-like document without what looks like a credential, and how many texts were changed.

    A value goes by its name (`token: ...`, also as a pair of name and value) or by its looks. One that went by its name
    goes wherever else it stands: the value of a header comes back in the rule that was made of it."""
    secrets = {value for value in _secrets(data, "") if len(value) >= WHOLE}
    work = _Work(
        whole=frozenset(secrets), within=tuple(sorted((s for s in secrets if len(s) >= WITHIN), key=len))[::-1]
    )
    return work.without(data, ""), work.changed


def _is_credential(name: str, above: str) -> bool:
    """name: of an entry of the mapping `above`."""
    if _KEYED.fullmatch(above):
        return _given(name)
    return _FIELD.fullmatch(name) is not None


def _given(name: str) -> bool:
    return _GIVEN.search(name) is not None and not _HARMLESS.search(name)


def _hidden_entries(data: Mapping[str, Any], above: str) -> set[str]:
    """Names of the entries whose texts go."""
    found = {name for name in data if _is_credential(str(name), above)}
    named = any(
        _NAMES.fullmatch(str(name)) and isinstance(value, str) and _given(value) for name, value in data.items()
    )
    if named:
        plain = (name for name, value in data.items() if isinstance(value, str | list | tuple))
        found |= {name for name in plain if _VALUES.fullmatch(str(name))}
    return found


def _is_hidden_pair(data: list[Any] | tuple[Any, ...], above: str) -> bool:
    return above in _PAIRED and len(data) == 2 and all(isinstance(item, str) for item in data) and _given(str(data[0]))


def _secrets(data: Any, above: str) -> Iterator[str]:
    """The texts that go by their name."""
    if isinstance(data, Mapping):
        hidden = _hidden_entries(data, above)
        for name, value in data.items():
            yield from _texts(value) if name in hidden else _secrets(value, str(name))
    elif isinstance(data, list | tuple):
        if _is_hidden_pair(data, above):
            yield data[1]
        else:
            for item in data:
                yield from _secrets(item, above)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


@dataclass(slots=True, kw_only=True)
class _Work:
    """whole, within: credentials to look for, the longest first."""

    whole: frozenset[str]
    within: tuple[str, ...]
    changed: int = field(default=0)

    def without(self, data: Any, above: str) -> Any:
        if isinstance(data, Mapping):
            hidden = _hidden_entries(data, above)
            return {
                name: self.hidden(value) if name in hidden else self.without(value, str(name))
                for name, value in data.items()
            }
        if isinstance(data, list | tuple):
            if _is_hidden_pair(data, above):
                return [data[0], self.hidden(data[1])]
            return [self.without(item, above) for item in data]
        return self.cleaned(data) if isinstance(data, str) else data

    def hidden(self, value: Any) -> Any:
        """Every text below goes, and the shape stays."""
        if isinstance(value, Mapping):
            return {name: self.hidden(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.hidden(item) for item in value]
        if not isinstance(value, str) or value in ("", GONE):
            return value
        self.changed += 1
        return GONE

    def cleaned(self, value: str) -> str:
        kept = GONE if value in self.whole else text(value, certificates=True)
        for secret in self.within:
            if secret in kept:
                kept = kept.replace(secret, GONE)
        self.changed += kept != value
        return kept
