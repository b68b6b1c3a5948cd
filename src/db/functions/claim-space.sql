-- Holds one unit of one space, in one round trip: the short path of `claim` for bookings that need nothing else.
--
--   look   Checks rules_version and counts the taken units without a lock. A time that is taken is refused at once.
--   lock   Locks the user. Then raises the version of the space, which locks its row against every other change.
--   claim  Reads the claims around the time, picks the lowest free unit and inserts the booking.
--
-- A claim that is refused under the lock takes the version back before it commits, so that boards see no gap.
--
-- p_claim is the time with the buffer behind it. p_window holds every claim that a slot touched by it can meet. The caller
-- has checked hours, grid, notice and length against rules version p_rules and computed p_price in minor units.
--
-- Outcomes; only HELD writes anything:
--   HELD            version, unit, now, location, prices, currency, cancellation and the other claims in the window are set.
--   STALE_RULES     The rules changed or the space was removed. The caller must quote the time again.
--   SLOT_TAKEN      No unit is free.
--   SLOT_PAST       The time has already started.
--   NOT_SIGNED_IN   The user's account was deleted.
--   TOO_MANY_HOLDS  The user already has p_max_holds active holds.
--   AGAIN           A stale hold is in the way. The caller uses `claim`, which expires it.
--
-- `claims` holds [unit, claim start, claim end, start, end, hold end or 0] of each claim, in epoch milliseconds.
CREATE OR REPLACE FUNCTION claim_space(
  p_booking uuid, p_user uuid, p_space uuid, p_rules integer, p_starts timestamptz, p_ends timestamptz, p_claim tstzrange,
  p_window tstzrange, p_price integer, p_hold_seconds integer, p_max_holds integer, p_notes text, p_source text,
  OUT outcome text, OUT version integer, OUT now bigint, OUT unit integer, OUT claims bigint[], OUT location uuid,
  OUT price integer, OUT deposit integer, OUT discount integer, OUT currency text, OUT cancellation jsonb
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_fresh boolean;
  v_taken boolean;
  v_space record;
  v_units integer[];
  v_stale boolean;
  v_holds integer;
BEGIN
  SELECT s.rules_version = p_rules AND s.removed_at IS NULL,
    (SELECT count(DISTINCT b.unit) FROM bookings b
      WHERE b.space_id = p_space AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_claim
        AND (b.status <> 'held' OR b.hold_expires_at > v_now) AND b.unit <= s.units) >= s.units
    INTO v_fresh, v_taken FROM spaces s WHERE s.id = p_space;
  IF v_fresh IS NOT TRUE THEN outcome := 'STALE_RULES'; RETURN; END IF;
  IF v_taken THEN outcome := 'SLOT_TAKEN'; RETURN; END IF;

  PERFORM FROM users WHERE id = p_user AND deleted_at IS NULL FOR NO KEY UPDATE;
  IF NOT FOUND THEN outcome := 'NOT_SIGNED_IN'; RETURN; END IF;
  UPDATE spaces s SET version = s.version + 1 WHERE s.id = p_space AND s.rules_version = p_rules AND s.removed_at IS NULL
    RETURNING s.version, s.units, s.location_id, s.currency, s.cancellation INTO v_space;
  IF NOT FOUND THEN outcome := 'STALE_RULES'; RETURN; END IF;

  v_now := clock_timestamp();
  SELECT array_agg(b.unit) FILTER (WHERE b.claimed && p_claim AND (b.status <> 'held' OR b.hold_expires_at > v_now)),
         bool_or(b.claimed && p_claim AND b.status = 'held' AND b.hold_expires_at <= v_now),
         array_agg(ARRAY[b.unit, epoch_ms(lower(b.claimed)), epoch_ms(upper(b.claimed)), epoch_ms(b.starts_at), epoch_ms(b.ends_at),
                         CASE WHEN b.status = 'held' THEN epoch_ms(b.hold_expires_at) ELSE 0 END])
           FILTER (WHERE b.status <> 'held' OR b.hold_expires_at > v_now),
         (SELECT count(*) FROM bookings h WHERE h.user_id = p_user AND h.status = 'held' AND h.hold_expires_at > v_now)
    INTO v_units, v_stale, claims, v_holds
    FROM bookings b WHERE b.space_id = p_space AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_window;
  unit := 1;
  WHILE unit = ANY(v_units) LOOP unit := unit + 1; END LOOP;
  outcome := CASE WHEN v_holds >= p_max_holds THEN 'TOO_MANY_HOLDS' WHEN p_starts <= v_now THEN 'SLOT_PAST'
    WHEN unit > v_space.units THEN 'SLOT_TAKEN' WHEN v_stale THEN 'AGAIN' ELSE 'HELD' END;
  IF outcome <> 'HELD' THEN
    UPDATE spaces s SET version = s.version - 1 WHERE s.id = p_space;
    RETURN;
  END IF;

  INSERT INTO bookings AS b (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at,
                             hold_expires_at, price_minor, currency, cancellation, notes, source, created_at, updated_at)
  VALUES (p_booking, p_user, 'held', v_space.location_id, p_space, unit, p_starts, p_ends, p_claim, p_starts,
          v_now + make_interval(secs => p_hold_seconds), p_price, v_space.currency, v_space.cancellation, p_notes, p_source, v_now, v_now)
  RETURNING b.price_minor, b.deposit_minor, b.discount_minor INTO price, deposit, discount;
  version := v_space.version;
  now := epoch_ms(v_now);
  location := v_space.location_id;
  currency := v_space.currency;
  cancellation := v_space.cancellation;
END $$;
