-- What happened, written down where it happens. A hold, its release and its expiry are read off the booking's own row instead: a
-- hold is the hottest change there is, and a row of its own for it, with its index, would be written for nothing new.
ALTER TABLE bookings DISABLE TRIGGER USER;
--> statement-breakpoint
UPDATE bookings SET booked_at = updated_at
WHERE status IN ('pending', 'confirmed', 'completed', 'no_show', 'declined') OR status = 'cancelled' AND paid_minor > 0;
--> statement-breakpoint
ALTER TABLE bookings ENABLE TRIGGER USER;
--> statement-breakpoint
-- As before, and it remembers when the hold became a booking.
CREATE OR REPLACE FUNCTION bookings_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.updated_at := clock_timestamp();
  IF NEW.status <> OLD.status AND NOT (CASE OLD.status
    WHEN 'held' THEN NEW.status IN ('confirmed', 'pending', 'cancelled', 'expired')
    WHEN 'expired' THEN NEW.status IN ('confirmed', 'pending')
    WHEN 'pending' THEN NEW.status IN ('confirmed', 'declined', 'cancelled')
    WHEN 'confirmed' THEN NEW.status IN ('cancelled', 'completed', 'no_show')
    ELSE false
  END) THEN
    RAISE EXCEPTION 'a booking cannot move from % to %', OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_move', TABLE = 'bookings';
  END IF;
  IF OLD.booked_at IS NULL AND NEW.status IN ('confirmed', 'pending') THEN NEW.booked_at := clock_timestamp(); END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE FUNCTION bookings_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
  VALUES (CASE WHEN NEW.status <> OLD.status THEN NEW.status ELSE 'rescheduled' END,
          NEW.id, NEW.user_id, NEW.location_id, NEW.space_id, NEW.specialist_id, NEW.source);
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Not for what ends as a hold: that never calls the function.
CREATE TRIGGER bookings_activity AFTER UPDATE OF status, starts_at, ends_at, space_id ON bookings FOR EACH ROW
  WHEN (NEW.booked_at IS NOT NULL AND NEW.kind = 'booking' AND (
    OLD.status <> NEW.status OR NEW.status IN ('pending', 'confirmed') AND
      (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at OR OLD.space_id IS DISTINCT FROM NEW.space_id)))
  EXECUTE FUNCTION bookings_activity();
