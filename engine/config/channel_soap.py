"""The `soap` part of a settle channel: where a HIS vendor asks the same by SOAP."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.config.listener_parts import URL_PATH
from engine.config.problems import Mark
from engine.config.spec import NOWHERE, Field, Found, Record, Spec, Word
from engine.config.types import WORD


@dataclass(frozen=True, slots=True)
class SoapRows:
    """The part as written: the listener and the path of the service; its description is at `path?wsdl`."""

    at: Word
    path: Word
    mark: Mark = field(default=NOWHERE, compare=False, repr=False)

    @staticmethod
    def of(record: Record, found: Found) -> SoapRows:
        return SoapRows(record["at"], record["path"], record.mark)


SOAP = Spec(
    "soap", "以 SOAP 办理", "settling by SOAP",
    (
        Field("at", WORD, "engine.yaml 中的 HTTP 监听", "an HTTP listener of engine.yaml", "api", required=True),
        Field("path", URL_PATH, "服务路径，接口描述在 路径?wsdl", "the service's path; its description is at PATH?wsdl",
              "/soap/insurance", required=True),
    ),
)  # fmt: skip
