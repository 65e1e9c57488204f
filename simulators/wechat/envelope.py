"""The v2 envelope: a flat XML document with CDATA, read safely and written as the platform writes it."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

MAX_FIELDS = 200


def read_xml(body: bytes) -> dict[str, str] | None:
    """The fields of `<xml><k>v</k>…</xml>`; None for anything else (nested, repeated, with DTD, too many)."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root.tag != "xml" or b"<!DOCTYPE" in body or len(root) > MAX_FIELDS:
        return None
    fields: dict[str, str] = {}
    for child in root:
        if not isinstance(child.tag, str) or child.tag in fields or len(child):
            return None
        fields[child.tag] = child.text or ""
    return fields


def write_xml(fields: Mapping[str, str]) -> bytes:
    """The document, one field a line, texts in CDATA; an `]]>` in a value is split."""
    rows = (f"<{k}>{_value(v)}</{k}>" for k, v in fields.items())
    return ("<xml>" + "\n".join(rows) + "</xml>").encode("utf-8")


def _value(text: str) -> str:
    if text.isascii() and text.isdigit() and len(text) < 11:
        return text  # amounts and counts come without CDATA
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
