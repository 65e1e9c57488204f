"""A service description (WSDL 1.1) from files that lie beside each other: loaded once, nothing is ever fetched.

`load_wsdl` finds every mistake an administrator can make in a vendored WSDL, each with its file and line, before zeep
compiles it; zeep then sees only bytes that were checked, through a transport that knows nothing else.
"""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from engine.codecs import xml_text
from engine.codecs.errors import Undecodable
from engine.codecs.soap_types import XSD, BadTypes, compile_types

WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
BINDINGS: Final = {"1.1": "http://schemas.xmlsoap.org/wsdl/soap/", "1.2": "http://schemas.xmlsoap.org/wsdl/soap12/"}
HTTP_TRANSPORTS: Final = (
    "http://schemas.xmlsoap.org/soap/http",
    "http://www.w3.org/2003/05/soap/bindings/HTTP/",
)
MAX_BYTES: Final = 2 << 20
_HOME: Final = "file:///wsdl/"
# It would log values that do not fit, and they may be a person's; what does not fit is refused by its schema.
logging.getLogger("zeep").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One mistake: `kind` is xml, not-wsdl, outside, missing, no-soap, style, reference, types or other; `word` the
    wrong name and `known` the names it could have been; `line` from 1."""

    kind: str
    file: str
    line: int
    word: str = ""
    known: tuple[str, ...] = ()
    detail: str = ""


class BadWsdl(ValueError):
    """A description that cannot be used, with all its flaws."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.file}:{flaw.line} {flaw.kind} {flaw.word or flaw.detail}" for flaw in flaws))
        self.flaws = flaws


