-- Keeps the points ledger in step with a booking, however late a payment or a refund arrives.
--
--   redeem  The entries for redeemed points sum to -redeemed_points.
--   earn    A completed booking has earned points for the money that was paid and not refunded.
--
-- Runs under the row lock of the UPDATE that fires it, as loyalty_bring_to requires.
CREATE OR REPLACE FUNCTION bookings_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.redeemed_points <> OLD.redeemed_points THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'redeem', -NEW.redeemed_points, 'given_back', 'redeemed');
  END IF;
  IF NEW.status = 'completed' AND NEW.paid_minor > 0 THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'earn',
      coalesce((NEW.paid_minor - NEW.refunded_minor) / (loyalty_currency(NEW.currency)).earn_minor, 0), 'earned', 'clawed_back');
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER bookings_ledger AFTER UPDATE ON bookings FOR EACH ROW
  WHEN (OLD.redeemed_points <> NEW.redeemed_points
    OR NEW.status = 'completed' AND (OLD.status, OLD.paid_minor, OLD.refunded_minor) <> (NEW.status, NEW.paid_minor, NEW.refunded_minor))
  EXECUTE FUNCTION bookings_ledger();
