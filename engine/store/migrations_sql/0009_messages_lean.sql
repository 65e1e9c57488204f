-- A message writes fewer pages: its patient and its visit are found by one index, and the one of attempts no longer
-- holds their numbers twice.
DROP INDEX messages_patient;
DROP INDEX messages_visit;
DROP INDEX attempts_message;
CREATE INDEX messages_person ON messages (chunk, patient, visit) WHERE patient <> 0 OR visit <> 0;
CREATE INDEX attempts_message ON attempts (message_id);
