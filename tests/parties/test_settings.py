"""Every setting of every party is explained where it is declared, and every form it may have is said in words."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel, ConfigDict, Field

from engine.parties.registry import PARTIES
from engine.parties.settings import PartySettings, settings_help
from engine.site.files import read_files
from engine.site.load import lint
from tests.config.sites import ROOT

EVERY = [(kind, name) for kind, party in PARTIES.items() for name in party.settings.model_fields]
_CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_setting_says_in_both_languages_what_it_means(kind: str, name: str) -> None:
    one = settings_help(PARTIES[kind].settings)[name]
    assert len(_CHINESE.findall(one.zh)) >= 4, one.zh
    assert len(re.findall(r"[A-Za-z]+", one.en)) >= 3, one.en
    assert " · " not in one.en, "a meaning has one Chinese and one English part"
    assert not one.zh.endswith(("。", ".")), one.zh
    assert not one.en.endswith((".", ";")), one.en
    assert "\n" not in one.zh + one.en


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_a_setting_says_in_words_what_it_takes(kind: str, name: str) -> None:
    one = settings_help(PARTIES[kind].settings)[name]
    assert one.form_zh, one
    assert one.form_en, one
    assert "^" not in one.form_en, "a pattern is said in words"


@pytest.mark.parametrize("kind", [kind for kind in PARTIES if PARTIES[kind].settings.model_fields])
def test_no_sentence_about_a_setting_stands_twice(kind: str) -> None:
    """What is said of a field is not said in the class's own text again."""
    model = PARTIES[kind].settings
    assert not set(re.findall(r"`(\w+)`", model.__doc__ or "")) & set(model.model_fields)
    said = [one.en for one in settings_help(model).values()]
    assert len(set(said)) == len(said)


def test_units_stand_where_there_are_some() -> None:
    def en(kind: str, name: str) -> str:
        return settings_help(PARTIES[kind].settings)[name].en

    for kind in ("wechat", "alipay", "unionpay"):
        assert "1/10000" in en(kind, "fee_bp")
    assert "seconds" in en("mobile_pay", "window_s")
    assert "bytes" in en("nhsa", "file_max")
    assert "bytes" in en("qingdao_legacy", "frame")
    assert "hour" in en("unionpay", "clearing_hour")


@pytest.mark.parametrize(("old", "new", "code", "hint", "words"), [
    (b"amounts:  fen", b"amounts:  fn", "E204", "fen", ("fen, yuan",)),
    (b'mdtrtarea_admvs: "370200"', b'mdtrtarea_admvs: "3702"', "E211", "", ("6 位数字 · 6 digits", "就医地行政区划")),
    (b"    fixmedins_name:  ", b"    file_max: lots\n    fixmedins_name:  ", "E211", "",
     ("整数，1024 以上", "a whole number, 1024 or more", "bytes")),
    (b"    fixmedins_name:  ", b"    file_header: maybe\n    fixmedins_name:  ", "E211", "", ("yes | no", "表头")),
    (b"    mini_appid:  ", b"    fund_accounts: [BASIC, FEE]\n    mini_appid:  ", "E204", "FEES",
     ("BASIC, OPERATION, FEES",)),
    (b"    mini_appid:  ", b"    fund_accounts: [[BASIC]]\n    mini_appid:  ", "E204", "", ("BASIC, OPERATION, FEES",)),
    (b"amounts:  fen", b"amounts:  [fen]", "E204", "", ("fen, yuan",)),
    (b"amounts:  fen", b"amounts:  {fen: yuan}", "E204", "", ("fen, yuan",)),
    (b"layout:   qingdao_legacy", b"layout:   qingdao_legcy", "E211", "", ("there is no schemas/layouts/", "报文格式")),
])  # fmt: skip
def test_lint_says_what_may_stand_there_and_what_the_setting_is_for(
    old: bytes, new: bytes, code: str, hint: str, words: tuple[str, ...]
) -> None:
    files = read_files(ROOT)
    assert old in files["engine.yaml"]
    found = lint({**files, "engine.yaml": files["engine.yaml"].replace(old, new, 1)})
    assert [(one.code, one.hint) for one in found] == [(code, hint)]
    for word in words:
        assert word in found[0].zh, found[0].zh
        assert word in found[0].en, found[0].en


class Base(PartySettings):
    """A model whose field a child gives another default."""

    kept: str = Field(default="a", max_length=3)
    """甲的含义 · the meaning of it"""


class Child(Base):
    """It keeps the words of the field."""

    kept: str = "b"
    secret: str = Field(default="", repr=False)
    """签名密钥，
    换行也读作一句 · the signing
    secret"""


class Other(BaseModel):
    """Settings nobody has explained."""

    model_config = ConfigDict(extra="forbid")

    plain: int = 3


def test_an_overridden_field_keeps_its_meaning() -> None:
    told = settings_help(Child)
    assert (told["kept"].zh, told["kept"].en, told["kept"].default) == ("甲的含义", "the meaning of it", "b")
    assert (told["secret"].zh, told["secret"].en) == ("签名密钥，换行也读作一句", "the signing secret")
    assert told["secret"].secret
    assert settings_help(Other)["plain"].zh == ""
