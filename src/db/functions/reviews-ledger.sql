-- Gives 10 points for a review of a booking that had a price, and takes them back while the review is hidden. Runs
-- under the row lock of the statement that fires it, as loyalty_bring_to requires.
CREATE OR REPLACE FUNCTION reviews_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM loyalty_bring_to(NEW.user_id, NEW.booking_id, 'review', CASE WHEN NEW.hidden_at IS NULL THEN 10 ELSE 0 END, 'reviewed', 'clawed_back')
  FROM bookings b WHERE b.id = NEW.booking_id AND b.price_minor + b.discount_minor > 0;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER reviews_ledger AFTER INSERT OR UPDATE OF hidden_at ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_ledger();
