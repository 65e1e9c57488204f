"""Sites that send messages on: to every kind of receiver beside the usual parties, and to a HIS about settlements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from simulators.base.party import SimParty
from simulators.registry import party_class
from tests.rig.lab import PARTIES, Lab

CONNECTIONS = """
  report: {kind: subscriber, url: http://127.0.0.1:8741, path: /report/events, window: 4, answer_code: code}
  queue:  {kind: subscriber, url: http://127.0.0.1:8741, path: /queue/events, window: 4, answer_code: code}
  ris:    {kind: mllp, url: mllp://127.0.0.1:8742, window: 1, receiver: RIS, charset: GB18030}
"""
ROWS = """  reports:  {to: report, op: post, send: event_json, when: report, wait: 10s}
  queue:    {to: queue, op: post, send: event_json, when: "message.kind == 'SIU^S12'", wait: 10s}
  ris:      {to: ris, op: "ADT^A08", send: event_a08, when: "message.kind == 'ADT^A08'", wait: 10s}
"""
A08 = """map: event_a08
make:
  - [EVN_2,   hl7.MSH_7]
  - [PID_3_1, hl7.PID_3_1]
  - [PID_5_1, hl7.PID_5_1]
  - [PV1_2,   hl7.PV1_2]
  - [PV1_19_1, hl7.PV1_19]
"""
# Which kinds of message each is sent.
WANTS: Mapping[str, tuple[str, ...]] = {
    "emr": (), "platform": (), "lis": ("ADT^A04", "ADT^A08", "SIU^S12"), "report": ("ORU^R01",), "queue": ("SIU^S12",),
    "ris": ("ADT^A08",),
}  # fmt: skip


class NoticeLab(Lab):
    """The laboratory of a HIS that is told of every settlement by DFT^P03."""

    def files(self) -> Mapping[str, bytes]:
        found = dict(super().files())
        assert b'dft:         "no"' in found["engine.yaml"]
        found["engine.yaml"] = found["engine.yaml"].replace(b'dft:         "no"', b'dft:         "yes"')
        return found


class ReceiversLab(Lab):
    """The laboratory with the subscribers beside the usual parties."""

    doors: ClassVar[Mapping[str, int]] = {**PARTIES, "subscribers": 8741}

    def start_party(self, name: str) -> SimParty:
        party = self.parties[name] = self.parties.get(name) or party_class(name)(self.sim_world)
        if name == "subscribers":
            self.ports["subscribers_hl7"] = party.listen_mllp(0)
            there = self.ports["subscribers_hl7"].getHost()
            self._edit = (*self._edit, ("127.0.0.1:8742", f"{there.host}:{there.port}"))
        return super().start_party(name)

    def files(self) -> Mapping[str, bytes]:
        found = dict(super().files())
        found["engine.yaml"] = found["engine.yaml"].replace(b"\nlimits:", CONNECTIONS.encode() + b"\nlimits:", 1)
        channel = found["channels/his_events.yaml"].decode()
        assert "\nretry:" in channel
        found["channels/his_events.yaml"] = channel.replace("\nretry:", f"{ROWS}\nretry:", 1).encode()
        return {**found, "mappings/event_a08.map.yaml": A08.encode()}