--> statement-breakpoint
-- Money that moved for a booking. `p_at` is only given for what moved before this was written down.
CREATE FUNCTION record_money(p_kind text, p_booking uuid, p_amount integer, p_currency text, p_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE sql VOLATILE AS $$
  INSERT INTO activity (kind, at, booking_id, user_id, location_id, space_id, specialist_id, source, amount_minor, currency)
  SELECT p_kind, coalesce(p_at, clock_timestamp()), b.id, b.user_id, b.location_id, b.space_id, b.specialist_id, b.source, p_amount, p_currency
  FROM bookings b WHERE b.id = p_booking;
$$;
--> statement-breakpoint
CREATE FUNCTION payments_activity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_before integer := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN v_before := OLD.received_minor; END IF;
  IF NEW.received_minor > v_before THEN
    PERFORM record_money('paid', NEW.booking_id, NEW.received_minor - v_before, NEW.currency);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER payments_activity AFTER INSERT OR UPDATE OF received_minor ON payments
  FOR EACH ROW EXECUTE FUNCTION payments_activity();
--> statement-breakpoint
-- A refund counts from when it is requested, as on the booking, until it fails.
CREATE FUNCTION refunds_activity() RETURNS trigger LANGUAGE plpgsql AS $$
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
--> statement-breakpoint
CREATE TRIGGER refunds_activity AFTER INSERT OR UPDATE OF status ON refunds
  FOR EACH ROW EXECUTE FUNCTION refunds_activity();
--> statement-breakpoint
CREATE FUNCTION reviews_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
  SELECT 'reviewed', b.id, NEW.user_id, b.location_id, NEW.space_id, NEW.specialist_id, b.source FROM bookings b WHERE b.id = NEW.booking_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER reviews_activity AFTER INSERT ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_activity();
--> statement-breakpoint
CREATE FUNCTION check_ins_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO activity (kind, booking_id, user_id, location_id) VALUES ('checked_in', NEW.booking_id, NEW.user_id, NEW.location_id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER check_ins_activity AFTER INSERT ON check_ins FOR EACH ROW EXECUTE FUNCTION check_ins_activity();
--> statement-breakpoint
SELECT record_money('paid', booking_id, received_minor, currency, updated_at) FROM payments WHERE received_minor > 0;
--> statement-breakpoint
SELECT record_money('refunded', p.booking_id, r.amount_minor, p.currency, r.created_at)
FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.status <> 'failed';
--> statement-breakpoint
CREATE VIEW happenings AS
  SELECT 'held' AS kind, created_at AS at, id AS booking_id, user_id, location_id, space_id, specialist_id, source,
    NULL::integer AS amount_minor, NULL::text AS currency
  FROM bookings WHERE kind = 'booking'
  UNION ALL
  SELECT CASE status WHEN 'expired' THEN 'expired' ELSE 'released' END, CASE status WHEN 'expired' THEN hold_expires_at ELSE updated_at END,
    id, user_id, location_id, space_id, specialist_id, source, NULL, NULL
  FROM bookings WHERE kind = 'booking' AND booked_at IS NULL AND status IN ('expired', 'cancelled')
  UNION ALL
  SELECT kind, at, booking_id, user_id, location_id, space_id, specialist_id, source, amount_minor, currency FROM activity;
--> statement-breakpoint
-- As before, and the booking knows through which door it was made.
DROP FUNCTION claim(uuid, uuid, uuid[], integer[], uuid, timestamptz, timestamptz, jsonb, integer, integer, text, boolean);
--> statement-breakpoint
CREATE FUNCTION claim(
  p_booking uuid, p_user uuid, p_spaces uuid[], p_prices integer[], p_service uuid, p_starts timestamptz, p_ends timestamptz, p_rules jsonb,
  p_hold_seconds integer, p_max_holds integer, p_notes text, p_again boolean,
  p_source text DEFAULT 'system', OUT outcome text, OUT booking jsonb, OUT expired jsonb, OUT changes json
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_service services;
  v_specialist specialists;
  v_spaces uuid[];
  v_specialists uuid[];
  v_widest tstzrange;
  v_place record;
  v_stale uuid[];
  v_locked boolean;
  v_now timestamptz;
BEGIN
  IF p_service IS NOT NULL THEN
    SELECT * INTO v_service FROM services WHERE id = p_service AND removed_at IS NULL;
    SELECT * INTO v_specialist FROM specialists WHERE id = v_service.specialist_id AND removed_at IS NULL;
    IF NOT FOUND THEN outcome := 'NOT_FOUND'; RETURN; END IF;
    IF v_specialist.rules_version <> (p_rules ->> v_specialist.id::text)::integer THEN outcome := 'STALE_RULES'; RETURN; END IF;
  END IF;
  IF EXISTS (SELECT FROM spaces s WHERE s.id = ANY(p_spaces)
             AND (s.removed_at IS NOT NULL OR s.rules_version <> (p_rules ->> s.id::text)::integer)) THEN
    outcome := 'STALE_RULES'; RETURN;
  END IF;
  v_place := free_place(p_spaces, v_specialist.id, p_starts, p_ends, coalesce(v_service.buffer_minutes, 0));
  IF v_place.claimed IS NULL THEN outcome := 'SLOT_TAKEN'; RETURN; END IF;

  v_spaces := p_spaces;
  v_specialists := array_remove(ARRAY[v_specialist.id], NULL);
  IF p_again THEN
    SELECT tstzrange(p_starts, p_ends + make_interval(mins => greatest(coalesce(v_service.buffer_minutes, 0), max(s.buffer_minutes))))
      INTO v_widest FROM spaces s WHERE s.id = ANY(p_spaces);
    SELECT v_spaces || coalesce(array_agg(b.space_id) FILTER (WHERE b.space_id IS NOT NULL), '{}'),
           v_specialists || coalesce(array_agg(b.specialist_id) FILTER (WHERE b.specialist_id IS NOT NULL), '{}')
      INTO v_spaces, v_specialists FROM stale_in_the_way(p_spaces, v_specialist.id, v_widest) b;
  END IF;

  PERFORM FROM users WHERE id = p_user AND deleted_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'NOT_SIGNED_IN'; RETURN; END IF;
  IF (SELECT count(*) FROM bookings b
      WHERE b.user_id = p_user AND b.status = 'held' AND b.hold_expires_at > clock_timestamp()) >= p_max_holds THEN
    outcome := 'TOO_MANY_HOLDS'; RETURN;
  END IF;

  IF cardinality(v_spaces) > 0 THEN
    PERFORM FROM spaces WHERE id = ANY(v_spaces) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  IF cardinality(v_specialists) > 0 THEN
    PERFORM FROM specialists WHERE id = ANY(v_specialists) ORDER BY id FOR NO KEY UPDATE;
  END IF;
  IF p_service IS NOT NULL THEN
    SELECT * INTO v_service FROM services WHERE id = p_service AND removed_at IS NULL;
    SELECT * INTO v_specialist FROM specialists WHERE id = v_service.specialist_id AND removed_at IS NULL;
    IF NOT FOUND THEN outcome := 'NOT_FOUND'; RETURN; END IF;
    IF v_specialist.rules_version <> (p_rules ->> v_specialist.id::text)::integer THEN outcome := 'STALE_RULES'; RETURN; END IF;
  END IF;
  IF EXISTS (SELECT FROM spaces s WHERE s.id = ANY(p_spaces)
             AND (s.removed_at IS NOT NULL OR s.rules_version <> (p_rules ->> s.id::text)::integer)) THEN
    outcome := 'STALE_RULES'; RETURN;
  END IF;
  v_now := clock_timestamp();
  IF p_starts <= v_now THEN outcome := 'SLOT_PAST'; RETURN; END IF;

  v_place := free_place(p_spaces, v_specialist.id, p_starts, p_ends, coalesce(v_service.buffer_minutes, 0));
  IF v_place.claimed IS NULL THEN outcome := 'SLOT_TAKEN'; RETURN; END IF;
  -- After the choice, so that whatever the choice took for stale is stale here too.
  SELECT array_agg(b.id), bool_and((b.space_id IS NULL OR b.space_id = ANY(v_spaces))
                                   AND (b.specialist_id IS NULL OR b.specialist_id = ANY(v_specialists)))
    INTO v_stale, v_locked
    FROM stale_in_the_way(array_remove(ARRAY[v_place.space_id], NULL), v_specialist.id, v_place.claimed) b;
  IF NOT v_locked THEN outcome := 'AGAIN'; RETURN; END IF;
  IF v_stale IS NOT NULL THEN
    WITH ended AS (UPDATE bookings SET status = 'expired' WHERE id = ANY(v_stale) RETURNING *)
    SELECT jsonb_agg(to_jsonb(ended)) INTO expired FROM ended;
  END IF;

  WITH made AS (
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, specialist_id, specialist_user_id, service_id,
                          starts_at, ends_at, claimed, first_starts_at, hold_expires_at, answer_hours,
                          price_minor, deposit_minor, currency, cancellation, notes, source, created_at, updated_at)
    SELECT p_booking, p_user, 'held', coalesce(s.location_id, v_specialist.location_id), s.id, v_place.unit,
           v_specialist.id, v_specialist.user_id, p_service, p_starts, p_ends, v_place.claimed, p_starts,
           v_now + make_interval(secs => p_hold_seconds), CASE WHEN v_service.needs_approval THEN v_service.answer_hours END,
           p_prices[coalesce(array_position(p_spaces, s.id), 1)], coalesce(v_service.deposit_minor, 0),
           coalesce(v_service.currency, s.currency), coalesce(v_service.cancellation, s.cancellation), p_notes, p_source, v_now, v_now
    FROM (SELECT) AS one LEFT JOIN spaces s ON s.id = v_place.space_id
    RETURNING *)
  SELECT to_jsonb(made) INTO booking FROM made;
  outcome := 'HELD';
  changes := raise_versions(v_stale || p_booking);
END $$;