class _Vendored:
    """zeep's transport: hands out the files that were checked, and nothing else in the world."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {_HOME + name: data for name, data in files.items()}

    def load(self, url: str) -> bytes:
        """The bytes of a file; LookupError for any other address."""
        if url not in self._files:
            raise LookupError(f"{url}: not among the vendored files")
        return self._files[url]


@dataclass(frozen=True, slots=True)
class Wsdl:
    """A compiled description. `types`: its XML Schema, None when it has none; `bindings`: SOAP version → zeep's binding
    (the first of each version); `addresses`: SOAP version → the address the description names, "" for none;
    `operations`: their names, in order."""

    document: Any
    types: etree.XMLSchema | None
    bindings: Mapping[str, Any]
    addresses: Mapping[str, str]
    operations: tuple[str, ...]


def load_wsdl(files: Mapping[str, bytes], main: str) -> Wsdl:
    """Compile `main` of these files (by their path inside one folder, with `/`); BadWsdl with everything wrong."""
    flaws: list[Flaw] = []
    roots = _roots(files, main, flaws)
    if main in roots:
        _check_definitions(roots, main, flaws)
    if flaws:
        raise BadWsdl(sorted(flaws, key=lambda flaw: (flaw.file, flaw.line, flaw.kind)))
    try:
        types = compile_types(roots)
        return _compiled(_document(main, {name: files[name] for name in roots}), types)
    except BadTypes as no:
        raise BadWsdl([Flaw("types", no.file, no.line, detail=no.text)]) from None
    except Exception as no:  # noqa: BLE001 zeep raises KeyError, LookupError and worse on descriptions that do not fit together
        raise BadWsdl([Flaw("other", main, 1, detail=f"{type(no).__name__}: {no}"[:200])]) from None


def _document(main: str, files: Mapping[str, bytes]) -> Any:
    from zeep import Settings  # here: 17 MiB that only a site with a description pays for
    from zeep.wsdl import Document

    vendored: Any = _Vendored(files)
    return Document(_HOME + main, vendored, settings=Settings(forbid_external=True))


def _compiled(document: Any, types: etree.XMLSchema | None) -> Wsdl:
    bindings: dict[str, Any] = {}
    addresses: dict[str, str] = {}
    for service in document.services.values():
        for port in service.ports.values():
            version = {uri: name for name, uri in BINDINGS.items()}.get(port.binding.nsmap.get("soap", ""))
            if version is not None and version not in bindings:
                bindings[version] = port.binding
                addresses[version] = str((port.binding_options or {}).get("address") or "")
    operations = tuple(dict.fromkeys(name for one in bindings.values() for name in one._operations))
    return Wsdl(document, types, bindings, addresses, operations)


def members(wsdl: Wsdl, op: str, version: str, side: str) -> tuple[str, ...]:
    """The names of the elements inside a message of an operation; `side`: input or output."""
    message = getattr(wsdl.bindings[version]._operations[op], side)
    body = message.body if message is not None else None
    return tuple(str(name) for name, _ in getattr(getattr(body, "type", None), "elements", ()))


# What is checked before zeep sees it


def _roots(files: Mapping[str, bytes], main: str, flaws: list[Flaw]) -> dict[str, etree._Element]:
    """The main file and all it imports, parsed; imports from outside and missing files are flaws."""
    roots: dict[str, etree._Element] = {}
    wanted: list[str] = [main]
    while wanted:
        name = wanted.pop()
        if name in roots or any(flaw.file == name and flaw.kind == "xml" for flaw in flaws):
            continue
        try:
            roots[name] = xml_text.parse(files[name], max_bytes=MAX_BYTES)
        except Undecodable as no:
            line = min(files[name][: no.offset].count(b"\n"), files[name].rstrip().count(b"\n")) + 1
            flaws.append(Flaw("xml", name, line, detail=f"{no.code}: {no.text}"))
            continue
        for node, place in _imports(roots[name]):
            found = _beside(name, place)
            if found is None:
                flaws.append(Flaw("outside", name, _line(node), place))
            elif found not in files:
                flaws.append(Flaw("missing", name, _line(node), place, tuple(sorted(files))))
            else:
                wanted.append(found)
    return roots


def _imports(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    for tag, name in (
        (f"{{{WSDL}}}import", "location"), (f"{{{XSD}}}import", "schemaLocation"),
        (f"{{{XSD}}}include", "schemaLocation"), (f"{{{XSD}}}redefine", "schemaLocation"),
    ):  # fmt: skip
        for node in root.iter(tag):
            place = node.get(name)
            if place:
                yield node, place


def _beside(file: str, place: str) -> str | None:
    """The path a relative location means, or None when it leads out of the folder or is an address."""
    if ":" in place or place.startswith(("/", "\\")) or "?" in place or "#" in place:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file), place))
    return None if path.startswith("..") else path


def _check_definitions(roots: Mapping[str, etree._Element], main: str, flaws: list[Flaw]) -> None:
    if roots[main].tag != f"{{{WSDL}}}definitions":
        flaws.append(Flaw("not-wsdl", main, _line(roots[main]), etree.QName(roots[main]).localname))
        return
    descriptions = {name: root for name, root in roots.items() if root.tag == f"{{{WSDL}}}definitions"}
    soap = [
        (name, version, node)
        for name, root in descriptions.items()
        for version, uri in BINDINGS.items()
        for node in root.iter(f"{{{uri}}}binding")
    ]
    if not soap:
        flaws.append(Flaw("no-soap", main, _line(roots[main])))
    elif next((one for root in descriptions.values() for one in root.iter(f"{{{WSDL}}}port")), None) is None:
        flaws.append(Flaw("no-soap", main, _line(roots[main]), detail="no service with a port"))
    for name, version, node in soap:
        _check_binding(name, version, node, flaws)
    for name, root in descriptions.items():
        _check_references(name, root, descriptions, flaws)


def _check_binding(file: str, version: str, node: etree._Element, flaws: list[Flaw]) -> None:
    """document/literal over HTTP is what is spoken; the older styles are refused by name, not half understood."""
    if node.get("transport") not in HTTP_TRANSPORTS:
        flaws.append(Flaw("style", file, _line(node), str(node.get("transport")), detail="transport"))
    binding = node.getparent()
    assert binding is not None, "a soap:binding stands inside a wsdl:binding"
    uri = BINDINGS[version]
    for one in (node, *binding.iter(f"{{{uri}}}operation")):
        if one.get("style", "document") != "document":
            flaws.append(Flaw("style", file, _line(one), str(one.get("style")), detail="style"))
    for body in binding.iter(f"{{{uri}}}body"):
        if body.get("use", "literal") != "literal":
            flaws.append(Flaw("style", file, _line(body), str(body.get("use")), detail="use"))


_REFERENCES: Final = (
    # (element, its attribute, what it must name)
    ("input", "message", "message"), ("output", "message", "message"), ("fault", "message", "message"),
    ("binding", "type", "portType"), ("port", "binding", "binding"),
)  # fmt: skip


def _check_references(
    file: str, root: etree._Element, all_roots: Mapping[str, etree._Element], flaws: list[Flaw]
) -> None:
    defined = {
        kind: {
            str(node.get("name")): True for one in all_roots.values() for node in one.iterchildren(f"{{{WSDL}}}{kind}")
        }
        for kind in ("message", "portType", "binding")
    }
    elements = {
        str(node.get("name"))
        for one in all_roots.values()
        for schema in one.iter(f"{{{XSD}}}schema")
        for node in schema.iterchildren(f"{{{XSD}}}element")
    }
    for tag, attribute, kind in _REFERENCES:
        for node in root.iter(f"{{{WSDL}}}{tag}"):
            name = (node.get(attribute) or "").rpartition(":")[2]
            if name and name not in defined[kind]:
                flaws.append(Flaw("reference", file, _line(node), name, tuple(defined[kind]), detail=kind))
    types_outside = any(True for one in all_roots.values() for _ in _imports(one))
    for part in root.iter(f"{{{WSDL}}}part"):
        name = (part.get("element") or "").rpartition(":")[2]
        if name and name not in elements and not types_outside:
            flaws.append(Flaw("reference", file, _line(part), name, tuple(sorted(elements)), detail="element"))
        elif not part.get("element"):
            flaws.append(Flaw("style", file, _line(part), str(part.get("type")), detail="part"))
    _check_operations(file, root, all_roots, flaws)


def _check_operations(
    file: str, root: etree._Element, all_roots: Mapping[str, etree._Element], flaws: list[Flaw]
) -> None:
    """A bound operation that its port type does not have."""
    ports = {
        str(port.get("name")): tuple(str(one.get("name")) for one in port.iterchildren(f"{{{WSDL}}}operation"))
        for one_root in all_roots.values()
        for port in one_root.iterchildren(f"{{{WSDL}}}portType")
    }
    for binding in root.iterchildren(f"{{{WSDL}}}binding"):
        known = ports.get((binding.get("type") or "").rpartition(":")[2])
        for operation in binding.iterchildren(f"{{{WSDL}}}operation"):
            name = str(operation.get("name"))
            if known is not None and name not in known:
                flaws.append(Flaw("reference", file, _line(operation), name, known, detail="operation"))


def _line(node: etree._Element) -> int:
    line: Any = node.sourceline  # None for elements that were not parsed
    return int(line or 1)
