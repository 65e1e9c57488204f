"""`python -m simulators`: any subset of the parties in one process on loopback, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError

from simulators.base.party import SimParty
from simulators.base.scenario import BadScenario, Player, Recorder, names, read
from simulators.base.shared_clock import PORT, SharedClock
from simulators.base.world import BEIJING, SimWorld
from simulators.registry import PARTIES, party_class, present

SCENARIO = "scenario: "  # begins each line about the scenario being played


def _moment(text: str) -> float:
    """`1795305600` or `2026-11-22T08:00:00[+08:00]` (Beijing time when no offset is given)."""
    try:
        return float(text)
    except ValueError:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=BEIJING)).timestamp()


def _ports(text: str) -> dict[str, int]:
    pairs = [piece.partition("=") for piece in text.split(",") if piece]
    names = {*PARTIES, *(f"{name}.mllp" for name in PARTIES)}
    if any(name not in names or not port.isdecimal() or int(port) > 65535 for name, _, port in pairs):
        raise argparse.ArgumentTypeError("write his=8701,his.mllp=8702,insurance=8711 (0: any free port)")
    return {name: int(port) for name, _, port in pairs}


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 100000:
        raise argparse.ArgumentTypeError("a number above 0")
    return rate


def parser() -> argparse.ArgumentParser:
    """The command line, also for tests."""
    line = argparse.ArgumentParser(prog="python -m simulators", description=__doc__)
    line.add_argument("party", nargs="*", help=f"{', '.join(PARTIES)} (default: all); or: keys")
    line.add_argument("--port-base", type=int, help="his at N+1, insurance N+11, wechat N+21, einvoice N+31")
    line.add_argument("--ports", type=_ports, default={}, metavar="NAME=PORT,…", help="port 0: any free one")
    line.add_argument("--state", type=Path, default=Path("var/sim"), help="folder of keys and secrets")
    line.add_argument("--rate", type=_rate, default=1.0, help="business seconds in one real second")
    line.add_argument("--anchor", type=_moment, help="business time at the start (unix seconds or RFC 3339)")
    line.add_argument("--seed", type=int, default=1)
    line.add_argument("--virtual-time", action="store_true", help="a clock that engine run --virtual-time shares")
    line.add_argument("--clock-port", type=int, default=PORT, help=f"of that clock, {PORT}; 0: any free one")
    line.add_argument("--play", default="", metavar="NAME|FILE", help=f"replay a scenario: {names()}, or a file")
    line.add_argument("--record", type=Path, metavar="FILE", help="write what was done as a scenario when it ends")
    line.add_argument("--engine", default="", metavar="URL", help="address of the engine, for callbacks")
    return line


def port_of(party: SimParty, ports: dict[str, int], base: int | None) -> int:
    """--ports wins over --port-base wins over the usual port."""
    if party.name in ports:
        return ports[party.name]
    return party.default_port if base is None else base + party.default_port - 8700


def mllp_port_of(party: SimParty, ports: dict[str, int], base: int | None) -> int:
    """As `port_of` by the name `his.mllp`; any free one where only the party's own port was given."""
    if party.name in ports or f"{party.name}.mllp" in ports:
        return ports.get(f"{party.name}.mllp", 0)
    return party.mllp_port if base is None else base + party.mllp_port - 8700


def main(argv: list[str], reactor: Any) -> int:
    """Exit code: 0 stopped, 2 wrong use, 3 a port is taken or the keys cannot be kept, 130 Ctrl-C."""
    line = parser()
    args = line.parse_args(argv)
    only_keys = args.party[:1] == ["keys"]
    names = args.party[1:] if only_keys else args.party
    if unknown := [name for name in names if name not in PARTIES]:
        line.error(f"no such party: {', '.join(unknown)}; there are {', '.join(PARTIES)}")
    world = SimWorld(
        reactor, seed=args.seed, rate=args.rate, anchor=args.anchor, state_dir=args.state, engine=args.engine
    )
    try:
        parties = [party_class(name)(world) for name in names or present()]
        for party in parties:
            party.card("http://127.0.0.1")  # a card shows every key, so all are made now, not at first use
    except OSError as trouble:
        print(f"keys cannot be kept in {args.state}: {trouble.strerror}", file=sys.stderr)
        return 3
    if only_keys:
        print(f"keys of {', '.join(p.name for p in parties)} are in {args.state}")
        return 0
    places = []
    try:
        for party in parties:
            port = party.listen(port_of(party, args.ports, args.port_base)).getHost().port
            places.append(f"{party.name} listening on http://127.0.0.1:{port}")
        for party in parties:
            if party.mllp is not None:
                party.listen_mllp(mllp_port_of(party, args.ports, args.port_base))
                places.append(f"{party.name} listening on mllp://{party.mllp_address}")
    except CannotListenError as taken:
        print(f"{party.name} cannot listen: {taken}", file=sys.stderr)
        return 3
    if args.virtual_time:
        clock = SharedClock(world, lambda: any(_owes(party) for party in parties))
        try:
            places.append(f"clock on 127.0.0.1:{clock.listen(args.clock_port).getHost().port}")
        except CannotListenError as taken:
            print(f"the clock cannot listen: {taken}", file=sys.stderr)
            return 3
    by_name = {party.name: party for party in parties}
    try:
        player = Player(read(args.play), world, by_name, _told) if args.play else None
    except (BadScenario, OSError) as wrong:
        print(f"{args.play}: {wrong}", file=sys.stderr)
        return 2
    try:
        if args.record:
            Recorder(world, by_name, args.record)
    except OSError as no:
        print(f"{args.record}: {no.strerror}", file=sys.stderr)
        return 2
    places.append(f"pages of all: {world.addresses[parties[0].name]}/sim/all")
    print("\n".join(places), flush=True)
    if player is not None:
        reactor.callWhenRunning(player.start)
    return _run(reactor)


def _told(text: str) -> None:
    print(f"{SCENARIO}{text}", flush=True)


def _owes(party: SimParty) -> bool:
    """Whether somebody waits for an answer of this party, or it for one."""
    return any(row.outcome == "open" for row in islice(reversed(party.exchanges.rows), 50))


def _run(reactor: Any) -> int:
    interrupted: list[int] = []

    def on_interrupt(number: int, frame: object) -> None:
        interrupted.append(number)
        reactor.callFromThread(reactor.stop)

    reactor.callWhenRunning(signal.signal, signal.SIGINT, on_interrupt)
    reactor.run()
    return 130 if interrupted else 0


if __name__ == "__main__":
    from twisted.internet import reactor as _reactor  # noqa: TID251 - the one place that hands it in

    sys.exit(main(sys.argv[1:], _reactor))
