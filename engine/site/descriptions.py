"""Service descriptions (`schemas/wsdl/*.wsdl`) of a site: read, and compared with the connections that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.codecs.soap_wsdl import BadWsdl, Flaw, Wsdl, load_wsdl, members
from engine.config.engine_parts import PartyEntry
from engine.config.problems import Mark, Problem, failing, nearest, problem
from engine.site.parts import Parts
from engine.site.site import Site

FOLDER: Final = "schemas/wsdl/"
LAYOUTS: Final = "schemas/layouts/"
_CODES: Final = {
    "xml": "E803", "outside": "E804", "missing": "E805", "not-wsdl": "E806", "no-soap": "E807", "style": "E808",
    "reference": "E809", "types": "E810", "other": "E811",
}  # fmt: skip
_WORDS: Final = {
    "transport": "传输方式/transport", "style": "style", "use": "use", "part": "type", "message": "message",
    "portType": "portType", "binding": "binding", "element": "element", "operation": "operation",
}  # fmt: skip


def check_descriptions(parts: Parts, files: Mapping[str, bytes]) -> None:
    """Every description of the site, and every connection that names one; problems are noted in `parts`."""
    beside = {name.removeprefix(FOLDER): data for name, data in files.items() if name.startswith(FOLDER)}
    mains = [name for name in sorted(beside) if name.endswith(".wsdl") and "/" not in name]
    found: dict[str, Wsdl] = {}
    broken: set[str] = set()
    told: set[Problem] = set()
    for main in mains:
        try:
            found[main.removesuffix(".wsdl")] = load_wsdl(beside, main)
        except BadWsdl as bad:
            broken.add(main.removesuffix(".wsdl"))
            told.update(_told(flaw) for flaw in bad.flaws)  # a file that two descriptions share is told once
    parts.found += sorted(told)
    used = set(_connections(parts, found, broken))
    if parts.stored or failing(parts.found):
        return  # what a mistake elsewhere only makes look unused
    imported = {name for one in beside.values() for name in mains if b'location="%s"' % name.encode() in one}
    for name in sorted(set(found) - used):
        if f"{name}.wsdl" not in imported:
            parts.wrong("W803", Mark(f"{FOLDER}{name}.wsdl", 1, 1), name=name)


def same_descriptions(old: Site, new: Site) -> bool:
    """Whether two sites have the same descriptions and layouts: connections that were opened with them may stay."""
    return _of(old.files) == _of(new.files)


def _of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name.startswith((FOLDER, LAYOUTS))}


def _told(flaw: Flaw) -> Problem:
    mark = Mark(FOLDER + flaw.file, flaw.line, 1)
    what = _WORDS.get(flaw.detail, "")
    values = {"detail": flaw.detail, "place": flaw.word, "word": flaw.word or "（空）", "what": what}
    return problem(_CODES[flaw.kind], mark, hint=nearest(flaw.word, flaw.known), **values)


def _connections(parts: Parts, found: Mapping[str, Wsdl], broken: set[str]) -> Iterator[str]:
    """The names of the descriptions in use."""
    for entry in parts.engine.parties.values() if parts.engine else ():
        party = parts.parties.get(entry.kind)
        if party is None or "wsdl" not in party.settings.model_fields:
            continue
        name = str(entry.settings.get("wsdl", ""))
        if name not in found and name not in broken:
            if name:
                mark = entry.marks.get("wsdl", entry.mark)
                parts.wrong("E812", mark, name=name, hint=nearest(name, [*found, *broken]))
            continue
        yield name
        if name in found and "method" in party.settings.model_fields:
            _names(parts, entry, name, found[name], party.settings.model_fields)


def _names(parts: Parts, entry: PartyEntry, name: str, wsdl: Wsdl, fields: Mapping[str, Any]) -> None:
    """Operation, version and elements that the connection names, against what the description has."""

    def said(field: str) -> tuple[str, Mark]:
        value = entry.settings.get(field, fields[field].default)
        return str(value), entry.marks.get(field, entry.mark)

    method, mark = said("method")
    if not method:  # each service code is an operation of its own: looked for when the connection opens
        return
    if method not in wsdl.operations:
        parts.wrong("E813", mark, wsdl=name, name=method, hint=nearest(method, wsdl.operations))
        return
    version, mark = said("version")
    if version not in wsdl.bindings:
        known = ", ".join(wsdl.bindings)
        parts.wrong("E814", mark, method=method, name=f"SOAP {version}", field="version", hint=known)
        return
    for field, side in (("code_field", "input"), ("input_field", "input"), ("output_field", "output")):
        element, mark = said(field)
        have = members(wsdl, method, version, side)
        if element and element not in have:
            parts.wrong("E814", mark, method=method, name=element, field=field, hint=nearest(element, have))
