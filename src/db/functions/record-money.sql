-- Writes an amount that was paid or refunded for a booking to `activity`, with the booking's calendar and source.
--
-- p_amount is in minor units and never negative; p_kind (paid, refunded or refund_failed) gives the direction. p_at
-- defaults to now; only migrations pass it, for payments made before `activity` existed. Called by payments_activity
-- and refunds_activity.
CREATE OR REPLACE FUNCTION record_money(p_kind text, p_booking uuid, p_amount integer, p_currency text, p_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE AS $$
  INSERT INTO activity (kind, at, booking_id, user_id, location_id, space_id, specialist_id, source, amount_minor, currency)
  SELECT p_kind, coalesce(p_at, clock_timestamp()), b.id, b.user_id, b.location_id, b.space_id, b.specialist_id, b.source, p_amount, p_currency
  FROM bookings b WHERE b.id = p_booking;
$$;
