"""What turns one party's words into another's: conditions, field maps, code tables, schemas. Pure, compiled at load."""
