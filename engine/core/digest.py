"""A digest of what a message says, not of how it is written: order of fields and white space do not count."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest_of(tree: Any) -> str:
    """Lower-case hex SHA-256 of a tree's canonical JSON; Decimals count by their exact text."""
    return hashlib.sha256(_CANONICAL.encode(tree).encode("utf-8", "surrogatepass")).hexdigest()


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
