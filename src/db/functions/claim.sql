-- Claims a unit of a space, a specialist, or both for one booking, in one round trip. Called by
-- services/bookings/hold.ts.
--
--   look   Checks the rules and looks for a free unit without a lock. A time that is clearly taken is refused at once.
--   lock   Locks the user, then spaces by id, then specialists by id, each in a statement of its own, so that the
--          statements that follow see every commit before the lock. Every lock on calendars is taken in this order.
--   claim  Repeats both checks, picks the unit, expires stale holds in the way and raises the calendar versions.
--
-- p_spaces lists the suitable spaces, best first, with the total price for each in p_prices, in minor units. It is
-- empty for a service that needs no room; p_prices then has one element. The caller has checked hours, grid, notice
-- and length against the rules versions in p_rules, by calendar id. p_source is the channel of the request: web,
-- rest, socket, telegram, admin or system. Overlapping claims would also fail on bookings_space_claim and
-- bookings_specialist_claim.
--
-- Outcomes; only HELD writes anything:
--   HELD            `booking` is the hold, `expired` lists the stale holds, `changes` holds one entry per calendar.
--   NOT_FOUND       The service or its specialist does not exist or was removed.
--   STALE_RULES     A rules version has changed or a space was removed. The caller must quote the time again.
--   SLOT_TAKEN      No suitable unit is free, or the specialist is busy.
--   SLOT_PAST       The time has already started.
--   NOT_SIGNED_IN   The user's account was deleted.
--   TOO_MANY_HOLDS  The user already has p_max_holds active holds.
--   AGAIN           A stale hold in the way also occupies a calendar that is not locked. The caller calls again with
--                   p_again, which finds such calendars first and locks them too.
CREATE OR REPLACE FUNCTION claim(
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
  -- Must follow free_place: if it came first, a hold that ends in between would be passed over but not expired.
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
