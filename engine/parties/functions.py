"""Functions of an insurance library, called through a SOAP bridge beside it: documented names, in and out parameters.

Interfaces that were only ever handed out as a COM object or a DLL cannot be called from here. The hospital puts a small
service beside the library whose operations are the functions; `schemas/wsdl/NAME.wsdl` describes it, and the connection
names that file. Parameters keep their documented names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.http import HttpReply, HttpRequest
from engine.core.outcome import Outcome
from engine.parties.contract import Answer, OutcomeRow
from engine.parties.described import Described, DescribedSettings

LOST_LINE: Final = tuple(OutcomeRow("-*", Outcome.UNKNOWN, text=text) for text in ("通讯", "网络", "结果未知"))
"""Words of a library that did not reach its centre: no answer, not even to a question."""
Functions = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""Function → (its in parameters, its out parameters)."""


class BridgeSettings(DescribedSettings):
    """What every connection to a bridge says."""

    def describe(self, functions: Functions) -> Bridge:
        """The description, compiled, with every function in it. ValueError names what is missing."""
        described = self.described()
        for name, (given, told) in functions.items():
            try:
                described.takes(name, given, told)
            except (ValueError, KeyError) as no:
                raise ValueError(f"wsdl: {self.main}: {name}({', '.join(given)}) -> {', '.join(told)}: {no}") from None
        return Bridge(described, functions)


@dataclass(frozen=True, slots=True)
class Bridge:
    """A described bridge."""

    described: Described
    functions: Functions

    def request(self, function: str, values: Mapping[str, str], cdata: tuple[str, ...] = ()) -> HttpRequest:
        """The call of a function. ValueError for a value its description does not take."""
        return self.described.request(function, values, cdata)

    def told(self, function: str, reply: HttpReply) -> dict[str, str] | Answer:
        """The out parameters as texts, or the answer that tells why there are none."""
        values = self.described.values(function, reply)
        if isinstance(values, Answer):
            return values
        return {name: str(values.get(name) or "") for name in self.functions[function][1]}
