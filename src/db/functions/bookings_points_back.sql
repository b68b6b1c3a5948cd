-- Returns the redeemed points of a hold that is released or expires. The ledger entries follow from this change, by
-- the trigger bookings_ledger.
CREATE OR REPLACE FUNCTION bookings_points_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.redeemed_points := 0;
  NEW.points_minor := 0;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER bookings_points_back BEFORE UPDATE OF status ON bookings FOR EACH ROW
  WHEN (OLD.status = 'held' AND NEW.status IN ('cancelled', 'expired') AND OLD.redeemed_points > 0)
  EXECUTE FUNCTION bookings_points_back();
