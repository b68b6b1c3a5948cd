-- Claims on two kinds of calendars: a booking claims a unit of a space, a specialist, or both. Locks are taken on the person,
-- then on spaces by id, then on specialists by id, whoever takes them.
ALTER TABLE specialists SET (fillfactor = 50);
--> statement-breakpoint
-- Where the specialist must say yes first, nothing else confirms a booking; and from then on the clock runs.
CREATE FUNCTION bookings_ask() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status = 'confirmed' AND NEW.answer_hours IS NOT NULL AND OLD.status IN ('held', 'expired') THEN
    RAISE EXCEPTION 'the specialist has not been asked' USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_ask', TABLE = 'bookings';
  END IF;
  IF NEW.status = 'pending' THEN
    NEW.answer_by := least(NEW.starts_at, clock_timestamp() + make_interval(hours => NEW.answer_hours));
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_ask BEFORE UPDATE OF status ON bookings FOR EACH ROW
  WHEN (OLD.status <> NEW.status AND NEW.status IN ('pending', 'confirmed')) EXECUTE FUNCTION bookings_ask();
--> statement-breakpoint
-- As before, but that the time off of a specialist closes no space.
CREATE OR REPLACE FUNCTION space_rules(p_space uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT json_build_object(
      'spaceId', s.id, 'locationId', s.location_id, 'timeZone', l.time_zone, 'units', s.units,
      'slotMinutes', s.slot_minutes, 'bufferMinutes', s.buffer_minutes, 'maxSlots', s.max_slots,
      'minNoticeMinutes', s.min_notice_minutes, 'maxNoticeDays', s.max_notice_days,
      'priceMinor', s.price_minor, 'currency', s.currency,
      'version', s.version, 'rulesVersion', s.rules_version,
      'hours', coalesce((
        SELECT json_agg(json_build_object('weekday', h.weekday, 'opensAt', h.opens_at, 'closesAt', h.closes_at)
                        ORDER BY h.weekday, h.opens_at)
        FROM opening_hours h
        WHERE CASE WHEN s.own_hours THEN h.space_id = s.id ELSE h.location_id = s.location_id END), '[]'),
      'closures', coalesce((
        SELECT json_agg(json_build_object('from', epoch_ms(c.starts_at), 'to', epoch_ms(c.ends_at)))
        FROM closures c
        WHERE c.location_id = s.location_id AND (c.space_id IS NULL OR c.space_id = s.id) AND c.specialist_id IS NULL
          AND tstzrange(c.starts_at, c.ends_at) && p_window), '[]'))
    FROM spaces s JOIN locations l ON l.id = s.location_id
    WHERE s.id = p_space AND s.removed_at IS NULL AND l.removed_at IS NULL);
END $$;
--> statement-breakpoint
-- The rules by which the times of a specialist can be had, in the form of those of a space, and the services that they offer.
-- Without a service in mind a day has the specialist's own grid, and no price.
CREATE FUNCTION specialist_rules(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT json_build_object(
      'specialistId', s.id, 'locationId', s.location_id, 'timeZone', l.time_zone, 'units', 1,
      'slotMinutes', s.slot_minutes, 'bufferMinutes', 0, 'maxSlots', 1,
      'minNoticeMinutes', s.min_notice_minutes, 'maxNoticeDays', s.max_notice_days,
      'priceMinor', 0, 'currency', coalesce((SELECT min(v.currency) FROM services v WHERE v.specialist_id = s.id AND v.removed_at IS NULL), 'EUR'),
      'version', s.version, 'rulesVersion', s.rules_version,
      'hours', coalesce((
        SELECT json_agg(json_build_object('weekday', h.weekday, 'opensAt', h.opens_at, 'closesAt', h.closes_at)
                        ORDER BY h.weekday, h.opens_at)
        FROM opening_hours h WHERE h.specialist_id = s.id), '[]'),
      'closures', coalesce((
        SELECT json_agg(json_build_object('from', epoch_ms(c.starts_at), 'to', epoch_ms(c.ends_at)))
        FROM closures c
        WHERE c.location_id = s.location_id AND c.space_id IS NULL AND (c.specialist_id IS NULL OR c.specialist_id = s.id)
          AND tstzrange(c.starts_at, c.ends_at) && p_window), '[]'),
      'services', coalesce((
        SELECT json_agg(json_build_object(
          'serviceId', v.id, 'slotMinutes', v.duration_minutes, 'bufferMinutes', v.buffer_minutes,
          'priceMinor', v.price_minor, 'currency', v.currency,
          'room', CASE WHEN v.needs_room THEN json_build_object('kind', v.room_kind, 'capacity', v.room_capacity) END) ORDER BY v.id)
        FROM services v WHERE v.specialist_id = s.id AND v.removed_at IS NULL), '[]'))
    FROM specialists s JOIN locations l ON l.id = s.location_id
    WHERE s.id = p_specialist AND s.removed_at IS NULL AND l.removed_at IS NULL);
