"""9001 签到, 9002 签退: a sign_no belongs to one operator and one Beijing day."""

from __future__ import annotations

from simulators.insurance.envelope import Call
from simulators.insurance.fields import Refusal, fields, node
from simulators.insurance.state import Bureau, SignIn

EXPIRED = "操作员未签到或签到已过期,请重新签到"
_SIGN_IN = fields("opter_no C20 Y; mac C20 Y; ip C20 Y")
_SIGN_OUT = fields("sign_no C30 Y; opter_no C20 Y")


def sign_in(bureau: Bureau, call: Call) -> object:
    """9001: the day's sign_no of the operator."""
    asked = node(call.input, "signIn", _SIGN_IN)
    opter, day = asked["opter_no"], bureau.today()
    live = [s for s in bureau.signins.values() if s.opter == opter and s.day == day]
    if live and bureau.settings.second_signin == "replace":
        for old in live:
            del bureau.signins[old.sign_no]
        live = []
    if live:
        made = live[0]
    else:
        # number after number, so that a dead sign_no never comes back to life
        made = SignIn(str(680000 + bureau.number()), opter, day, bureau.world.stamp())
        bureau.signins[made.sign_no] = made
    return {"signinoutb": {"sign_no": made.sign_no, "sign_time": made.sign_time}}


def sign_out(bureau: Bureau, call: Call) -> object:
    """9002: the sign_no is dead from now on."""
    asked = node(call.input, "signOut", _SIGN_OUT)
    found = bureau.signins.get(asked["sign_no"])
    if found is None or found.opter != asked["opter_no"] or found.day != bureau.today():
        raise Refusal("签到编号不存在或已失效", 9002)
    del bureau.signins[found.sign_no]
    return {"signoutoutb": {"sign_time": bureau.world.stamp()}}


def require(bureau: Bureau, call: Call) -> None:
    """Refuse a call without a live sign_no of its own operator."""
    found = bureau.signins.get(call.sign_no)
    if found is None or found.day != bureau.today() or found.opter != call.opter:
        raise Refusal(EXPIRED, 9001)
