-- One row for everything that happened to bookings, payments, reviews and check-ins, for analytics.
--
-- `activity` holds what triggers record. The kinds `held`, `released` and `expired` are derived from `bookings`:
-- holds are the most frequent change, and recording them would add a row and an index entry to each. Room claims of
-- events are left out. Holds that retention has deleted are missing: their totals are in `funnel_days`.
CREATE OR REPLACE VIEW happenings AS
  SELECT 'held' AS kind, created_at AS at, id AS booking_id, user_id, location_id, space_id, specialist_id, source,
    NULL::integer AS amount_minor, NULL::text AS currency
  FROM bookings WHERE kind <> 'event'
  UNION ALL
  SELECT CASE status WHEN 'expired' THEN 'expired' ELSE 'released' END, CASE status WHEN 'expired' THEN hold_expires_at ELSE updated_at END,
    id, user_id, location_id, space_id, specialist_id, source, NULL, NULL
  FROM bookings WHERE kind <> 'event' AND booked_at IS NULL AND status IN ('expired', 'cancelled')
  UNION ALL
  SELECT kind, at, booking_id, user_id, location_id, space_id, specialist_id, source, amount_minor, currency FROM activity;
