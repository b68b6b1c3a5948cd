-- Records money that arrives in `activity`, as the increase of a payment's received amount.
CREATE OR REPLACE FUNCTION payments_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_before integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN v_before := OLD.received_minor; END IF;
  IF NEW.received_minor > v_before THEN
    PERFORM record_money('paid', NEW.booking_id, NEW.received_minor - v_before, NEW.currency);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER payments_activity AFTER INSERT OR UPDATE OF received_minor ON payments
  FOR EACH ROW EXECUTE FUNCTION payments_activity();
