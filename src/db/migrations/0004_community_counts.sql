-- How many attend an event and how many wait, counted where nobody can forget it: together with `events_capacity_kept` the
-- database itself refuses one attendee too many, whoever adds him and however.
CREATE FUNCTION event_attendees_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_attending integer := 0;
  v_waiting integer := 0;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    v_attending := v_attending - (OLD.status = 'attending')::integer;
    v_waiting := v_waiting - (OLD.status = 'waiting')::integer;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    v_attending := v_attending + (NEW.status = 'attending')::integer;
    v_waiting := v_waiting + (NEW.status = 'waiting')::integer;
  END IF;
  IF v_attending <> 0 OR v_waiting <> 0 THEN
    UPDATE events SET attending = attending + v_attending, waiting = waiting + v_waiting
    WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.event_id ELSE NEW.event_id END;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER event_attendees_count AFTER INSERT OR UPDATE OF status OR DELETE ON event_attendees
  FOR EACH ROW EXECUTE FUNCTION event_attendees_count();
--> statement-breakpoint
-- These counts and the versions of locations change often: room on their pages keeps those changes out of the indexes.
ALTER TABLE events SET (fillfactor = 70);
--> statement-breakpoint
ALTER TABLE locations SET (fillfactor = 50);
