"""The page of the SOAP door says what the door does."""

from __future__ import annotations

import re

from engine.codecs import soap, soap_cdata, soap_schema, soap_security, xml_text
from engine.parties.municipal.party import PARTY as MUNICIPAL
from engine.runtime.soap_service import SPACE, problem_schema, service_of
from engine.site.load import load
from engine.site.site import Site
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/soap-door.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[A-Za-z0-9_.-]+", PAGE))


def test_operations_namespace_and_fields_are_the_services_own() -> None:
    site = load(ROOT)
    assert isinstance(site, Site)
    channel = site.channels["outpatient_settlement"]
    service = service_of(site, channel)
    assert set(service.deeds) == set(re.findall(r"^\| `([A-Z][A-Za-z]+)` \| [预结撤冲查退]", PAGE, re.MULTILINE))
    assert f"`{SPACE}`" in PAGE
    assert channel.soap is not None
    assert f"soap: {{at: {channel.soap.at}, path: {channel.soap.path}}}" in PAGE
    assert set(problem_schema()["properties"]) - {"state"} <= WORDS


def test_every_code_of_a_strange_envelope_is_named() -> None:
    said: set[str] = set()
    for module in (soap, soap_schema, soap_security, xml_text):
        source = open(str(module.__file__), encoding="utf-8").read()  # noqa: SIM115 - a source file of ours
        said |= set(re.findall(r'Undecodable\("([a-z-]+)"', source))
    # What only a reply, the flat dialect or the size of a body can be (the listener refuses that before).
    said -= {"soap-version", "soap-values", "xml-flat", "xml-duplicate", "xml-size"}
    assert said <= WORDS
    assert soap_cdata.CHARSETS.keys() >= {"GB18030"}


def test_the_outcomes_of_the_platform_are_in_its_table() -> None:
    codes = {row.code for row in MUNICIPAL.outcomes}
    assert {"0", "-1", "-10", "-11", "-6", "-2", "-5"} <= codes
