-- Guards the settings of a space before they are written. Fires only for statements that name one of these columns, so that
-- raising a version, which every hold does, pays for no rule. Each rule reports a name of its own as the violated constraint.
CREATE OR REPLACE FUNCTION spaces_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_broken text := CASE
    WHEN NEW.kind NOT IN ('desk', 'meeting_room', 'private_office', 'event_hall', 'phone_booth') THEN 'spaces_kind_known'
    WHEN NEW.units NOT BETWEEN 1 AND 1000 THEN 'spaces_units'
    WHEN NEW.slot_minutes NOT BETWEEN 5 AND 1440 THEN 'spaces_slot_minutes'
    WHEN NEW.buffer_minutes NOT BETWEEN 0 AND 1440 THEN 'spaces_buffer_minutes'
    WHEN NEW.arrival_grace_minutes NOT BETWEEN 0 AND 1440 THEN 'spaces_arrival_grace'
    WHEN NEW.price_minor < 0 THEN 'spaces_price'
  END;
BEGIN
  IF v_broken IS NOT NULL THEN
    RAISE EXCEPTION 'new row for relation "spaces" violates check constraint "%"', v_broken
      USING ERRCODE = 'check_violation', CONSTRAINT = v_broken, TABLE = 'spaces';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER spaces_guard
  BEFORE INSERT OR UPDATE OF kind, units, slot_minutes, buffer_minutes, arrival_grace_minutes, price_minor ON spaces
  FOR EACH ROW EXECUTE FUNCTION spaces_guard();
