ALTER TABLE "bookings" DROP CONSTRAINT "bookings_status_known";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_kind";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_claims_something";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_source_known";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_unit";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_period";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_hold_ends";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_money";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_points";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_kind_known";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_units";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_slot_minutes";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_buffer_minutes";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_arrival_grace";--> statement-breakpoint
ALTER TABLE "spaces" DROP CONSTRAINT "spaces_price";--> statement-breakpoint
DROP INDEX "bookings_one_place";--> statement-breakpoint
CREATE UNIQUE INDEX "bookings_one_place" ON "bookings" USING btree ("attends_event_id","user_id") WHERE "bookings"."attends_event_id" IS NOT NULL AND "bookings"."status" IN ('held', 'confirmed');
--> statement-breakpoint
DROP TRIGGER bookings_activity ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_ask ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_discount ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_ledger ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_move ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_payment_jobs ON bookings;--> statement-breakpoint
DROP TRIGGER bookings_points_back ON bookings;--> statement-breakpoint
DROP FUNCTION bookings_activity();--> statement-breakpoint
DROP FUNCTION bookings_ask();--> statement-breakpoint
DROP FUNCTION bookings_discount();--> statement-breakpoint
DROP FUNCTION bookings_ledger();--> statement-breakpoint
DROP FUNCTION bookings_move();--> statement-breakpoint
DROP FUNCTION bookings_payment_jobs();--> statement-breakpoint
DROP FUNCTION bookings_points_back();
--> statement-breakpoint
-- Converts an instant to milliseconds since 1970, as JavaScript's Date counts them. Fractions are rounded down.
-- date_part computes in floats, several times as fast as extract in numerics; 0.0005 makes up for a float just below a
-- whole number.
CREATE OR REPLACE FUNCTION epoch_ms(p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN floor(date_part('epoch', p_at) * 1000 + 0.0005)::bigint;
--> statement-breakpoint
-- Guards every row of bookings before it is written. One trigger instead of eight triggers and nine CHECK constraints:
-- PostgreSQL parses the text of each of those in every statement, which cost a hold a third of its time. Each rule still
-- reports a name of its own as the violated constraint.
--
-- On INSERT it freezes the price of a hold with the discount of its owner's tier. On UPDATE it allows only the transitions of
-- a booking's status, requires the specialist's approval if there is to be one, and gives the points of an ended hold back.
CREATE OR REPLACE FUNCTION bookings_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_broken text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    NEW.updated_at := clock_timestamp();
    IF NEW.status <> OLD.status THEN
      IF NOT (CASE OLD.status
        WHEN 'held' THEN NEW.status IN ('confirmed', 'pending', 'cancelled', 'expired')
        WHEN 'expired' THEN NEW.status IN ('confirmed', 'pending')
        WHEN 'pending' THEN NEW.status IN ('confirmed', 'declined', 'cancelled')
        WHEN 'confirmed' THEN NEW.status IN ('cancelled', 'completed', 'no_show')
        ELSE false
      END) THEN
        RAISE EXCEPTION 'a booking cannot change from % to %', OLD.status, NEW.status
          USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_move', TABLE = 'bookings';
      END IF;
      IF NEW.status = 'pending' THEN
        NEW.answer_by := least(NEW.starts_at, clock_timestamp() + make_interval(hours => NEW.answer_hours));
      ELSIF NEW.status = 'confirmed' AND NEW.answer_hours IS NOT NULL AND OLD.status IN ('held', 'expired') THEN
        RAISE EXCEPTION 'the specialist has not been asked'
          USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_ask', TABLE = 'bookings';
      ELSIF OLD.status = 'held' AND OLD.redeemed_points > 0 AND NEW.status IN ('cancelled', 'expired') THEN
        NEW.redeemed_points := 0;
        NEW.points_minor := 0;
      END IF;
    END IF;
    IF OLD.booked_at IS NULL AND NEW.status IN ('confirmed', 'pending') THEN NEW.booked_at := clock_timestamp(); END IF;
  ELSIF NEW.price_minor > 0 AND NEW.kind = 'booking' AND NEW.status = 'held' THEN
    -- A user without points has no tier and no discount. Most holds are theirs.
    IF EXISTS (SELECT FROM loyalty_entries e WHERE e.user_id = NEW.user_id) THEN
      SELECT p.price_minor, p.deposit_minor, p.discount_minor INTO NEW.price_minor, NEW.deposit_minor, NEW.discount_minor
        FROM loyalty_price(NEW.user_id, NEW.price_minor, NEW.deposit_minor, NEW.currency) p;
    END IF;
  END IF;

  v_broken := CASE
    WHEN NEW.status NOT IN ('held', 'pending', 'confirmed', 'completed', 'cancelled', 'expired', 'declined', 'no_show')
      THEN 'bookings_status_known'
    WHEN NEW.kind <> CASE WHEN NEW.event_id IS NOT NULL THEN 'event'
                          WHEN num_nonnulls(NEW.space_id, NEW.specialist_id) = 0 THEN 'attendance' ELSE 'booking' END
      THEN 'bookings_kind'
    WHEN CASE WHEN NEW.kind = 'attendance' THEN NEW.status IN ('pending', 'declined')
              ELSE num_nonnulls(NEW.space_id, NEW.specialist_id) = 0 OR NEW.attends_event_id IS NOT NULL END
      THEN 'bookings_claims_something'
    WHEN NEW.source NOT IN ('web', 'rest', 'socket', 'telegram', 'admin', 'system') THEN 'bookings_source_known'
    WHEN (NEW.space_id IS NULL) <> (NEW.unit IS NULL) THEN 'bookings_unit'
    WHEN NEW.starts_at >= NEW.ends_at THEN 'bookings_period'
    WHEN NEW.status = 'held' AND NEW.hold_expires_at IS NULL THEN 'bookings_hold_ends'
    WHEN NEW.price_minor < 0 OR NEW.deposit_minor < 0 OR NEW.refunded_minor NOT BETWEEN 0 AND NEW.paid_minor THEN 'bookings_money'
    WHEN NEW.discount_minor < 0 OR NEW.redeemed_points < 0 OR NEW.points_minor NOT BETWEEN 0 AND NEW.price_minor
         OR (NEW.redeemed_points = 0) <> (NEW.points_minor = 0) THEN 'bookings_points'
  END;
  IF v_broken IS NOT NULL THEN
    RAISE EXCEPTION 'new row for relation "bookings" violates check constraint "%"', v_broken
      USING ERRCODE = 'check_violation', CONSTRAINT = v_broken, TABLE = 'bookings';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE OR REPLACE TRIGGER bookings_guard BEFORE INSERT OR UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_guard();
--> statement-breakpoint
-- Writes what follows from a change of a booking, in the transaction of that change, whichever statement made it: a row of
-- activity, entries in the points ledger, and jobs for payments. One trigger without a WHEN condition, which PostgreSQL would
-- parse in every statement.
--
-- The end of a hold writes no activity: the view `happenings` reads it from the booking's own row.
CREATE OR REPLACE FUNCTION bookings_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.booked_at IS NOT NULL AND NEW.kind <> 'event' AND (
    OLD.status <> NEW.status OR NEW.status IN ('pending', 'confirmed') AND
      (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at OR OLD.space_id IS DISTINCT FROM NEW.space_id)) THEN
    INSERT INTO activity (kind, booking_id, user_id, location_id, space_id, specialist_id, source)
    VALUES (CASE WHEN NEW.status <> OLD.status THEN NEW.status ELSE 'rescheduled' END,
            NEW.id, NEW.user_id, NEW.location_id, NEW.space_id, NEW.specialist_id, NEW.source);
  END IF;

  IF OLD.redeemed_points <> NEW.redeemed_points THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'redeem', -NEW.redeemed_points, 'given_back', 'redeemed');
  END IF;
  -- A completed booking earns by what was paid and not refunded, however late either comes.
  IF NEW.status = 'completed' AND NEW.paid_minor > 0 AND (OLD.redeemed_points <> NEW.redeemed_points
      OR OLD.status <> NEW.status OR OLD.paid_minor <> NEW.paid_minor OR OLD.refunded_minor <> NEW.refunded_minor) THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'earn',
      coalesce((NEW.paid_minor - NEW.refunded_minor) / (loyalty_currency(NEW.currency)).earn_minor, 0), 'earned', 'clawed_back');
  END IF;

  IF OLD.status = 'held' AND NEW.status IN ('expired', 'cancelled')
      OR NEW.status = 'held' AND (OLD.price_minor <> NEW.price_minor OR OLD.currency <> NEW.currency) THEN
    -- The hold ended or has another price: an intent that is not paid yet must not stay payable.
    PERFORM graphile_worker.add_job('review-payment', json_build_object('paymentId', p.id), job_key := 'review-payment:' || p.id)
    FROM payments p WHERE p.booking_id = NEW.id AND p.status IN ('pending', 'processing', 'failed');
  ELSIF NEW.status = 'completed' AND OLD.status <> 'completed' AND NEW.balance_due_minor > 0 THEN
    PERFORM graphile_worker.add_job('charge-balance', json_build_object('bookingId', NEW.id), job_key := 'charge-balance:' || NEW.id);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE OR REPLACE TRIGGER bookings_follow AFTER UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION bookings_follow();
