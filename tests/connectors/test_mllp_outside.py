"""A client nobody here wrote (python-hl7) talks to the HL7 door."""

from __future__ import annotations

import socket
from typing import Any

import hl7
import hl7.client
import pytest
import pytest_twisted

from tests.connectors.test_mllp_sockets import Server, blocking, message


@pytest.mark.parametrize("way", ["bytes", "text"])
@pytest_twisted.ensureDeferred
async def test_python_hl7_sends_and_reads_its_acknowledgements(way: str) -> None:
    server = Server()
    port = await server.listener.start()

    def talk(line: socket.socket) -> list[tuple[str, str]]:
        found = []
        with hl7.client.MLLPClient("127.0.0.1", port, encoding="gbk") as client:
            for number in range(50):
                sent: Any = message(f"M{number}", "測試甲瑋")
                reply: bytes = client.send_message(sent if way == "bytes" else hl7.parse(sent.decode("gbk")))
                assert reply[:1] + reply[-2:] == b"\x0b\x1c\r"
                read = hl7.parse(reply[1:-2].decode("gbk"))
                found.append((str(read["MSA.F1"]), str(read["MSA.F2"])))
        return found

    assert await blocking(port, talk) == [("AA", f"M{number}") for number in range(50)]
    assert len({(peer.ip, peer.port) for peer in server.peers}) == 1  # one connection carried them all
    assert server.listener.noise == {}
    await server.listener.drain(5)
