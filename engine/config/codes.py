"""All codes of the configuration layer, declared by importing this."""

from engine.config import (
    codes_change,
    codes_hl7,
    codes_money,
    codes_names,
    codes_shape,
    codes_site,
    codes_wsdl,
    codes_yaml,
)

__all__ = [
    "codes_change", "codes_hl7", "codes_money", "codes_names", "codes_shape", "codes_site", "codes_wsdl", "codes_yaml",
]  # fmt: skip