END $$;
--> statement-breakpoint
-- What occupies a specialist inside the window, in the form of what occupies a space.
CREATE FUNCTION specialist_claims(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'unit', 1, 'from', epoch_ms(lower(b.claimed)), 'to', epoch_ms(upper(b.claimed)),
      'startsAt', epoch_ms(b.starts_at), 'endsAt', epoch_ms(b.ends_at),
      'held', b.status = 'held', 'expiresAt', epoch_ms(b.hold_expires_at), 'userId', b.user_id)), '[]')
    FROM bookings b
    WHERE b.specialist_id = p_specialist AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_window
      AND (b.status <> 'held' OR b.hold_expires_at > v_now));
END $$;
--> statement-breakpoint
-- The rooms that the services of a specialist may need, each with its rules and what occupies it.
CREATE FUNCTION specialist_rooms(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'kind', r.kind, 'capacity', r.capacity, 'rules', space_rules(r.id, p_window), 'claims', space_claims(r.id, p_window))), '[]')
    FROM specialists s JOIN spaces r ON r.location_id = s.location_id AND r.removed_at IS NULL
    WHERE s.id = p_specialist AND EXISTS (
      SELECT FROM services v
      WHERE v.specialist_id = s.id AND v.removed_at IS NULL AND v.needs_room
        AND v.room_kind = r.kind AND v.room_capacity <= r.capacity));
