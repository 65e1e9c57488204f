"""Secrets are named in configuration and read at the moment of use; no message quotes one."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from engine.config.engine_parts import PartyEntry
from engine.config.secret import (
    SECRET_BYTES_MAX,
    SecretMissing,
    SecretRef,
    resolve_secret,
    resolve_settings,
    secret_ref,
)
from engine.parties.contract import Party
from engine.site.load import load
from engine.site.settings import settings_of
from engine.site.site import Site
from tests.config.fake_parties import BANK, PARTIES
from tests.config.sites import GOOD

KEY = "k" * 32


@pytest.mark.parametrize("text", ["file:var/a", "file:/abs/a", "env:A_1"])
def test_a_reference_prints_as_it_is_written(text: str) -> None:
    assert str(secret_ref(text)) == text


@pytest.mark.parametrize("text", ["", "file:", "env:", "env:1A", "env:a b", "FILE:x", "3f9a", "http://x", "file:/", "file://"])
def test_anything_else_is_no_reference(text: str) -> None:
    assert secret_ref(text) is None


def test_read_when_used_not_before(tmp_path: Path) -> None:
    ref = SecretRef("file", "keys/a")
    with pytest.raises(SecretMissing, match=r"file:keys/a"):
        resolve_secret(ref, tmp_path)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/a").write_bytes(b"one\n")
    assert resolve_secret(ref, tmp_path) == b"one"
    (tmp_path / "keys/a").write_bytes(b"two\r\n")  # rotated while running
    assert resolve_secret(ref, tmp_path) == b"two"


def test_only_the_line_break_at_the_end_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b" x\ny \n\n")
    assert resolve_secret(SecretRef("file", "a"), tmp_path) == b" x\ny \n"


def test_empty_and_huge_files_are_no_secrets(tmp_path: Path) -> None:
    for content in (b"", b"\n", b"a" * (SECRET_BYTES_MAX + 1)):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(SecretMissing, match="file:a"):
            resolve_secret(SecretRef("file", "a"), tmp_path)


def test_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BANK_KEY", "geheim")
    assert resolve_secret(SecretRef("env", "BANK_KEY"), tmp_path) == b"geheim"
    monkeypatch.delenv("BANK_KEY")
    with pytest.raises(SecretMissing, match="env:BANK_KEY"):
        resolve_secret(SecretRef("env", "BANK_KEY"), tmp_path)


def test_references_among_keys_and_lists_are_resolved_too(tmp_path: Path) -> None:
    (tmp_path / "serial").write_text("S1")
    (tmp_path / "pem").write_text("PEM")
    serial, pem = SecretRef("file", "serial"), SecretRef("file", "pem")
    assert resolve_settings({"keys": {serial: pem, "S0": "old"}, "list": [pem, "x"]}, tmp_path) == {
        "keys": {"S1": "PEM", "S0": "old"}, "list": ["PEM", "x"],
    }  # fmt: skip
    (tmp_path / "pem").write_bytes(b"\xff")
    with pytest.raises(SecretMissing, match="file:pem"):
        resolve_settings([pem], tmp_path)


def _entry() -> PartyEntry:
    site = load(GOOD, parties=PARTIES)
    assert isinstance(site, Site)
    return site.engine.parties["bank"]


def test_a_partys_settings_with_secrets_read_now(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/bank").write_text(KEY)
    made = settings_of(_entry(), cast(Party, BANK), tmp_path)
    assert (made.shop, made.key, made.mode) == ("770010", KEY, "plain")
    assert type(made.shop) is str


def test_a_refused_secret_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/bank").write_text("tooshort-geheim")
    with pytest.raises(ValueError, match="key") as caught:
        settings_of(_entry(), cast(Party, BANK), tmp_path)
    assert "geheim" not in str(caught.value)


def test_the_node_prints_without_secrets() -> None:
    assert KEY not in repr(_entry())
    assert "SecretRef(kind='file', place='keys/bank')" in repr(_entry())


def test_a_missing_file_that_simulators_write_names_their_command(tmp_path: Path) -> None:
    with pytest.raises(SecretMissing, match="engine simulate"):
        resolve_secret(SecretRef("file", "var/sim/wechat/mchid"), tmp_path)
    with pytest.raises(SecretMissing, match=r"No such file or directory$"):
        resolve_secret(SecretRef("file", "keys/of-the-bank"), tmp_path)
