-- Points that were earned are told of, by a job that exists exactly where they do.
CREATE FUNCTION loyalty_entries_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM graphile_worker.add_job('tell-of-points', json_build_object('entryId', NEW.id), job_key := 'tell-of-points:' || NEW.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER loyalty_entries_told AFTER INSERT ON loyalty_entries FOR EACH ROW
  WHEN (NEW.kind IN ('earned', 'reviewed')) EXECUTE FUNCTION loyalty_entries_told();