END $$;
--> statement-breakpoint
-- Whether nobody claims a specialist over the whole period at the instant `p_now`. `p_except` is a booking that would leave its place.
CREATE FUNCTION specialist_free(p_specialist uuid, p_claim tstzrange, p_now timestamptz, p_except uuid DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NOT EXISTS (
    SELECT FROM bookings b
    WHERE b.specialist_id = p_specialist AND b.status IN ('held', 'pending', 'confirmed')
      AND b.claimed && p_claim AND b.id IS DISTINCT FROM p_except
      AND (b.status <> 'held' OR b.hold_expires_at > p_now));
END $$;
--> statement-breakpoint
-- Where a time can be had: the first of the spaces with a free unit, and the specialist, over the same claim, whose buffer is
-- the longer of the two. Either may be absent. `claimed` is null where the time cannot be had.
CREATE FUNCTION free_place(
  p_spaces uuid[], p_specialist uuid, p_starts timestamptz, p_ends timestamptz, p_buffer_minutes integer, p_except uuid DEFAULT NULL,
  OUT space_id uuid, OUT unit integer, OUT claimed tstzrange
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_space spaces;
  v_now timestamptz := clock_timestamp();
BEGIN
  IF cardinality(p_spaces) = 0 THEN
    claimed := tstzrange(p_starts, p_ends + make_interval(mins => p_buffer_minutes));
    IF NOT specialist_free(p_specialist, claimed, v_now, p_except) THEN claimed := NULL; END IF;
    RETURN;
  END IF;
  FOR v_space IN
    SELECT s.* FROM unnest(p_spaces) WITH ORDINALITY AS p(id, preference) JOIN spaces s ON s.id = p.id
    WHERE s.removed_at IS NULL ORDER BY p.preference
  LOOP
    claimed := tstzrange(p_starts, p_ends + make_interval(mins => greatest(p_buffer_minutes, v_space.buffer_minutes)));
    unit := free_unit(v_space.id, v_space.units, claimed, v_now, p_except);
    IF unit IS NOT NULL AND (p_specialist IS NULL OR specialist_free(p_specialist, claimed, v_now, p_except)) THEN
      space_id := v_space.id;
      RETURN;
    END IF;
  END LOOP;
  unit := NULL;
  claimed := NULL;
END $$;
--> statement-breakpoint
-- The holds past their end that stand in the way of a claim, on either calendar.
CREATE FUNCTION stale_in_the_way(p_spaces uuid[], p_specialist uuid, p_claim tstzrange, p_except uuid DEFAULT NULL)
RETURNS SETOF bookings LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
    SELECT b.* FROM bookings b
    WHERE b.space_id = ANY(p_spaces) AND b.status = 'held' AND b.hold_expires_at <= v_now AND b.claimed && p_claim
      AND b.id IS DISTINCT FROM p_except;
  IF p_specialist IS NOT NULL THEN
    RETURN QUERY
      SELECT b.* FROM bookings b
      WHERE b.specialist_id = p_specialist AND b.status = 'held' AND b.hold_expires_at <= v_now AND b.claimed && p_claim
        AND b.id IS DISTINCT FROM p_except AND (b.space_id = ANY(p_spaces)) IS NOT TRUE;
  END IF;
END $$;
--> statement-breakpoint
-- One change of a specialist's calendar, told whole, as `raise_version` does for a space.
CREATE FUNCTION raise_specialist_version(p_specialist uuid, p_touched tstzmultirange) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_specialist specialists;
  v_window tstzmultirange;
  v_reach interval;
  v_rooms json := '[]';
BEGIN
  UPDATE specialists SET version = version + 1 WHERE id = p_specialist RETURNING * INTO v_specialist;
  -- A slot and the longest buffer behind it, which may be a room's.
  v_reach := make_interval(mins => greatest(v_specialist.slot_minutes, (
      SELECT max(duration_minutes + buffer_minutes) FROM services WHERE specialist_id = p_specialist AND removed_at IS NULL))
    + coalesce((SELECT max(buffer_minutes) FROM spaces WHERE location_id = v_specialist.location_id AND removed_at IS NULL), 0));
  SELECT range_agg(tstzrange(lower(r) - v_reach, upper(r) + v_reach)) INTO v_window FROM unnest(p_touched) AS t(r);
  RETURN json_build_object(
    'fromVersion', v_specialist.version - 1, 'now', epoch_ms(clock_timestamp()),
    'touched', (SELECT json_agg(json_build_object('from', epoch_ms(lower(r)), 'to', epoch_ms(upper(r)))) FROM unnest(p_touched) AS t(r)),
    'rules', specialist_rules(p_specialist, v_window), 'claims', specialist_claims(p_specialist, v_window),
    'rooms', specialist_rooms(p_specialist, v_window));
END $$;
--> statement-breakpoint
-- A claim of a space unit, of a specialist for a service, or of both or neither, in one round trip: look, lock, claim.
--   look   without a lock, so that whoever wants a time that is plainly taken is told at once and waits for nobody;
--   lock   the person (whose holds are counted), then the spaces, then the specialists that may change, each by a statement
--          of its own, so that what follows sees everything committed before;
--   claim  choose the place, end the stale holds in its way, raise the versions, read what is to be pushed.
-- `p_spaces` are the spaces that would do, the best first, each with its price of the whole in `p_prices`; with a service
-- none means that it needs no room. Rules (hours, grid, notice, length) and prices were decided by the caller for the versions
-- in `p_rules`, by id; where one of them is another now, the answer is STALE_RULES and the caller decides again. AGAIN says that a stale hold in the way has
-- claimed a calendar that is not locked, which ending it would change too: nothing has been done, and the caller asks once
-- more with `p_again`, which looks for such calendars and locks them with the others.
CREATE FUNCTION claim(
  p_booking uuid, p_user uuid, p_spaces uuid[], p_prices integer[], p_service uuid, p_starts timestamptz, p_ends timestamptz, p_rules jsonb,
  p_hold_seconds integer, p_max_holds integer, p_notes text, p_again boolean,
  OUT outcome text, OUT booking jsonb, OUT expired jsonb, OUT changes json
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
                          price_minor, deposit_minor, currency, cancellation, notes, created_at, updated_at)
    SELECT p_booking, p_user, 'held', coalesce(s.location_id, v_specialist.location_id), s.id, v_place.unit,
           v_specialist.id, v_specialist.user_id, p_service, p_starts, p_ends, v_place.claimed, p_starts,
           v_now + make_interval(secs => p_hold_seconds), CASE WHEN v_service.needs_approval THEN v_service.answer_hours END,
           p_prices[coalesce(array_position(p_spaces, s.id), 1)], coalesce(v_service.deposit_minor, 0),
           coalesce(v_service.currency, s.currency), coalesce(v_service.cancellation, s.cancellation), p_notes, v_now, v_now
    FROM (SELECT) AS one LEFT JOIN spaces s ON s.id = v_place.space_id
    RETURNING *)
  SELECT to_jsonb(made) INTO booking FROM made;
  outcome := 'HELD';
  changes := raise_versions(v_stale || p_booking);
END $$;
--> statement-breakpoint
-- Raises the version of every calendar that these bookings occupy or left, once, and tells the changes.
CREATE FUNCTION raise_versions(p_bookings uuid[]) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT json_agg(t.change) FROM (
      SELECT raise_version(b.space_id, range_agg(b.claimed)) AS change
      FROM bookings b WHERE b.id = ANY(p_bookings) AND b.space_id IS NOT NULL GROUP BY b.space_id
      UNION ALL
      SELECT raise_specialist_version(b.specialist_id, range_agg(b.claimed))
      FROM bookings b WHERE b.id = ANY(p_bookings) AND b.specialist_id IS NOT NULL GROUP BY b.specialist_id) t);
