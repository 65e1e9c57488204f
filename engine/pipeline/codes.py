"""All codes of the pipeline layer, declared by importing this."""

from engine.pipeline import codes_condition, codes_map, codes_schema, codes_table

__all__ = ["codes_condition", "codes_map", "codes_schema", "codes_table"]
