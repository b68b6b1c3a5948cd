-- Records transitions and reschedules of bookings and event seats in `activity`, in the transaction that makes them.
--
-- `kind` is the new status, or `rescheduled` if only the time or the space changed. The condition is part of the
-- trigger, so holds that end without becoming a booking, by far the most frequent changes, never call the function;
-- the view `happenings` derives them from `bookings`. Room claims of events (kind `event`) are not recorded.
CREATE OR REPLACE FUNCTION bookings_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
  VALUES (CASE WHEN NEW.status <> OLD.status THEN NEW.status ELSE 'rescheduled' END,
          NEW.id, NEW.user_id, NEW.location_id, NEW.space_id, NEW.specialist_id, NEW.source);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER bookings_activity AFTER UPDATE OF status, starts_at, ends_at, space_id ON bookings FOR EACH ROW
  WHEN (NEW.booked_at IS NOT NULL AND NEW.kind <> 'event' AND (
    OLD.status <> NEW.status OR NEW.status IN ('pending', 'confirmed') AND
      (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at OR OLD.space_id IS DISTINCT FROM NEW.space_id)))
  EXECUTE FUNCTION bookings_activity();