--> statement-breakpoint
-- Guards the settings of a space before they are written. Fires only for statements that name one of these columns, so that
-- raising a version, which every hold does, pays for no rule. Each rule reports a name of its own as the violated constraint.
CREATE OR REPLACE FUNCTION spaces_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_broken text := CASE
    WHEN NEW.kind NOT IN ('desk', 'meeting_room', 'private_office', 'event_hall', 'phone_booth') THEN 'spaces_kind_known'
    WHEN NEW.units NOT BETWEEN 1 AND 1000 THEN 'spaces_units'
    WHEN NEW.slot_minutes NOT BETWEEN 5 AND 1440 THEN 'spaces_slot_minutes'
    WHEN NEW.buffer_minutes NOT BETWEEN 0 AND 1440 THEN 'spaces_buffer_minutes'
    WHEN NEW.arrival_grace_minutes NOT BETWEEN 0 AND 1440 THEN 'spaces_arrival_grace'
    WHEN NEW.price_minor < 0 THEN 'spaces_price'
  END;
BEGIN
  IF v_broken IS NOT NULL THEN
    RAISE EXCEPTION 'new row for relation "spaces" violates check constraint "%"', v_broken
      USING ERRCODE = 'check_violation', CONSTRAINT = v_broken, TABLE = 'spaces';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE OR REPLACE TRIGGER spaces_guard
  BEFORE INSERT OR UPDATE OF kind, units, slot_minutes, buffer_minutes, arrival_grace_minutes, price_minor ON spaces
  FOR EACH ROW EXECUTE FUNCTION spaces_guard();
--> statement-breakpoint
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
--> statement-breakpoint
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
