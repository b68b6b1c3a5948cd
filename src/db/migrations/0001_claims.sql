-- Claims on a calendar: what makes a double booking impossible, and the functions that change a calendar under its lock.
CREATE EXTENSION IF NOT EXISTS btree_gist;
--> statement-breakpoint
-- The backstop that no code can get around. It is not the way to find out: that is what the lock is for.
ALTER TABLE bookings ADD CONSTRAINT bookings_space_claim
  EXCLUDE USING gist (space_id WITH =, unit WITH =, claimed WITH &&)
  WHERE (space_id IS NOT NULL AND status IN ('held', 'pending', 'confirmed'));
--> statement-breakpoint
ALTER TABLE bookings ADD CONSTRAINT bookings_specialist_claim
  EXCLUDE USING gist (specialist_id WITH =, claimed WITH &&)
  WHERE (specialist_id IS NOT NULL AND status IN ('held', 'pending', 'confirmed'));
--> statement-breakpoint
-- A calendar's row changes with each claim: room on its page keeps those changes out of the indexes.
ALTER TABLE spaces SET (fillfactor = 50);
--> statement-breakpoint
-- A booking moves only along the table of the design, whoever asks and however.
CREATE FUNCTION bookings_move() RETURNS trigger LANGUAGE plpgsql AS $$
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
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_move BEFORE UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_move();
--> statement-breakpoint
-- An instant as a number of milliseconds, as JavaScript counts: a fraction is cut off.
CREATE FUNCTION epoch_ms(p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN floor(extract(epoch FROM p_at) * 1000)::bigint;
--> statement-breakpoint
-- The rules by which the times of a space can be had: its settings, its hours, and the closures inside the window.
CREATE FUNCTION space_rules(p_space uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
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
        WHERE c.location_id = s.location_id AND (c.space_id IS NULL OR c.space_id = s.id)
          AND tstzrange(c.starts_at, c.ends_at) && p_window), '[]'))
    FROM spaces s JOIN locations l ON l.id = s.location_id
    WHERE s.id = p_space AND s.removed_at IS NULL AND l.removed_at IS NULL);
END $$;
--> statement-breakpoint
-- What occupies a space inside the window. A hold past its end occupies nothing, swept or not.
CREATE FUNCTION space_claims(p_space uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'unit', b.unit, 'from', epoch_ms(lower(b.claimed)), 'to', epoch_ms(upper(b.claimed)),
      'startsAt', epoch_ms(b.starts_at), 'endsAt', epoch_ms(b.ends_at),
      'held', b.status = 'held', 'expiresAt', epoch_ms(b.hold_expires_at), 'userId', b.user_id)), '[]')
    FROM bookings b
    WHERE b.space_id = p_space AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_window
      AND (b.status <> 'held' OR b.hold_expires_at > v_now));
END $$;
--> statement-breakpoint
-- The lowest unit that nobody claims over the whole period at the instant `p_now`, or null. `p_except` is a booking that
-- would leave its place.
CREATE FUNCTION free_unit(p_space uuid, p_units integer, p_claim tstzrange, p_now timestamptz, p_except uuid DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT min(u.unit)
    FROM generate_series(1, p_units) AS u(unit)
    WHERE NOT EXISTS (
      SELECT FROM bookings b
      WHERE b.space_id = p_space AND b.unit = u.unit AND b.status IN ('held', 'pending', 'confirmed')
        AND b.claimed && p_claim AND b.id IS DISTINCT FROM p_except
        AND (b.status <> 'held' OR b.hold_expires_at > p_now)));
END $$;
--> statement-breakpoint
-- Ends the holds that are past their end at `p_now` and in the way of a claim. The calendar must be locked. Who takes a
-- unit afterwards asks for one at the same instant: a hold that ends in between would be neither ended nor in the way.
CREATE FUNCTION expire_in_the_way(p_space uuid, p_claim tstzrange, p_now timestamptz, p_except uuid DEFAULT NULL)
RETURNS SETOF bookings LANGUAGE sql VOLATILE AS $$
  UPDATE bookings SET status = 'expired'
  WHERE space_id = p_space AND status = 'held' AND hold_expires_at <= p_now AND claimed && p_claim
    AND id IS DISTINCT FROM p_except
  RETURNING *;
$$;
--> statement-breakpoint
-- One change of a calendar, told whole: raises the version and reads, under the same lock, what a board needs to follow.
-- `p_touched` is the time whose slots may have changed; the window around it holds every claim that such a slot can meet.
CREATE FUNCTION raise_version(p_space uuid, p_touched tstzmultirange) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_space spaces;
  v_window tstzmultirange;
  v_reach interval;
