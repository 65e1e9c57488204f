"""The settlement's own conversations can say which deliver channels heard of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.conversation import run
from tests.sms.hospital import files

CONVERSATIONS = """
  - name: settled and refunded
    steps:
      - kiosk says: {settle: {}}
      - expect: {state: quoted, told: []}
      - kiosk says: {pay: {kind: wechat_code, auth_code: "134000000000000001"}}
      - expect: {state: settled, told: [sms_settled]}
      - kiosk says: {refund: {}}
      - wait: 60s
      - expect: {state: undone, told: [sms_settled, sms_back]}

  - name: given up before paying
    steps:
      - kiosk says: {settle: {}}
      - kiosk says: {cancel: {}}
      - wait: 60s
      - expect: {state: undone, told: []}
"""
WRONG = """
  - name: settled
    steps:
      - kiosk says: {settle: {}}
      - expect: {told: [sms_back]}
"""


@pytest.mark.parametrize(("more", "passed"), [(CONVERSATIONS, [True, True]), (WRONG, [False])])
def test_who_heard_of_it(tmp_path: Path, more: str, passed: list[bool]) -> None:
    for name, content in files().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    talks = tmp_path / "channels/outpatient_settlement.test.yaml"
    head, begin, _ = talks.read_text().partition("\nconversations:\n")
    with_phone = head.replace("      idNo: ", '      phone: "13900000001"\n      idNo: ', 1)
    assert with_phone != head
    talks.write_text(with_phone + begin + more)
    results = run(tmp_path, ["outpatient_settlement"])
    assert [one["passed"] for one in results] == passed, [f"{one['name']}\n{one['text']}" for one in results]
    if not passed[0]:
        assert "told" in results[0]["text"]
