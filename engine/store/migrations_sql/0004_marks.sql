-- How far the views of other databases have been read.
CREATE TABLE marks (
  source TEXT NOT NULL,
  mark {blob} NOT NULL,
  at {instant} NOT NULL,
  PRIMARY KEY (source)
){clustered};
