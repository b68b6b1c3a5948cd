-- Jobs that follow from what became of a booking, whoever changed it and by whichever statement. They ride in the
-- transaction that makes the change, so they exist exactly where it does. `graphile_worker` is the queue's own schema, which
-- the same migration run brings up to date.
CREATE FUNCTION bookings_payment_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'held' THEN
    -- The hold has ended, or costs something else now: what nobody has paid yet shall not be payable any more.
    PERFORM graphile_worker.add_job('review-payment', json_build_object('paymentId', p.id), job_key := 'review-payment:' || p.id)
    FROM payments p
    WHERE p.booking_id = NEW.id AND p.status IN ('pending', 'processing', 'failed');
  ELSIF NEW.status = 'completed' AND NEW.balance_due_minor > 0 THEN
    PERFORM graphile_worker.add_job('charge-balance', json_build_object('bookingId', NEW.id), job_key := 'charge-balance:' || NEW.id);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_payment_jobs AFTER UPDATE OF status, price_minor, currency ON bookings FOR EACH ROW
  WHEN (
    OLD.status = 'held' AND NEW.status IN ('expired', 'cancelled')
    OR NEW.status = 'held' AND (OLD.price_minor <> NEW.price_minor OR OLD.currency <> NEW.currency)
    OR NEW.status = 'completed' AND OLD.status <> 'completed'
  )
  EXECUTE FUNCTION bookings_payment_jobs();
