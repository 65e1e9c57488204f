"""A digest of what a message says, not of how it is written: order of fields and white space do not count."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import orjson


def digest_of(tree: Any) -> str:
    """Lower-case hex SHA-256 of a tree's canonical JSON; Decimals count by their exact text."""
    try:
        data = orjson.dumps(tree, str, _SORTED)
    except TypeError:  # half a surrogate pair, a number above 64 bits, a key that is no text
        data = _CANONICAL.encode(tree).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
"""How every tree of ours is printed: what orjson would give a form of its own goes to our encoder, or is refused."""
_SORTED: Final = orjson.OPT_SORT_KEYS | STRICT
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
"""What the fast printer writes too, byte for byte, of everything it takes: digests are kept."""
