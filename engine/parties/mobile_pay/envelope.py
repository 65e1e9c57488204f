"""The signed and hidden envelope of both directions.

Signed are all top-level fields but `signData`, `encData` and `extra`, with the plain data as `data`: empty ones
dropped, names sorted everywhere, `k=v` joined by `&`, the app secret at the end.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from engine.codecs import json_text
from engine.codecs.errors import Undecodable
from engine.codecs.gm import sm2
from engine.core.times import beijing, instant_of
from engine.parties.mobile_pay import hiding
from engine.parties.mobile_pay.settings import Opened

Tree = Any
_UNSIGNED: Final = frozenset({"signData", "encData", "extra", "data"})
_MAX_DATA: Final = 4 << 20  # bytes


class Distrusted(ValueError):
    """An envelope that is not what the platform sent to us. The text names no content of it."""


def cleaned(tree: Tree, numbers: str = "kept") -> Tree:
    """Names sorted, what is empty dropped, all through; `numbers` "text": numbers as texts. None for what is empty."""
    if isinstance(tree, dict):
        made = {name: cleaned(tree[name], numbers) for name in sorted(tree)}
        return {name: value for name, value in made.items() if value is not None} or None
    if isinstance(tree, list):
        rows = [cleaned(row, numbers) for row in tree]
        return [row for row in rows if row is not None] or None
    if numbers == "text" and isinstance(tree, int | Decimal) and not isinstance(tree, bool):
        return str(tree)
    return None if tree == "" else tree


def signed_text(opened: Opened, fields: Mapping[str, Tree], data: Tree) -> bytes:
    """What the signature covers; `data` already cleaned."""
    parts = {name: value for name, value in fields.items() if name not in _UNSIGNED and value not in (None, "")}
    if data is not None:
        parts["data"] = data
    joined = "&".join(f"{name}={_text(parts[name])}" for name in sorted(parts))
    return f"{joined}{opened.plain.joiner}{opened.plain.app_secret}".encode()


def sealed(opened: Opened, data: Mapping[str, Tree], now: float) -> dict[str, str]:
    """The envelope around this data, signed by us at `now`."""
    plain = opened.plain
    fields = {
        "appId": plain.app_id,
        "encType": "SM4",
        "signType": "SM2",
        "version": plain.version,
        "timestamp": str(int(now * 1000)) if plain.stamp == "ms" else beijing(now, "%Y%m%d%H%M%S"),
    }
    body = cleaned(data, plain.numbers)
    signature = sm2.sign(opened.private, signed_text(opened, fields, body), opened.signer)
    shown = json_text.print_json({} if body is None else body)
    return {**fields, "encData": hiding.hide(opened, shown), "signData": base64.b64encode(signature).decode()}


def data_of(opened: Opened, fields: Mapping[str, Tree]) -> dict[str, Tree]:
    """The data inside an envelope of the platform; Distrusted when it is not whole, not for us, or not signed well.

    What cannot be read and what is not signed well are one refusal: a stranger who tries many learns nothing.
    """
    if fields.get("appId", opened.plain.app_id) != opened.plain.app_id:
        raise Distrusted("another app's message")
    hidden, shown = fields.get("encData"), fields.get("signData")
    if not isinstance(hidden, str) or not hidden or not isinstance(shown, str):
        raise Distrusted("not signed" if not shown else "no encData")
    try:
        tree = json_text.parse(hiding.show(opened, hidden), max_bytes=_MAX_DATA)
        signature = base64.b64decode(shown, validate=True)
    except (Undecodable, binascii.Error, ValueError):
        raise Distrusted("bad signature") from None
    body = cleaned(tree, opened.plain.numbers)
    if not sm2.verify(opened.platform, signed_text(opened, fields, body), signature, opened.signer):
        raise Distrusted("bad signature")
    if not isinstance(tree, dict):
        raise Distrusted("no object inside")
    return tree


def fresh(opened: Opened, fields: Mapping[str, Tree], now: float) -> bool:
    """Whether the envelope's time is within the window around ours."""
    text = str(fields.get("timestamp", ""))
    if not text.isascii() or not text.isdigit():
        return False
    try:
        at = instant_of(text, "%Y%m%d%H%M%S") if len(text) == 14 else int(text) / 1000
    except ValueError:
        return False
    return abs(now - at) <= opened.plain.window_s


def _text(value: Tree) -> str:
    return value if isinstance(value, str) else json_text.print_json(value).decode()
