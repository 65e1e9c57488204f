-- The first schema. {id}, {blob}, {instant} and {clustered} stand for what each database calls them.
CREATE TABLE bodies (
  id {id} NOT NULL,
  settlement_no TEXT,
  alg TEXT NOT NULL,
  key_id INTEGER NOT NULL,
  nonce {blob} NOT NULL,
  data {blob} NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE calls (
  id {id} NOT NULL,
  settlement_no TEXT,
  leg_id INTEGER NOT NULL,
  purpose TEXT NOT NULL,
  call TEXT NOT NULL,
  party TEXT NOT NULL,
  op TEXT NOT NULL,
  number TEXT NOT NULL,
  param_hash TEXT NOT NULL,
  started_at {instant} NOT NULL,
  ended_at {instant},
  outcome TEXT NOT NULL,
  fact TEXT NOT NULL,
  code TEXT NOT NULL,
  text {blob},
  request_body BIGINT,
  reply_body BIGINT,
  PRIMARY KEY (id)
);
CREATE INDEX calls_number ON calls (number);
CREATE INDEX calls_settlement ON calls (settlement_no, id);
CREATE TABLE counters (
  name TEXT NOT NULL,
  value BIGINT NOT NULL,
  PRIMARY KEY (name)
){clustered};
CREATE TABLE inbox (
  id {id} NOT NULL,
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  verdict TEXT NOT NULL,
  settlement_no TEXT,
  at {instant} NOT NULL,
  body_id BIGINT,
  PRIMARY KEY (id)
);
CREATE UNIQUE INDEX inbox_first ON inbox (source, key) WHERE verdict = 'first';
CREATE INDEX inbox_settlement ON inbox (settlement_no, id);
CREATE TABLE keys (
  key_id INTEGER NOT NULL,
  use TEXT NOT NULL,
  wrapped {blob} NOT NULL,
  created_at {instant} NOT NULL,
  retired_at {instant},
  PRIMARY KEY (key_id)
);
CREATE TABLE nonces (
  client TEXT NOT NULL,
  nonce TEXT NOT NULL,
  at {instant} NOT NULL,
  PRIMARY KEY (client, nonce)
){clustered};
CREATE INDEX nonces_at ON nonces (at);
CREATE TABLE numbers (
  number TEXT NOT NULL,
  kind TEXT NOT NULL,
  settlement_no TEXT NOT NULL,
  leg_id INTEGER NOT NULL,
  PRIMARY KEY (number)
){clustered};
CREATE INDEX numbers_settlement ON numbers (settlement_no);
CREATE TABLE periods (
  channel TEXT NOT NULL,
  period TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at {instant} NOT NULL,
  ended_at {instant},
  text TEXT NOT NULL,
  PRIMARY KEY (channel, period)
){clustered};
CREATE TABLE persons (
  settlement_no TEXT NOT NULL,
  kind TEXT NOT NULL,
  idx TEXT NOT NULL,
  sealed {blob} NOT NULL,
  PRIMARY KEY (settlement_no, kind)
){clustered};
CREATE INDEX persons_idx ON persons (idx);
CREATE TABLE sessions (
  party TEXT NOT NULL,
  name TEXT NOT NULL,
  value {blob} NOT NULL,
  valid_until {instant} NOT NULL,
  PRIMARY KEY (party, name)
){clustered};
CREATE TABLE settlements (
  no TEXT NOT NULL,
  id BIGINT NOT NULL,
  channel TEXT NOT NULL,
  site_hash TEXT NOT NULL,
  client TEXT NOT NULL,
  request_no TEXT NOT NULL,
  state TEXT NOT NULL,
  version BIGINT NOT NULL,
  answer TEXT NOT NULL,
  campus TEXT NOT NULL,
  terminal_kind TEXT NOT NULL,
  terminal_id TEXT NOT NULL,
  operator TEXT NOT NULL,
  patient_index TEXT NOT NULL,
  total BIGINT,
  fund BIGINT,
  account BIGINT,
  relief BIGINT,
  other BIGINT,
  cash BIGINT,
  reason_code TEXT NOT NULL,
  created_at {instant} NOT NULL,
  updated_at {instant} NOT NULL,
  next_at {instant},
  rest_at {instant},
  attempt INTEGER NOT NULL,
  doc {blob} NOT NULL,
  PRIMARY KEY (no)
);
CREATE UNIQUE INDEX settlements_id ON settlements (id);
CREATE INDEX settlements_open ON settlements (next_at) WHERE rest_at IS NULL;
CREATE INDEX settlements_patient ON settlements (patient_index, id);
CREATE UNIQUE INDEX settlements_request ON settlements (client, request_no);
CREATE INDEX settlements_state ON settlements (state, id);
CREATE TABLE site_versions (
  hash TEXT NOT NULL,
  at {instant} NOT NULL,
  files {blob} NOT NULL,
  PRIMARY KEY (hash)
);
CREATE TABLE tasks (
  id {id} NOT NULL,
  settlement_no TEXT,
  leg_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  side TEXT NOT NULL,
  text {blob} NOT NULL,
  opened_at {instant} NOT NULL,
  closed_at {instant},
  closed_by TEXT NOT NULL,
  note {blob},
  PRIMARY KEY (id)
);
CREATE INDEX tasks_open ON tasks (id) WHERE closed_at IS NULL;
CREATE INDEX tasks_settlement ON tasks (settlement_no);
CREATE TABLE trail (
  id {id} NOT NULL,
  settlement_no TEXT NOT NULL,
  at {instant} NOT NULL,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  PRIMARY KEY (id)
);
CREATE INDEX trail_settlement ON trail (settlement_no, id);
CREATE TABLE legs (
  settlement_no TEXT NOT NULL,
  id INTEGER NOT NULL,
  step TEXT NOT NULL,
  call TEXT NOT NULL,
  party TEXT NOT NULL,
  number TEXT NOT NULL,
  undo SMALLINT NOT NULL,
  of_leg INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  batch_no INTEGER NOT NULL,
  state TEXT NOT NULL,
  amount BIGINT,
  created_at {instant} NOT NULL,
  sent_at {instant},
  next_at {instant},
  deadline_at {instant},
  fence_at {instant},
  stopped SMALLINT NOT NULL,
  asks INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  evidence BIGINT NOT NULL,
  because TEXT NOT NULL,
  code TEXT NOT NULL,
  text {blob},
  param_hash TEXT NOT NULL,
  repeats_heard INTEGER NOT NULL,
  PRIMARY KEY (settlement_no, id),
  FOREIGN KEY(settlement_no) REFERENCES settlements (no)
){clustered};
CREATE INDEX legs_open ON legs (settlement_no) WHERE state IN ('ready', 'sent', 'unsure', 'dead', 'fenced');
CREATE TABLE settlement_bills (
  settlement_no TEXT NOT NULL,
  bill TEXT NOT NULL,
  live SMALLINT NOT NULL,
  PRIMARY KEY (settlement_no, bill),
  FOREIGN KEY(settlement_no) REFERENCES settlements (no)
){clustered};
CREATE INDEX settlement_bills_bill ON settlement_bills (bill);
CREATE UNIQUE INDEX settlement_bills_live ON settlement_bills (bill) WHERE live = 1;