END $$;
--> statement-breakpoint
DROP FUNCTION claim_space(uuid, uuid, uuid, timestamptz, timestamptz, integer, integer, integer, text);
--> statement-breakpoint
DROP FUNCTION expire_in_the_way(uuid, tstzrange, timestamptz, uuid);
--> statement-breakpoint
-- Sum and count of the reviews that people see, kept by the database in the transaction that changes them: an addition to a
-- row under its lock, so that none is lost however many come at once.
CREATE FUNCTION reviews_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_sum integer := 0;
  v_count integer := 0;
  v_review reviews := coalesce(NEW, OLD);
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.hidden_at IS NULL THEN v_sum := v_sum - OLD.rating; v_count := v_count - 1; END IF;
  IF TG_OP <> 'DELETE' AND NEW.hidden_at IS NULL THEN v_sum := v_sum + NEW.rating; v_count := v_count + 1; END IF;
  IF v_sum <> 0 OR v_count <> 0 THEN
    UPDATE spaces SET rating_sum = rating_sum + v_sum, review_count = review_count + v_count WHERE id = v_review.space_id;
    UPDATE specialists SET rating_sum = rating_sum + v_sum, review_count = review_count + v_count WHERE id = v_review.specialist_id;
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER reviews_count AFTER INSERT OR UPDATE OR DELETE ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_count();
