"""A kind of paying that no step charges: told with its name, unless it is refused or taken elsewhere."""

from __future__ import annotations

import pytest

from engine.site.files import read_files
from engine.site.load import lint
from tests.config.fake_parties import PARTIES
from tests.config.sites import ROOT, patched

PURSE = {"file": "schemas/choice.json", "old": '["card", "cash"]', "new": '["card", "cash", "purse"]'}
PAY = "if: \"choice.kind == 'card' && due.cash > 0\""


@pytest.mark.parametrize(
    "patch",
    [
        pytest.param([(PAY, "if: \"choice.kind != 'cash' && due.cash > 0\"")], id="the same step"),
        pytest.param([(PAY, "if: \"choice.kind in ['card', 'purse']\"")], id="a list"),
        pytest.param([(PAY, 'if: "due.cash > 0"')], id="a step for every kind"),
        pytest.param([(PAY, 'if: "chosen && due.cash > 0"'),
                      ("let: {", "let: {chosen: \"choice.kind != 'cash'\", ")], id="a name of let"),
        pytest.param([("[cash]", "[cash, purse]")], id="taken elsewhere"),
        pytest.param([("{do: his.book,", "{do: his.book, if: \"choice.kind == 'purse' || choice.kind == 'card'\",")],
                     id="a step made for it without `again`"),
    ],
)  # fmt: skip
def test_a_kind_that_is_taken_care_of_is_no_mistake(patch: list[tuple[str, str]]) -> None:
    changes = [{"file": "channels/visit.yaml", "old": old, "new": new} for old, new in patch]
    assert [item.code for item in lint(patched(PURSE, *changes), parties=PARTIES)] == []


@pytest.mark.parametrize(
    "condition",
    [
        "insured && choice.kind != 'card'",  # true for a kind that nobody named: it is not made for this one
        "present('choice.token') && choice.kind == 'card'",
        "has(choice.token) || insured",
    ],
)
def test_a_step_that_only_happens_to_run_charges_nothing(condition: str) -> None:
    old = "{do: his.book,"
    changes = {"file": "channels/visit.yaml", "old": old, "new": f'{old} if: "{condition}",'}
    codes = [item.code for item in lint(patched(PURSE, changes), parties=PARTIES)]
    assert "E421" in codes


def test_the_kind_and_where_it_is_accepted_are_named() -> None:
    (item,) = lint(patched(PURSE), parties=PARTIES)
    assert '"purse"' in item.en
    assert "“purse”" in item.zh
    assert "choice" in item.en


@pytest.mark.parametrize(
    ("channel", "old", "new"),
    [
        ("outpatient_settlement", "pay_choice.kind == 'alipay_qr' && due.cash > 0", "pay_choice.kind == 'alipay_code'"),
        ("outpatient_settlement_his_led", "[pay_rules, pay_wechat_only]", "[pay_rules]"),
        ("municipal_settlement", "[municipal_pay_rules, pay_wechat_only]", "[municipal_pay_rules]"),
        ("municipal_settlement", "[municipal_pay_rules, pay_wechat_only]", "[pay_rules, pay_wechat_only]"),
    ],
)
def test_the_channels_that_ship_would_be_told_of(channel: str, old: str, new: str) -> None:
    files = dict(read_files(ROOT))
    text = files[f"channels/{channel}.yaml"].decode()
    assert text.count(old) == 1
    files[f"channels/{channel}.yaml"] = text.replace(old, new).encode()
    told = [item for item in lint(files) if item.code == "E421"]
    assert [item.file for item in told] == [f"channels/{channel}.yaml"]
