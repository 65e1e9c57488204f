-- What a day's comparison with a party left over: one row for each thing that differs.
CREATE TABLE statement_rows (
  party TEXT NOT NULL,
  day TEXT NOT NULL,
  part TEXT NOT NULL,
  number TEXT NOT NULL,
  verdict TEXT NOT NULL,
  settlement_no TEXT,
  msgid TEXT NOT NULL,
  text TEXT NOT NULL,
  at {instant} NOT NULL,
  PRIMARY KEY (party, day, part, number)
){clustered};
