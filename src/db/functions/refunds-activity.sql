-- Records refunds in `activity`. A refund counts from its request, as in the booking's totals; if it fails,
-- `refund_failed` takes the amount back.
CREATE OR REPLACE FUNCTION refunds_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_counted boolean := false;
BEGIN
  IF TG_OP = 'UPDATE' THEN v_counted := OLD.status <> 'failed'; END IF;
  IF v_counted <> (NEW.status <> 'failed') THEN
    PERFORM record_money(CASE WHEN v_counted THEN 'refund_failed' ELSE 'refunded' END, p.booking_id, NEW.amount_minor, p.currency)
    FROM payments p WHERE p.id = NEW.payment_id;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER refunds_activity AFTER INSERT OR UPDATE OF status ON refunds
  FOR EACH ROW EXECUTE FUNCTION refunds_activity();
