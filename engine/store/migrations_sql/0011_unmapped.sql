-- Codes that had no row in a code table when a map looked them up, and how often.
CREATE TABLE unmapped (
  code_table TEXT NOT NULL,
  mark TEXT NOT NULL,
  code {blob} NOT NULL,
  place TEXT NOT NULL,
  times BIGINT NOT NULL,
  first_at {instant} NOT NULL,
  last_at {instant} NOT NULL,
  PRIMARY KEY (code_table, mark)
){clustered};
