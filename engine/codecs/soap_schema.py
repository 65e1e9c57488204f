"""A JSON Schema as XML: the types of a served description, elements read into the same values JSON would give, and
values written as elements. What a value must be is judged by the schema afterwards, for all doors alike; here only the
shape is followed.

Objects are sequences of elements in the order of `properties`, lists repeat their element, an element that is left out,
nil, or (where it may be left out) empty is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from engine.codecs.errors import Undecodable
from engine.codecs.soap_types import XSD

Tree = Any
Schema = Mapping[str, Any]
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
OTHER: Final = "other"
"""The element of an object's values that its schema does not name: `<other name="…">value</other>`."""
_WORDS: Final = {"integer": "xsd:integer", "number": "xsd:decimal", "boolean": "xsd:boolean"}
_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}


# Types


def add_element(parent: etree._Element, name: str, schema: Schema, *, required: bool, open_ended: bool = False) -> None:
    """One `xsd:element` for a property. `open_ended`: its object may have values no schema names."""
    many = schema.get("type") == "array"
    inner = schema.get("items", {}) if many else schema
    element = etree.SubElement(parent, f"{{{XSD}}}element", name=name)
    least = int(schema.get("minItems", 0)) if many else 1
    if not required or least == 0:
        element.set("minOccurs", "0")
    if many:
        element.set("maxOccurs", "unbounded")  # a limit that grows must not turn a stub's single value into a list
    _document(element, schema)
    if "properties" in inner:
        add_object(element, inner, open_ended=open_ended)
    elif "enum" in inner:
        simple = etree.SubElement(element, f"{{{XSD}}}simpleType")
        words = etree.SubElement(simple, f"{{{XSD}}}restriction", base="xsd:string")
        for word in inner["enum"]:
            etree.SubElement(words, f"{{{XSD}}}enumeration", value=str(word))
    elif "maxLength" in inner or "minLength" in inner:
        simple = etree.SubElement(element, f"{{{XSD}}}simpleType")
        limits = etree.SubElement(simple, f"{{{XSD}}}restriction", base="xsd:string")
        for key in ("minLength", "maxLength"):
            if key in inner:
                etree.SubElement(limits, f"{{{XSD}}}{key}", value=str(inner[key]))
    else:
        element.set("type", _WORDS.get(str(inner.get("type")), "xsd:string"))


def add_object(parent: etree._Element, schema: Schema, *, open_ended: bool = False) -> None:
    """A complex type of an object's properties."""
    sequence = etree.SubElement(etree.SubElement(parent, f"{{{XSD}}}complexType"), f"{{{XSD}}}sequence")
    needed = set(schema.get("required", ()))
    for name, below in schema.get("properties", {}).items():
        add_element(sequence, name, below, required=name in needed, open_ended=bool(below.get("x-open")))
    if open_ended:
        other = etree.SubElement(sequence, f"{{{XSD}}}element", name=OTHER, minOccurs="0", maxOccurs="unbounded")
        content = etree.SubElement(etree.SubElement(other, f"{{{XSD}}}complexType"), f"{{{XSD}}}simpleContent")
        base = etree.SubElement(content, f"{{{XSD}}}extension", base="xsd:string")
        etree.SubElement(base, f"{{{XSD}}}attribute", name="name", type="xsd:string", use="required")


def _document(element: etree._Element, schema: Schema) -> None:
    text = schema.get("title") or schema.get("description")
    if text:
        note = etree.SubElement(element, f"{{{XSD}}}annotation")
        etree.SubElement(note, f"{{{XSD}}}documentation").text = str(text)


# Reading


def read_object(element: etree._Element, schema: Schema, space: str, path: str = "") -> dict[str, Tree]:
    """The values below an element. `space`: the namespace its children are in (they may also be in none).
    Undecodable(xml-repeated, xml-namespace) names the place; everything else is the schema's to judge."""
    properties: Schema = schema.get("properties", {})
    needed = set(schema.get("required", ()))
    found: dict[str, Tree] = {}
    for child in element:
        name = etree.QName(child)
        where = f"{path}.{name.localname}" if path else name.localname
        if name.namespace not in (space, None):
            raise Undecodable("xml-namespace", 0, f"{where[:80]}: in the namespace {str(name.namespace)[:80]!r}")
        below = properties.get(name.localname, {})
        many = below.get("type") == "array"
        if child.get(f"{{{XSI}}}nil") in ("true", "1"):
            continue
        value = _value(child, below.get("items", {}) if many else below, space, where)
        if value == "" and not many and name.localname not in needed:
            continue
        if many:
            found.setdefault(name.localname, []).append(value)
        elif name.localname in found:
            raise Undecodable("xml-repeated", 0, f"{where[:80]}: given twice")
        else:
            found[name.localname] = value
    return found


def _value(element: etree._Element, schema: Schema, space: str, path: str) -> Tree:
    if len(element) or "properties" in schema:
        return read_object(element, schema, space, path)
    text = element.text or ""
    kind = schema.get("type")
    if kind == "integer" and text.strip().removeprefix("-").isascii() and text.strip().removeprefix("-").isdigit():
        return int(text.strip()) if len(text.strip()) <= 18 else text
    if kind == "boolean":
        return _TRUTH.get(text.strip(), text)
    return text


# Writing


def write_object(parent: etree._Element, values: Mapping[str, Tree], schema: Schema, space: str) -> None:
    """The values as elements of the namespace, in the schema's order; those it does not name go into `other`."""
    properties: Schema = schema.get("properties", {})
    for name, below in properties.items():
        if values.get(name) is None:
            continue
        many = below.get("type") == "array"
        for one in values[name] if many else (values[name],):
            element = etree.SubElement(parent, f"{{{space}}}{name}")
            inner = below.get("items", {}) if many else below
            if isinstance(one, Mapping):
                write_object(element, one, inner, space)
            else:
                element.text = _text(one)
    for name, value in values.items():
        if name not in properties and value is not None and not isinstance(value, Mapping | list):
            element = etree.SubElement(parent, f"{{{space}}}{OTHER}", name=str(name))
            element.text = _text(value)


def _text(value: Tree) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