BEGIN
  UPDATE spaces SET version = version + 1 WHERE id = p_space RETURNING * INTO v_space;
  v_reach := make_interval(mins => v_space.slot_minutes + v_space.buffer_minutes);
  SELECT range_agg(tstzrange(lower(r) - v_reach, upper(r) + v_reach)) INTO v_window FROM unnest(p_touched) AS t(r);
  RETURN json_build_object(
    'fromVersion', v_space.version - 1, 'now', epoch_ms(clock_timestamp()),
    'touched', (SELECT json_agg(json_build_object('from', epoch_ms(lower(r)), 'to', epoch_ms(upper(r)))) FROM unnest(p_touched) AS t(r)),
    'rules', space_rules(p_space, v_window), 'claims', space_claims(p_space, v_window));
END $$;
--> statement-breakpoint
-- A claim, in one round trip: look, lock, claim.
--   look   without a lock, so that whoever wants a time that is plainly taken is told at once and waits for nobody;
--   lock   the person (whose holds are counted), then the calendar, each by a statement of its own, so that what follows
--          sees everything committed before;
--   claim  end the stale holds in the way, take the lowest free unit, raise the version, read what is to be pushed.
-- The rules of the time (hours, grid, notice, length) were decided by the caller for `p_rules_version`; where that is no
-- longer the space's, the answer is STALE_RULES and the caller decides again.
CREATE FUNCTION claim_space(
  p_booking uuid, p_user uuid, p_space uuid, p_starts timestamptz, p_ends timestamptz, p_rules_version integer,
  p_hold_seconds integer, p_max_holds integer, p_notes text,
  OUT outcome text, OUT booking jsonb, OUT expired jsonb, OUT change json
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_space spaces;
  v_claim tstzrange;
  v_unit integer;
  v_now timestamptz;
  v_row bookings;
  v_touched tstzmultirange;
BEGIN
  SELECT * INTO v_space FROM spaces WHERE id = p_space AND removed_at IS NULL;
  IF NOT FOUND THEN outcome := 'NOT_FOUND'; RETURN; END IF;
  v_claim := tstzrange(p_starts, p_ends + make_interval(mins => v_space.buffer_minutes));
  IF v_space.rules_version <> p_rules_version THEN outcome := 'STALE_RULES'; RETURN; END IF;
  IF free_unit(p_space, v_space.units, v_claim, clock_timestamp()) IS NULL THEN outcome := 'SLOT_TAKEN'; RETURN; END IF;

  PERFORM FROM users WHERE id = p_user AND deleted_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'NOT_SIGNED_IN'; RETURN; END IF;
  IF (SELECT count(*) FROM bookings b
      WHERE b.user_id = p_user AND b.status = 'held' AND b.hold_expires_at > clock_timestamp()) >= p_max_holds THEN
    outcome := 'TOO_MANY_HOLDS'; RETURN;
  END IF;

  SELECT * INTO v_space FROM spaces WHERE id = p_space AND removed_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'NOT_FOUND'; RETURN; END IF;
  IF v_space.rules_version <> p_rules_version THEN outcome := 'STALE_RULES'; RETURN; END IF;
  v_now := clock_timestamp();
  IF p_starts <= v_now THEN outcome := 'SLOT_PAST'; RETURN; END IF;

  SELECT jsonb_agg(to_jsonb(e)), range_agg(e.claimed) INTO expired, v_touched FROM expire_in_the_way(p_space, v_claim, v_now) e;
  v_unit := free_unit(p_space, v_space.units, v_claim, v_now);
  IF v_unit IS NULL THEN
    outcome := 'SLOT_TAKEN';
  ELSE
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at,
                          hold_expires_at, price_minor, currency, cancellation, notes, created_at, updated_at)
    VALUES (p_booking, p_user, 'held', v_space.location_id, p_space, v_unit, p_starts, p_ends, v_claim, p_starts,
            v_now + make_interval(secs => p_hold_seconds),
            v_space.price_minor * (extract(epoch FROM p_ends - p_starts) / 60 / v_space.slot_minutes)::integer,
            v_space.currency, v_space.cancellation, p_notes, v_now, v_now)
    RETURNING * INTO v_row;
    outcome := 'HELD';
    booking := to_jsonb(v_row);
    v_touched := coalesce(v_touched, '{}') + tstzmultirange(v_claim);
  END IF;
  IF v_touched IS NOT NULL THEN change := raise_version(p_space, v_touched); END IF;
END $$;
