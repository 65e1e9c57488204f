"""The page on changing the configuration says what is so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import typer.main

from engine.cli.main import app
from engine.config.engine_parts import SCOPES
from engine.config.problems import CODES
from engine.core.errors import ERRORS
from engine.runtime import site_doc
from engine.runtime.versions import BASE
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
COMMANDS: Mapping[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group of typer's


def test_every_command_of_the_page_exists_with_its_options() -> None:
    shown = re.findall(r"`engine ([a-z]+)((?: [^`]*)?)`", PAGE)
    assert {"plan", "apply", "history", "diff", "rollback", "pull", "resolve", "run"} <= {name for name, _ in shown}
    for name, rest in shown:
        assert name in COMMANDS, name
        known = {option for one in COMMANDS[name].params for option in one.opts}
        assert set(re.findall(r"--[a-z]+", rest)) <= known, (name, rest)


def test_its_codes_scopes_and_names_are_in_force() -> None:
    for code in set(re.findall(r"`(E-[A-Z-]+)`", PAGE)):
        assert code in ERRORS, code
    told = {code for code in CODES if code.startswith("W7")}
    assert {min(told), max(told)} == set(re.findall(r"W7[0-9]{2}(?=–)|(?<=–)W7[0-9]{2}", PAGE))
    assert {"admin", "operate"} <= set(SCOPES)
    assert f"`{BASE}`" in PAGE


def test_every_refusal_of_the_configuration_s_doors_is_in_the_interface_document() -> None:
    told = str(site_doc.paths())
    for code in ERRORS:
        if code.startswith("E-SITE-") and code != "E-SITE-NONE":  # that one is the 404
            assert code in told, code
