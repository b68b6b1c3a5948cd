-- Writes what follows from a change of a booking, in the transaction of that change, whichever statement made it: a row of
-- activity, entries in the points ledger, and jobs for payments. One trigger without a WHEN condition, which PostgreSQL would
-- parse in every statement.
--
-- The end of a hold writes no activity: the view `happenings` reads it from the booking's own row.
CREATE OR REPLACE FUNCTION bookings_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.booked_at IS NOT NULL AND NEW.kind <> 'event' AND (
    OLD.status <> NEW.status OR NEW.status IN ('pending', 'confirmed') AND
      (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at OR OLD.space_id IS DISTINCT FROM NEW.space_id)) THEN
    INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
    VALUES (CASE WHEN NEW.status <> OLD.status THEN NEW.status ELSE 'rescheduled' END,
            NEW.id, NEW.user_id, NEW.location_id, NEW.space_id, NEW.specialist_id, NEW.source);
  END IF;

  IF OLD.redeemed_points <> NEW.redeemed_points THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'redeem', -NEW.redeemed_points, 'given_back', 'redeemed');
  END IF;
  -- A completed booking earns by what was paid and not refunded, however late either comes.
  IF NEW.status = 'completed' AND NEW.paid_minor > 0 AND (OLD.redeemed_points <> NEW.redeemed_points
      OR OLD.status <> NEW.status OR OLD.paid_minor <> NEW.paid_minor OR OLD.refunded_minor <> NEW.refunded_minor) THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'earn',
      coalesce((NEW.paid_minor - NEW.refunded_minor) / (loyalty_currency(NEW.currency)).earn_minor, 0), 'earned', 'clawed_back');
  END IF;

  IF OLD.status = 'held' AND NEW.status IN ('expired', 'cancelled')
      OR NEW.status = 'held' AND (OLD.price_minor <> NEW.price_minor OR OLD.currency <> NEW.currency) THEN
    -- The hold ended or has another price: an intent that is not paid yet must not stay payable.
    PERFORM graphile_worker.add_job('review-payment', json_build_object('paymentId', p.id), job_key := 'review-payment:' || p.id)
    FROM payments p WHERE p.booking_id = NEW.id AND p.status IN ('pending', 'processing', 'failed');
  ELSIF NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.balance_due_minor > 0 THEN
    PERFORM graphile_worker.add_job('charge-balance', json_build_object('bookingId', NEW.id), job_key := 'charge-balance:' || NEW.id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER bookings_follow AFTER UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_follow();
