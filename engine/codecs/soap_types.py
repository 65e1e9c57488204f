"""The types of a service description as one compiled XML Schema: what a message must look like, checked before it is
read. zeep by itself passes over missing members and turns what it cannot read into nothing."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

XSD: Final = "http://www.w3.org/2001/XMLSchema"
_HOME: Final = "wsdl:/"
_QUOTED: Final = re.compile(r"'([^']{1,200})'")


class BadTypes(ValueError):
    """The types do not compile; `file` and `line` (from 1) of the first mistake, as libxml2 tells it."""

    def __init__(self, file: str, line: int, text: str) -> None:
        super().__init__(text)
        self.file, self.line, self.text = file, line, text


class _Memory(etree.Resolver):
    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__()
        self._files = files

    def resolve(self, system_url: str, public_id: str, context: Any) -> Any:  # type: ignore[override]  # lxml hands the context in
        """Only what was put here; an empty document for anything else, so that nothing is ever fetched."""
        return self.resolve_string(self._files.get(system_url, b""), context, base_url=system_url)


def compile_types(roots: Mapping[str, etree._Element]) -> etree.XMLSchema | None:
    """The schema of all `xsd:schema` elements in these files (descriptions and schemas, by path); None when there are
    none. BadTypes when they do not fit together."""
    files: dict[str, bytes] = {}
    spaces: dict[str, list[str]] = {}
    sources: dict[str, str] = {}
    schemas = [
        (name, place, node)
        for name, root in roots.items()
        for place, node in enumerate([root] if root.tag == f"{{{XSD}}}schema" else root.iter(f"{{{XSD}}}schema"))
    ]
    for name, place, node in schemas:
        url = _HOME + name + ("" if node.getparent() is None else f"#{place}")
        spaces.setdefault(node.get("targetNamespace") or "", []).append(url)
        sources[url] = name
    if not schemas:
        return None
    for name, place, node in schemas:
        url = _HOME + name + ("" if node.getparent() is None else f"#{place}")
        files[url] = _text(node, name, spaces, sources)
    entry = files[_HOME + "all.xsd"] = _entry(spaces)
    parser = etree.XMLParser(no_network=True, resolve_entities=False, load_dtd=False)
    parser.resolvers.add(_Memory(files))
    try:
        return etree.XMLSchema(etree.fromstring(entry, parser, base_url=_HOME + "all.xsd"))
    except etree.XMLSchemaParseError as no:
        first: Any = next(iter(no.error_log), None)
        line, text = (1, str(no)) if first is None else (first.line, first.message)
        raise BadTypes(_file_of(line, text, files, sources), line, text[:200]) from None


def _file_of(line: int, text: str, files: Mapping[str, bytes], sources: Mapping[str, str]) -> str:
    """libxml2 tells the line but not the file of text it was handed: the file whose line has most of the
    names it quotes."""
    names = [name.rpartition("}")[2].encode() for name in _QUOTED.findall(text)]

    def fits(url: str) -> int:
        there = files[url].split(b"\n")[line - 1 : line]
        return sum(word in there[0] for word in names) if there else 0

    return sources[max(sources, key=fits)]


def _entry(spaces: Mapping[str, list[str]]) -> bytes:
    """One schema that takes in all the others, one file for each namespace."""
    lines = [f'<xsd:schema xmlns:xsd="{XSD}">']
    for space, urls in spaces.items():
        if not space:
            lines += [f'<xsd:include schemaLocation="{url}"/>' for url in urls]
        else:
            lines.append(f'<xsd:import namespace="{space}" schemaLocation="{urls[0]}"/>')
    return "".join([*lines, "</xsd:schema>"]).encode()


def _text(node: etree._Element, file: str, spaces: Mapping[str, list[str]], sources: Mapping[str, str]) -> bytes:
    """The schema's text with every reference to another one made plain; its lines are those of its file."""
    line: Any = node.sourceline
    copy = etree.fromstring(etree.tostring(node, with_tail=False))
    for reference in copy.iter(f"{{{XSD}}}import", f"{{{XSD}}}include", f"{{{XSD}}}redefine"):
        place = reference.get("schemaLocation")
        if place:
            reference.set("schemaLocation", _HOME + posixpath.normpath(posixpath.join(posixpath.dirname(file), place)))
        elif reference.get("namespace") in spaces:
            reference.set("schemaLocation", spaces[str(reference.get("namespace"))][0])
    return bytes(b"\n" * (int(line or 1) - 1) + etree.tostring(copy))
