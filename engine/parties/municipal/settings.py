"""What a site must say about its municipal platform."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.parties.described import OneMethodSettings


class Settings(OneMethodSettings):
    """The connection to the platform: `charset` is what the inner document declares."""

    hospital: str = Field(pattern=r"^[A-Z][0-9A-Z]{11}$")
    operator: str = Field(min_length=1, max_length=20)
    operator_name: str = Field(min_length=1, max_length=50)
    method: str = Field(default="callService", min_length=1, max_length=64)
    code_field: str = Field(default="transCode", max_length=64)
    input_field: str = Field(default="inputXml", max_length=64)
    output_field: str = Field(default="outputXml", max_length=64)
    charset: Literal["GB18030", "GBK", "UTF-8"] = "GB18030"
