"""Edit-and-resend as it happens in hospitals: the message is in GBK, the person's editor writes UTF-8."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deliver.test_hands import WHO, post
from tests.deliver.ward import Ward

FORWARD = "  lis: {to: lis, op: forward, wait: 5s}"


def adt(control: str, patient: str, name: str, charset: str = "GBK", event: str = "ADT^A01") -> str:
    return (
        f"MSH|^~\\&|NHIS|MAIN|ENGINE|MAIN|20261122080000||{event}|{control}|P|2.4||||||{charset}\r"
        f"EVN|{event[4:]}|20261122080000\rPID|1||{patient}^^^MAIN||{name}||19900101|M\rPV1|1|I\r"
    )


def refused(folder: Path, charset: str = "GBK") -> Ward:
    """A ward where the first message was refused by the EMR."""
    ward = Ward(folder, more=FORWARD)
    ward.start()
    ward.emr.answer = lambda body: 422
    ward.wait(ward.raw(adt("C1", "P1", "张䲟", charset).encode("gb18030" if charset == "GBK" else "utf-8")))
    ward.advance(5)
    ward.emr.answer = lambda body: 200
    assert ward.rows("SELECT state FROM outbox") == [("dead",)]
    return ward


@pytest.mark.parametrize("charset", ["GBK", "UNICODE UTF-8"])
def test_an_edited_message_arrives_as_it_was_edited_in_its_own_character_set(tmp_path: Path, charset: str) -> None:
    ward = refused(tmp_path, charset)
    text = adt("C1", "P9", "張億東䲟", charset)
    status, said = post(ward, f"/v1/deliver/messages/{ward.number('C1')}/resend", {**WHO, "body": text})
    assert status == 200, said
    ward.advance(5)
    assert [(body["patient"], body["name"]) for body in ward.emr.bodies] == [("P9", "張億東䲟")]
    assert ward.lis[-1] == text.encode("gb18030" if charset == "GBK" else "utf-8")
    ((kept, edited),) = [tuple(key for (key,) in ward.rows("SELECT patient FROM messages ORDER BY id"))]
    assert kept != edited, "and is found by the patient it now speaks of"
    ward.stop()


def test_what_is_edited_stays_the_same_kind_of_message(tmp_path: Path) -> None:
    ward = refused(tmp_path)
    for body in (adt("C1", "P1", "张三", event="DFT^P03"), "not HL7", adt("C1", "P1", "张三", "BIG5")):
        status, said = post(ward, f"/v1/deliver/messages/{ward.number('C1')}/resend", {**WHO, "body": body})
        assert (status, said["reason"]["code"]) == (400, "E-EDIT"), body
    ward.advance(5)
    assert ward.emr.bodies == []
    ward.stop()


def test_the_true_text_is_taken_out_to_be_edited_and_that_is_kept(tmp_path: Path) -> None:
    """What is shown is masked; who would edit that would send a masked patient."""
    ward = refused(tmp_path)
    number = ward.number("C1")
    status, said = post(ward, f"/v1/deliver/messages/{number}/body", WHO)
    assert (status, said) == (200, {"message": str(number), "body": adt("C1", "P1", "张䲟")})
    assert ward.rows("SELECT kind, what, by_whom FROM hands") == [("read", str(number), WHO["by"])]
    assert post(ward, "/v1/deliver/messages/17/body", WHO)[0] == 404
    assert post(ward, f"/v1/deliver/messages/{number}/body", {"by": "值班甲"})[0] == 400
    assert post(ward, f"/v1/deliver/messages/{number}/body", WHO, client="APP")[0] == 403
    ward.stop()
