"""Which lines of a configuration's text may hold a secret in clear: they are on no page and in no difference.

A folder should hold none; but what lint refuses lies there all the same, and a page is seen by more people than a file.
"""

from __future__ import annotations

import re

_NAMES = r"[\w-]*(?:secret|passw(?:or)?d|passphrase|verify_code|private_key|api_v[23]_key|access_key)[\w-]*"
_NODE_NAMES = r"(?:[\w-]*_)?(?:pass|token|keys?)"
_REFERENCE = re.compile(r"""["']?(?:file|env):[^\s,}"']+["']?""")
_BEGIN, _END = "-----BEGIN ", "-----END "
_VALUE = r"""["']?\s*[:=]\s*(?P<value>[^\s,}#]*)"""
_PAIR = re.compile(rf"""(?i)(?<![\w-])["']?(?:{_NAMES}){_VALUE}""")
_NODE_PAIR = re.compile(rf"""(?i)(?<![\w-])["']?(?:{_NAMES}|{_NODE_NAMES}){_VALUE}""")
_ANY_PAIR = re.compile(rf"""(?<![\w-])["']?[\w-]+{_VALUE}""")


def secret_lines(text: str, node: bool = False) -> frozenset[int]:
    """Numbers (from 1) of the lines with a private key, with a value under a name that means a secret, or of a block
    below such a name. `node`: the text is an engine.yaml, where `token` and `key` mean secrets as well; a channel's
    `key` is the order of its messages."""
    pair = _NODE_PAIR if node else _PAIR
    found: set[int] = set()
    in_pem, below = False, -1  # the indent of a name whose value stands below it; -1 for none
    for number, line in enumerate(text.splitlines(), 1):
        in_pem = in_pem or _BEGIN in line
        indent = len(line) - len(line.lstrip())
        if line.strip() and indent <= below:
            below = -1
        if in_pem or (below >= 0 and line.strip() and not _only_references(line)):
            found.add(number)
        in_pem = in_pem and _END not in line
        for one in pair.finditer(line):
            value = one["value"]
            if value in ("", "|", ">", "|-", ">-", "{", "["):
                below = indent if below < 0 else below
            if value and not _REFERENCE.match(value) and value != "{":
                found.add(number)
    return frozenset(found)


def _only_references(line: str) -> bool:
    values = [one["value"] for one in _ANY_PAIR.finditer(line)]
    return bool(values) and all(not value or _REFERENCE.match(value) for value in values)
