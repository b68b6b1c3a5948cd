-- Enforces the specialist's approval, whatever code changes the booking.
--
-- Rejects the transition of a hold, also of an expired one, to `confirmed` if the service needs approval
-- (`answer_hours` is set): SQLSTATE 23514 with the constraint name bookings_ask. On the transition to `pending`, sets
-- the deadline `answer_by`: `answer_hours` from now, but at the latest the start of the booking.
CREATE OR REPLACE FUNCTION bookings_ask() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'confirmed' AND NEW.answer_hours IS NOT NULL AND OLD.status IN ('held', 'expired') THEN
    RAISE EXCEPTION 'the specialist has not been asked' USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_ask', TABLE = 'bookings';
  END IF;
  IF NEW.status = 'pending' THEN
    NEW.answer_by := least(NEW.starts_at, clock_timestamp() + make_interval(hours => NEW.answer_hours));
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER bookings_ask BEFORE UPDATE OF status ON bookings FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.status IN ('pending', 'confirmed')) EXECUTE FUNCTION bookings_ask();
