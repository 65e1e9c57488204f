"""Delivery reports (状态报告): what became of a short message, believed only with the key, each once."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from engine.cli.listing_messages import message_story
from engine.cli.showing import story
from engine.store.lists_messages import Asked, list_messages
from tests.edge.town import Reply, Town
from tests.sms.hospital import settled, sms


def report(no: str, **more: Any) -> dict[str, Any]:
    """One row of a push, as the provider's document shows it."""
    return {
        "phone_number": "13900000001", "send_time": "2026-11-22 10:00:00", "report_time": "2026-11-22 10:00:05",
        "success": True, "err_code": "DELIVERED", "err_msg": "用户接收成功", "sms_size": "1", "biz_id": "1^0",
        "out_id": no, **more,
    }  # fmt: skip


def push(town: Town, body: Any, *, key: str | None = None) -> Reply:
    """A push as bytes, under the provider's key unless told otherwise."""
    word = sms(town).report_key if key is None else key
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    tail = f"?key={quote(word)}" if word else ""
    headers = [("Content-Type", "application/json;charset=UTF-8")]
    return town.begin("POST", f"/callback/sms{tail}", data, headers=headers).reply()


def told_once(town: Town) -> tuple[str, str]:
    """A settlement whose message has gone out and was not reported yet: its number, the message's."""
    town.lab.fault("sms", "SmsReport", "callback_never", times=100)
    no = settled(town)
    town.pass_time(60.0)
    (row,) = town.ledger("sms", "message")
    return no, str(row["no"])


def shown(town: Town, message: str) -> dict[str, Any]:
    """The message as `engine show` tells it."""
    tree = town.read(lambda conn: message_story(conn, message))
    assert isinstance(tree, dict)
    return tree


def test_the_provider_reports_by_itself_and_the_message_says_so(hospital: Town) -> None:
    sms(hospital).act({"act": "set", "report_url": engine_of(hospital)})
    no = settled(hospital)
    hospital.pass_time(60.0)
    (row,) = hospital.ledger("sms", "message")
    tree = shown(hospital, row["no"])
    assert (tree["state"], tree["reported"]) == ("done", "delivered")
    lived = [(one["outcome"], one["code"]) for one in tree["attempts"]]
    assert lived == [("accepted", "OK"), ("delivered", "DELIVERED")]
    assert sms(hospital).courier.delivered == 1
    lines = hospital.read(lambda conn: story(conn, no))["timeline"]
    said = [(one["heard"], one.get("channel"), one.get("message")) for one in lines if one.get("heard") in SAID]
    assert said == [("Told", "sms_settled", row["no"]), ("Reported", "sms_settled", row["no"])]
    assert sms(hospital).report_key not in hospital.lab.log.getvalue()


SAID = ("Told", "Reported")


def engine_of(town: Town) -> str:
    return f"http://{town.lab.engine_host}:{town.lab.engine_port}/callback/sms"


def test_one_that_did_not_arrive_is_listed(hospital: Town) -> None:
    _, message = told_once(hospital)
    bad = report(message, success=False, err_code="MOBILE_NOT_ON_SERVICE", err_msg="停机")
    reply = push(hospital, [bad])
    assert (reply.status, reply.json["code"]) == (200, 0)
    tree = shown(hospital, message)
    assert (tree["state"], tree["reported"], tree["due"]) == ("undelivered", "undelivered", [])
    listed = hospital.read(lambda conn: list_messages(conn, Asked(state="undelivered")))
    assert [str(row["id"]) for row in listed] == [message]
    assert "13900000001" not in hospital.lab.log.getvalue()
    push(hospital, [report(message)])  # the operator says at last that it arrived
    assert (shown(hospital, message)["state"], shown(hospital, message)["reported"]) == ("done", "delivered")


def test_the_same_report_again_changes_nothing(hospital: Town) -> None:
    no, message = told_once(hospital)
    for _ in range(3):
        assert push(hospital, [report(message), report(message)]).json["code"] == 0
    assert [one["outcome"] for one in shown(hospital, message)["attempts"]] == ["accepted", "delivered"]
    lines = hospital.read(lambda conn: story(conn, no))["timeline"]
    assert len([one for one in lines if one.get("heard") == "Reported"]) == 1
    hospital.kill()
    hospital.rise()
    push(hospital, [report(message)])
    assert len(shown(hospital, message)["attempts"]) == 2


