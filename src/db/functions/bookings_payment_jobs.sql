-- Adds the payment jobs that follow from a change of a booking. They are part of the same transaction, so a job
-- exists if and only if the change was committed. A job key makes repeated requests for the same work one job.
--
--   review-payment  A hold ended, or its price or currency changed: open intents must be cancelled at Stripe.
--   charge-balance  A booking was completed and a balance is due.
--
-- The schema graphile_worker belongs to the queue and is migrated in the same run.
CREATE OR REPLACE FUNCTION bookings_payment_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status = 'held' THEN
    PERFORM graphile_worker.add_job('review-payment', json_build_object('paymentId', p.id), job_key := 'review-payment:' || p.id)
    FROM payments p
    WHERE p.booking_id = NEW.id AND p.status IN ('pending', 'processing', 'failed');
  ELSIF NEW.status = 'completed' AND NEW.balance_due_minor > 0 THEN
    PERFORM graphile_worker.add_job('charge-balance', json_build_object('bookingId', NEW.id), job_key := 'charge-balance:' || NEW.id);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER bookings_payment_jobs AFTER UPDATE OF status, price_minor, currency ON bookings FOR EACH ROW
  WHEN (
    OLD.status = 'held' AND NEW.status IN ('expired', 'cancelled')
    OR NEW.status = 'held' AND (OLD.price_minor <> NEW.price_minor OR OLD.currency <> NEW.currency)
    OR NEW.status = 'completed' AND OLD.status <> 'completed'
  )
  EXECUTE FUNCTION bookings_payment_jobs();
