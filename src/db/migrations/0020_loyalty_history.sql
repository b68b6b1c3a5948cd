-- What took place, and was reviewed, before there were points earns them as well, as of its day, and nobody is told of it. Without
-- this a refund of such a booking would earn what is left of it.
ALTER TABLE loyalty_entries DISABLE TRIGGER loyalty_entries_told;
--> statement-breakpoint
INSERT INTO loyalty_entries (id, user_id, points, kind, booking_id, source, created_at)
SELECT encode(overlay(uuid_send(time_ordered_id()) PLACING substring(int8send(epoch_ms(w.at)) FROM 3) FROM 1 FOR 6), 'hex')::uuid,
       w.user_id, w.points, w.kind, w.booking_id, format('%s:%s:1', w.sort, w.booking_id), w.at
FROM (
  SELECT 'earn' AS sort, 'earned' AS kind, b.id AS booking_id, b.user_id, b.ends_at AS at,
         (b.paid_minor - b.refunded_minor) / (loyalty_currency(b.currency)).earn_minor AS points
  FROM bookings b WHERE b.status = 'completed' AND b.paid_minor > b.refunded_minor
  UNION ALL
  SELECT 'review', 'reviewed', b.id, r.user_id, r.created_at, 10
  FROM reviews r JOIN bookings b ON b.id = r.booking_id WHERE r.hidden_at IS NULL AND b.price_minor + b.discount_minor > 0) w
JOIN users u ON u.id = w.user_id AND u.deleted_at IS NULL
WHERE w.points > 0 AND NOT EXISTS (
  SELECT FROM loyalty_entries e WHERE e.booking_id = w.booking_id AND e.source LIKE w.sort || ':%');
--> statement-breakpoint
ALTER TABLE loyalty_entries ENABLE TRIGGER loyalty_entries_told;
