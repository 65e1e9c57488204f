"""What a site must say about its municipal platform."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.parties.described import OneMethodSettings


class Settings(OneMethodSettings):
    """The connection to the platform."""

    hospital: str = Field(pattern=r"^[A-Z][0-9A-Z]{11}$")
    """定点医药机构编号，医保中心分配
    · the institution's number, given by the insurance centre"""
    operator: str = Field(min_length=1, max_length=20)
    """操作员编号：签到与每笔交易都带
    · the operator's number, in the sign-in and in every transaction"""
    operator_name: str = Field(min_length=1, max_length=50)
    """操作员姓名，签到时报
    · the operator's name, told at the sign-in"""
    method: str = Field(default="callService", min_length=1, max_length=64)
    code_field: str = Field(default="transCode", max_length=64)
    input_field: str = Field(default="inputXml", max_length=64)
    output_field: str = Field(default="outputXml", max_length=64)
    charset: Literal["GB18030", "GBK", "UTF-8"] = "GB18030"
    """内层文档声明的字符集；GBK 写不出的姓名会被拒绝，绝不写成“?”
    · what the inner document declares; with GBK a name it cannot hold is refused, never sent as ?"""
