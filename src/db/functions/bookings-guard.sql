-- Guards every row of bookings before it is written. One trigger instead of eight triggers and nine CHECK constraints:
-- PostgreSQL parses the text of each of those in every statement, which cost a hold a third of its time. Each rule still
-- reports a name of its own as the violated constraint.
--
-- On INSERT it freezes the price of a hold with the discount of its owner's tier. On UPDATE it allows only the transitions of
-- a booking's status, requires the specialist's approval if there is to be one, and gives the points of an ended hold back.
CREATE OR REPLACE FUNCTION bookings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_broken text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    NEW.updated_at := clock_timestamp();
    IF NEW.status <> OLD.status THEN
      IF NOT (CASE OLD.status
        WHEN 'held' THEN NEW.status IN ('confirmed', 'pending', 'cancelled', 'expired')
        WHEN 'expired' THEN NEW.status IN ('confirmed', 'pending')
        WHEN 'pending' THEN NEW.status IN ('confirmed', 'declined', 'cancelled')
        WHEN 'confirmed' THEN NEW.status IN ('cancelled', 'completed', 'no_show')
        ELSE false
      END) THEN
        RAISE EXCEPTION 'a booking cannot change from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_move', TABLE = 'bookings';
      END IF;
      IF NEW.status = 'pending' THEN
        NEW.answer_by := least(NEW.starts_at, clock_timestamp() + make_interval(hours => NEW.answer_hours));
      ELSIF NEW.status = 'confirmed' AND NEW.answer_hours IS NOT NULL AND OLD.status IN ('held', 'expired') THEN
        RAISE EXCEPTION 'the specialist has not been asked'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_ask', TABLE = 'bookings';
      ELSIF OLD.status = 'held' AND OLD.redeemed_points > 0 AND NEW.status IN ('cancelled', 'expired') THEN
        NEW.redeemed_points := 0;
        NEW.points_minor := 0;
      END IF;
    END IF;
    IF OLD.booked_at IS NULL AND NEW.status IN ('confirmed', 'pending') THEN NEW.booked_at := clock_timestamp(); END IF;
  ELSIF NEW.price_minor > 0 AND NEW.kind = 'booking' AND NEW.status = 'held' THEN
    -- A user without points has no tier and no discount. Most holds are theirs.
    IF EXISTS (SELECT FROM loyalty_entries e WHERE e.user_id = NEW.user_id) THEN
      SELECT p.price_minor, p.deposit_minor, p.discount_minor INTO NEW.price_minor, NEW.deposit_minor, NEW.discount_minor
        FROM loyalty_price(NEW.user_id, NEW.price_minor, NEW.deposit_minor, NEW.currency) p;
    END IF;
  END IF;

  v_broken := CASE
    WHEN NEW.status NOT IN ('held', 'pending', 'confirmed', 'completed', 'cancelled', 'expired', 'declined', 'no_show')
      THEN 'bookings_status_known'
    WHEN NEW.kind <> CASE WHEN NEW.event_id IS NOT NULL THEN 'event'
                          WHEN num_nonnulls(NEW.space_id, NEW.specialist_id) = 0 THEN 'attendance' ELSE 'booking' END
      THEN 'bookings_kind'
    WHEN CASE WHEN NEW.kind = 'attendance' THEN NEW.status IN ('pending', 'declined')
              ELSE num_nonnulls(NEW.space_id, NEW.specialist_id) = 0 OR NEW.attends_event_id IS NOT NULL END
      THEN 'bookings_claims_something'
    WHEN NEW.source NOT IN ('web', 'rest', 'socket', 'telegram', 'admin', 'system') THEN 'bookings_source_known'
    WHEN (NEW.space_id IS NULL) <> (NEW.unit IS NULL) THEN 'bookings_unit'
    WHEN NEW.starts_at >= NEW.ends_at THEN 'bookings_period'
    WHEN NEW.status = 'held' AND NEW.hold_expires_at IS NULL THEN 'bookings_hold_ends'
    WHEN NEW.price_minor < 0 OR NEW.deposit_minor < 0 OR NEW.refunded_minor NOT BETWEEN 0 AND NEW.paid_minor THEN 'bookings_money'
    WHEN NEW.discount_minor < 0 OR NEW.redeemed_points < 0 OR NEW.points_minor NOT BETWEEN 0 AND NEW.price_minor
         OR (NEW.redeemed_points = 0) <> (NEW.points_minor = 0) THEN 'bookings_points'
  END;
  IF v_broken IS NOT NULL THEN
    RAISE EXCEPTION 'new row for relation "bookings" violates check constraint "%"', v_broken
      USING ERRCODE = 'check_violation', CONSTRAINT = v_broken, TABLE = 'bookings';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER bookings_guard BEFORE INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_guard();
