-- Rejects every transition of a booking that is not allowed, whatever code attempts it: SQLSTATE 23514 with the
-- constraint name bookings_move. The services have the same list of transitions; this is the last line of defence.
--
-- Also sets `updated_at` on every UPDATE, and `booked_at` when a hold first becomes `pending` or `confirmed`.
CREATE OR REPLACE FUNCTION bookings_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  IF NEW.status <> OLD.status AND NOT (CASE OLD.status
    WHEN 'held' THEN NEW.status IN ('confirmed', 'pending', 'cancelled', 'expired')
    WHEN 'expired' THEN NEW.status IN ('confirmed', 'pending')
    WHEN 'pending' THEN NEW.status IN ('confirmed', 'declined', 'cancelled')
    WHEN 'confirmed' THEN NEW.status IN ('cancelled', 'completed', 'no_show')
    ELSE false
  END) THEN
    RAISE EXCEPTION 'a booking cannot move from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_move', TABLE = 'bookings';
  END IF;
  IF OLD.booked_at IS NULL AND NEW.status IN ('confirmed', 'pending') THEN NEW.booked_at := clock_timestamp(); END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER bookings_move BEFORE UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_move();
