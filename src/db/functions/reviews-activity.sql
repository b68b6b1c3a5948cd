-- Records each new review in `activity`, with the location and source of its booking.
CREATE OR REPLACE FUNCTION reviews_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
  SELECT 'reviewed', b.id, NEW.user_id, b.location_id, NEW.space_id, NEW.specialist_id, b.source FROM bookings b WHERE b.id = NEW.booking_id;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER reviews_activity AFTER INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_activity();
