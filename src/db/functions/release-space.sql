-- Releases the caller's hold on a slot of a space, in one round trip: the short path of `release_hold`.
--
-- Takes the hold that ends last if there are several. Raises the version of the space first, which locks its row, and takes
-- it back if the hold is gone by then.
--
-- Outcomes:
--   RELEASED  `booking` is the cancelled hold. `version`, `rules` (its rules_version), `now` and `claims` are set, the latter
--             as in claim_space.
--   LONG_WAY  Nothing was written. There is no such hold, or it ended, or a payment was started: the caller uses the full path.
CREATE OR REPLACE FUNCTION release_space(
  p_user uuid, p_space uuid, p_at timestamptz,
  OUT outcome text, OUT version integer, OUT rules integer, OUT now bigint, OUT claims bigint[], OUT booking bookings
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_id uuid;
  v_space record;
  v_reach interval;
  v_now timestamptz;
BEGIN
  -- Materialized: read in the order of their ends, the plan would visit the holds of all users.
  WITH own AS MATERIALIZED (
    SELECT b.id, b.hold_expires_at FROM bookings b
    WHERE b.user_id = p_user AND b.status = 'held' AND b.kind = 'booking' AND b.space_id = p_space AND b.specialist_id IS NULL
      AND b.starts_at <= p_at AND b.ends_at > p_at)
  SELECT id INTO v_id FROM own ORDER BY hold_expires_at DESC, id DESC LIMIT 1;
  IF NOT FOUND THEN outcome := 'LONG_WAY'; RETURN; END IF;

  UPDATE spaces s SET version = s.version + 1 WHERE s.id = p_space
    RETURNING s.version, s.rules_version, s.slot_minutes + s.buffer_minutes AS reach INTO v_space;
  v_now := clock_timestamp();
  UPDATE bookings b SET status = 'cancelled'
  WHERE b.id = v_id AND b.status = 'held' AND b.hold_expires_at > v_now AND b.space_id = p_space AND b.specialist_id IS NULL
    AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = v_id)
  RETURNING b.* INTO booking;
  IF NOT FOUND THEN
    UPDATE spaces s SET version = s.version - 1 WHERE s.id = p_space;
    outcome := 'LONG_WAY'; RETURN;
  END IF;

  v_reach := make_interval(mins => v_space.reach);
  SELECT array_agg(ARRAY[b.unit, epoch_ms(lower(b.claimed)), epoch_ms(upper(b.claimed)), epoch_ms(b.starts_at), epoch_ms(b.ends_at),
                         CASE WHEN b.status = 'held' THEN epoch_ms(b.hold_expires_at) ELSE 0 END])
    INTO claims FROM bookings b
    WHERE b.space_id = p_space AND b.status IN ('held', 'pending', 'confirmed')
      AND b.claimed && tstzrange(lower(booking.claimed) - v_reach, upper(booking.claimed) + v_reach)
      AND (b.status <> 'held' OR b.hold_expires_at > v_now);
  outcome := 'RELEASED';
  version := v_space.version;
  rules := v_space.rules_version;
  now := epoch_ms(v_now);
END $$;
