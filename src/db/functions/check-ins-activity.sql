-- Records each check-in in `activity`. `booking_id` is null for a check-in without a booking.
CREATE OR REPLACE FUNCTION check_ins_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id) VALUES ('checked_in', NEW.booking_id, NEW.user_id, NEW.location_id);
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER check_ins_activity AFTER INSERT ON check_ins FOR EACH ROW EXECUTE FUNCTION check_ins_activity();
