-- Takes the tier discount off the price of a new hold. Price, deposit and discount are frozen on the booking: a later
-- change of the tier does not change them.
CREATE OR REPLACE FUNCTION bookings_discount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT p.price_minor, p.deposit_minor, p.discount_minor INTO NEW.price_minor, NEW.deposit_minor, NEW.discount_minor
    FROM loyalty_price(NEW.user_id, NEW.price_minor, NEW.deposit_minor, NEW.currency) p;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER bookings_discount BEFORE INSERT ON bookings FOR EACH ROW
  WHEN (NEW.kind = 'booking' AND NEW.status = 'held' AND NEW.price_minor > 0) EXECUTE FUNCTION bookings_discount();
