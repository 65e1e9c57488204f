"""`python -m simulators.kiosk --engine URL --client K01 --secret-file F settle --patient P0001 --bill B…`

Every answer of the engine is one JSON line. Exit codes: 0 settled (or answered below 400), 1 not,
2 wrong use, 3 no reply, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from simulators.base.world import SimWorld
from simulators.kiosk.client import Kiosk, NoReply
from simulators.kiosk.flow import Step
from simulators.town import everybody


def parser() -> argparse.ArgumentParser:
    """The command line, also for tests."""
    line = argparse.ArgumentParser(prog="python -m simulators.kiosk", description=__doc__)
    line.add_argument("--engine", required=True, metavar="URL")
    line.add_argument("--client", required=True, help="client id, such as K01")
    line.add_argument("--secret-file", required=True, type=Path, help="file with the client's secret")
    line.add_argument("--terminal", default="", help="default: the client id")
    line.add_argument("--rate", type=float, default=1.0, help="business seconds in one real second")
    line.add_argument("--seed", type=int, default=None, help="seed of the nonces; default: the clock")
    does = line.add_subparsers(dest="does", required=True)
    settle = does.add_parser("settle", help="a whole settlement to its rest")
    settle.add_argument("--patient", required=True)
    settle.add_argument("--bill", required=True, action="append")
    settle.add_argument("--identity", choices=("insured", "self_pay"), default="insured")
    settle.add_argument("--credential", default="insurance_card")
    settle.add_argument("--pay", action="append", default=[], metavar="KIND", help="several: one a time asked")
    settle.add_argument("--auth-code", action="append", default=[])
    settle.add_argument("--request-no", default="")
    settle.add_argument("--limit", type=float, default=1800.0, help="business seconds")
    show = does.add_parser("show", help="one settlement")
    show.add_argument("no")
    show.add_argument("--wait", type=float)
    for name in ("cancel", "refund"):
        undo = does.add_parser(name)
        undo.add_argument("no")
        undo.add_argument("--request-no", default="")
        undo.add_argument("--reason", default="patient_left")
        undo.add_argument("--line", action="append", default=[], help="lines of a refund; none: all")
    does.add_parser("bills", help="unpaid bills of a patient").add_argument("patient")
    return line


def patient_of(number: str, credential: str) -> dict[str, Any]:
    """What the reader of the kiosk knows of a person of the town."""
    person = everybody().get(number)
    if person is None:
        return {"id": number, "credential": {"kind": "record_no", "value": number}}
    values = {
        "insurance_card": person.card_no, "insurance_qr": person.psn_no, "id_card": person.id_no,
        "typed_id": person.id_no, "record_no": person.id,
    }
    shown = {"kind": credential, "value": values.get(credential, person.id)}
    if credential == "insurance_card":
        shown["card_sn"] = person.card_sn
    return {"id": number, "credential": shown}


def choices_of(kinds: list[str], codes: list[str]) -> list[dict[str, str]]:
    """The patient's choices in order; payment codes go to the `_code` kinds."""
    left = list(codes)
    made: list[dict[str, str]] = []
    for kind in kinds:
        choice = {"kind": kind}
        if kind.endswith("_code") and left:
            choice["auth_code"] = left.pop(0)
        made.append(choice)
    return made


def _say(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


async def play(kiosk: Kiosk, args: argparse.Namespace) -> int:
    """Do what the command line asks; the exit code."""
    if args.does == "settle":
        def on_step(step: Step) -> None:
            _say({"action": step.action, "status": step.status, "seconds": step.seconds, **step.answer})

        story = await kiosk.run_flow(
            patient_of(args.patient, args.credential), args.bill, args.identity,
            choices_of(args.pay, args.auth_code), request_no=args.request_no, limit=args.limit, on_step=on_step,
        )
        return 0 if story.state == "settled" else 1
    if args.does == "show":
        status, found = await kiosk.show(args.no, args.wait)
    elif args.does == "bills":
        status, found = await kiosk.bills(args.patient)
    else:
        body = {"request_no": args.request_no or kiosk.next_no(), "reason_code": args.reason}
        if args.does == "refund":
            status, found = await kiosk.refund(args.no, {**body, "lines": args.line})
        else:
            status, found = await kiosk.cancel(args.no, body)
    _say({"status": status, **found})
    return 0 if status < 400 else 1


def main(argv: list[str], reactor: Any) -> int:
    """Run one command on this reactor."""
    args = parser().parse_args(argv)
    try:
        secret = args.secret_file.read_text(encoding="utf-8").strip()
    except OSError as trouble:
        sys.stderr.write(f"{args.secret_file}: {trouble.strerror}\n")
        return 3
    seed = args.seed if args.seed is not None else int(reactor.seconds() * 1_000_000)
    world = SimWorld(reactor, seed=seed, rate=args.rate)
    try:
        kiosk = Kiosk(world, args.engine, args.client, secret, args.terminal or args.client)
    except ValueError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    codes: list[int] = []

    def ended(result: int | Failure) -> None:
        if isinstance(result, int):
            codes.append(result)
        else:
            lost = isinstance(result.value, NoReply)
            sys.stderr.write(result.getErrorMessage() + "\n" if lost else str(result.getTraceback()))
            codes.append(3 if lost else 1)
        reactor.stop()

    def interrupted(number: int, frame: object) -> None:
        codes.append(130)
        reactor.callFromThread(reactor.stop)

    def start() -> None:
        signal.signal(signal.SIGINT, interrupted)
        Deferred.fromCoroutine(play(kiosk, args)).addBoth(ended)

    reactor.callWhenRunning(start)
    reactor.run()
    return codes[0] if codes else 130


if __name__ == "__main__":
    from twisted.internet import reactor as _reactor  # noqa: TID251 - the one place that hands it in

    sys.exit(main(sys.argv[1:], _reactor))