def test_a_push_without_the_key_is_refused_and_changes_nothing(hospital: Town) -> None:
    _, message = told_once(hospital)
    key = sms(hospital).report_key
    for wrong in ("", "x", key[:-1], key + "x", f"{key}&key={key}"):
        tail = f"?key={wrong}" if "&" in wrong else None
        if tail is None:
            reply = push(hospital, [report(message, success=False)], key=wrong)
        else:
            data = json.dumps([report(message)]).encode()
            reply = hospital.begin("POST", f"/callback/sms{tail}", data, headers=[]).reply()
        assert reply.status == 401, wrong
    assert shown(hospital, message)["reported"] == ""


@pytest.mark.parametrize("number", [
    "4000000000000001", "", "0", "abc", "999999999999999999999999", "-1", "S20260101", "１２３", None, 7, ["1"],
])  # fmt: skip
def test_a_number_that_is_none_of_ours_marks_nothing(hospital: Town, number: Any) -> None:
    _, message = told_once(hospital)
    reply = push(hospital, [report(number), report(message)])
    assert (reply.status, reply.json["code"]) == (200, 0)
    assert shown(hospital, message)["reported"] == "delivered", "what stands beside it counts"
    assert not hospital.tasks()


@pytest.mark.parametrize("body", [
    b"", b"{", b"null", b'{"out_id": "1"}', b"[1]", b'["x"]', b"\xff\xfe", b'[{"out_id": "1", "out_id": "2"}]',
])  # fmt: skip
def test_what_is_no_list_of_reports_is_malformed(hospital: Town, body: bytes) -> None:
    _, message = told_once(hospital)
    assert push(hospital, body).status == 400
    assert shown(hospital, message)["reported"] == ""


@pytest.mark.parametrize("more", [
    {"success": "true"}, {"success": None}, {"success": 1}, {"err_code": ["13900000001"]}, {"err_code": "13900000001"},
])  # fmt: skip
def test_a_report_that_says_neither_is_not_guessed(hospital: Town, more: dict[str, Any]) -> None:
    _, message = told_once(hospital)
    assert push(hospital, [report(message, **more)]).json["code"] == 0
    tree = shown(hospital, message)
    assert tree["state"] == "done"
    if "success" in more:
        assert tree["reported"] == ""
    assert "13900000001" not in json.dumps(tree) + hospital.lab.log.getvalue()


def test_a_report_before_our_own_answer_is_kept_and_nothing_is_sent_twice(hospital: Town) -> None:
    """The provider sent it, its answer was lost, its report came: the message is asked about and found."""
    hospital.lab.fault("sms", "SendSms", "timeout_after_commit", seconds=40.0)
    hospital.lab.fault("sms", "SmsReport", "callback_never", times=100)
    settled(hospital)
    hospital.pass_time(2.0)
    (row,) = hospital.ledger("sms", "message")
    push(hospital, [report(row["no"], success=False, err_code="MOBILE_NOT_ON_SERVICE")])
    hospital.pass_time(3600.0)
    tree = shown(hospital, row["no"])
    assert (tree["state"], tree["reported"], tree["due"]) == ("undelivered", "undelivered", [])
    assert len(hospital.ledger("sms", "message")) == 1


@pytest.mark.parametrize(("fault", "reported"), [
    ("callback_never", ""), ("callback_late", "delivered"), ("callback_twice", "delivered"),
    ("bad_signature", "delivered"), ("strange_number", ""), ("callback_more_fields", "delivered"),
])  # fmt: skip
def test_every_misfortune_of_a_report(hospital: Town, fault: str, reported: str) -> None:
    sms(hospital).act({"act": "set", "report_url": engine_of(hospital)})
    hospital.lab.fault("sms", "SmsReport", fault, seconds=30.0)
    settled(hospital)
    hospital.pass_time(600.0)
    (row,) = hospital.ledger("sms", "message")
    tree = shown(hospital, row["no"])
    assert tree["reported"] == reported, "a wrong key is pushed again with the right one"
    assert len(tree["attempts"]) == (2 if reported else 1)
