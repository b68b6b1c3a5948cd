-- Keeps the counters `attending`, `held` and `waiting` on `events` equal to the number of attendees with that status.
--
-- `held` counts seats that are not paid yet. Because both `attending` and `held` count against the check constraint
-- events_capacity_kept, the database rejects one seat too many, whatever code adds it. The update locks the event's
-- row.
CREATE OR REPLACE FUNCTION event_attendees_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_attending integer := 0;
  v_held integer := 0;
  v_waiting integer := 0;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    v_attending := v_attending - (OLD.status = 'attending')::integer;
    v_held := v_held - (OLD.status = 'held')::integer;
    v_waiting := v_waiting - (OLD.status = 'waiting')::integer;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    v_attending := v_attending + (NEW.status = 'attending')::integer;
    v_held := v_held + (NEW.status = 'held')::integer;
    v_waiting := v_waiting + (NEW.status = 'waiting')::integer;
  END IF;
  IF v_attending <> 0 OR v_held <> 0 OR v_waiting <> 0 THEN
    UPDATE events SET attending = attending + v_attending, held = held + v_held, waiting = waiting + v_waiting
    WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.event_id ELSE NEW.event_id END;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER event_attendees_count AFTER INSERT OR UPDATE OF status OR DELETE ON event_attendees
  FOR EACH ROW EXECUTE FUNCTION event_attendees_count();
