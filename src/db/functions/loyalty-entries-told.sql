-- Adds the job that notifies a user of points earned. It is part of the transaction that writes the ledger entry, so
-- the job exists if and only if the entry does.
CREATE OR REPLACE FUNCTION loyalty_entries_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graphile_worker.add_job('tell-of-points', json_build_object('entryId', NEW.id), job_key := 'tell-of-points:' || NEW.id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER loyalty_entries_told AFTER INSERT ON loyalty_entries FOR EACH ROW
  WHEN (NEW.kind IN ('earned', 'reviewed')) EXECUTE FUNCTION loyalty_entries_told();
