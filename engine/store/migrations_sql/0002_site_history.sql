-- Which version of the configuration was in force when, who made it so, and why.
CREATE TABLE site_history (
  seq {id} NOT NULL,
  version TEXT NOT NULL,
  content TEXT NOT NULL,
  base TEXT NOT NULL,
  kind TEXT NOT NULL,
  by_whom TEXT NOT NULL,
  reason {blob} NOT NULL,
  at {instant} NOT NULL,
  PRIMARY KEY (seq)
);
CREATE INDEX site_history_version ON site_history (version);
