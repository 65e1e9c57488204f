"""WeChat's payment codes by v3, as the example says: three rows and two maps over the shipped site; and a refund that
ends ABNORMAL, which another card receives under the same number, and a person closes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config.problems import failing
from engine.conversation import run
from engine.site.load import lint
from tests.edge.town import CASH, CODE, Town
from tests.rig import lab

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs/examples/wechat_codepay"
CHANNEL = "channels/outpatient_settlement.yaml"
SWITCH = ("    api_v2_key:", "    codepay:              yes\n    api_v2_key:")
PLAYED = ("自费，付款码", "付款码等待输入密码，之后付款成功", "付款码结果一直不明，撤销后回到选择")
NewTown = Callable[..., Town]


def _changed(channel: str) -> str:
    """The shipped channel with the example's rows in the place of its own."""
    (block,) = re.findall(r"```yaml\n(.*?)```", (EXAMPLE / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    for row in block.splitlines():
        name = row.split(":")[0] + ":"
        channel, count = re.subn(rf"^{re.escape(name)}.*$", lambda _, row=row: row, channel, flags=re.MULTILINE)
        assert count == 1, name
    return channel


@pytest.fixture
def codes_by_v3(monkeypatch: pytest.MonkeyPatch, new_town: NewTown) -> Town:
    """A town whose channel is the example's, with a merchant to whom it is open."""
    files = dict(lab._shipped())
    files[CHANNEL] = _changed(files[CHANNEL].decode()).encode()
    for path in (EXAMPLE / "mappings").iterdir():
        files[f"mappings/{path.name}"] = path.read_bytes()
    monkeypatch.setattr(lab, "_shipped", lambda: files)
    town = new_town(edit=(SWITCH,))
    town.lab.act("wechat", "set", codepay=True)
    return town


def _calls(town: Town) -> set[str]:
    return {row.op for row in town.wechat.exchanges.rows}


def test_a_payment_code_and_its_refund(codes_by_v3: Town) -> None:
    town = codes_by_v3
    no = town.quoted(client="C01")
    town.choose(no, CODE, client="C01")
    assert town.rest(no, client="C01")["state"] == "settled"
    assert town.kept() == CASH
    town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"}, client="C01")
    assert town.rest(no, client="C01")["state"] == "undone"
    assert town.kept() == 0
    assert "codepay" in _calls(town)
    assert "micropay" not in _calls(town)


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before_commit", "system_error", "drip"])
def test_whatever_becomes_of_the_call_money_and_service_stand_together(codes_by_v3: Town, fault: str) -> None:
    town = codes_by_v3
    town.lab.fault("wechat", "codepay", fault, seconds=40.0)
    no = town.quoted(client="C01")
    town.choose(no, CODE, client="C01")
    for _ in range(60):
        state = town.show(no, client="C01").state
        if state == "quoted":  # it was not charged: the patient leaves
            town.ask("POST", f"/v1/settlements/{no}/cancel", {"request_no": "X1", "reason_code": "p"}, client="C01")
        if state in ("settled", "undone", "rejected"):
            break
        town.pass_time(5.0)
    assert town.rest(no, client="C01")["state"] in ("settled", "undone", "rejected")
    assert town.kept() == (CASH if town.show(no, client="C01").state == "settled" else 0)
    assert not town.tasks()


def test_a_payer_who_never_confirms_is_reversed_by_v3(codes_by_v3: Town) -> None:
    town = codes_by_v3
    no = town.quoted()
    town.choose(no, {**CODE, "auth_code": "134000000000999003"})
    for _ in range(60):
        if town.show(no).state == "quoted":
            break
        town.pass_time(5.0)
    assert town.show(no).state == "quoted"
    assert "reverse" in _calls(town)
    assert town.kept() == 0


def test_the_example_lints_and_its_conversations_hold(tmp_path: Path) -> None:
    text = (ROOT / "engine.yaml").read_text(encoding="utf-8")
    (tmp_path / "engine.yaml").write_text(text.replace(*SWITCH), encoding="utf-8")
    for name in ("channels", "mappings", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(EXAMPLE / "mappings", tmp_path / "mappings", dirs_exist_ok=True)
    channel = tmp_path / CHANNEL
    channel.write_text(_changed(channel.read_text(encoding="utf-8")), encoding="utf-8")
    test = channel.with_name("outpatient_settlement.test.yaml")
    v2 = "total_fee: $pay.code.body.total_fee"
    written = test.read_text(encoding="utf-8")
    assert v2 in written
    test.write_text(written.replace(v2, "amount: {total: $pay.code.body.amount.total}"), encoding="utf-8")
    assert not failing(lint(tmp_path))
    results = [one for one in run(tmp_path, ["outpatient_settlement"]) if one["name"].partition(": ")[2] in PLAYED]
    assert len(results) == len(PLAYED)
    assert not [f"{one['name']}\n{one['text']}" for one in results if not one["passed"]]


def test_a_refund_that_ends_abnormal_is_finished_by_another_card(town: Town) -> None:
    no = town.quoted(client="C01")
    town.choose(no, CODE, client="C01")
    assert town.rest(no, client="C01")["state"] == "settled"
    town.lab.fault("wechat", "refund", "refund_abnormal")
    town.ask("POST", f"/v1/settlements/{no}/refunds", {"request_no": "B1", "reason_code": "patient"}, client="C01")
    assert town.rest(no, client="C01")["state"] == "manual"
    assert [row["kind"] for row in town.tasks() if row["closed_at"] is None]
    (refund,) = town.wechat.book.refunds.values()
    town.lab.act("wechat", "refund_elsewhere", no=refund.no, way="USER_BANK_CARD")
    town.pass_time(60.0)
    assert refund.status == "SUCCESS"
    assert town.kept() == 0
    body = {"request_no": "OPS1", "by": "甲", "reason": "refunded to another card, told by WeChat"}
    town.ask("POST", f"/v1/settlements/{no}/resolve", body, client="OPS")
    assert town.rest(no, client="C01")["state"] == "undone"
    assert len(town.ledger("wechat", "refund")) == 1
    assert not [row for row in town.tasks() if row["closed_at"] is None]
