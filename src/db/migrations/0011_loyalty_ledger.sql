-- Points: the terms of the programme, and triggers that write the ledger. What is earned, spent, given back and clawed back
-- follows from the rows of bookings and reviews, whoever changes them and by whichever statement, in the transaction that
-- does. Nothing here locks a person, since calendars are locked by then: a balance is a sum, and no row of its own.
--
-- The currencies of the programme: what a point is worth (about five cents of a dollar), for how much that was paid one is
-- earned, and the least that a card can be charged. Nulls where nothing is earned or paid with points.
CREATE FUNCTION loyalty_currency(p_currency text, OUT point_minor integer, OUT earn_minor integer, OUT least_minor integer)
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  SELECT c.point_minor, c.point_minor * 20, c.least_minor INTO point_minor, earn_minor, least_minor
  FROM (VALUES
    ('AED', 20, 200), ('AUD', 8, 50), ('BGN', 10, 100), ('BRL', 25, 50), ('CAD', 7, 50), ('CHF', 5, 50), ('CZK', 100, 1500),
    ('DKK', 35, 250), ('EUR', 5, 50), ('GBP', 4, 30), ('HKD', 40, 400), ('HUF', 1800, 17500), ('INR', 400, 50), ('JPY', 7, 50),
    ('MXN', 100, 1000), ('MYR', 20, 200), ('NOK', 50, 300), ('NZD', 8, 50), ('PLN', 20, 200), ('RON', 25, 200), ('SEK', 50, 300),
    ('SGD', 7, 50), ('THB', 150, 1000), ('USD', 5, 50)) AS c(currency, point_minor, least_minor)
  WHERE c.currency = p_currency;
END $$;
--> statement-breakpoint
-- From how many points, earned within twelve months, a tier begins, and what it gives.
CREATE FUNCTION loyalty_tiers() RETURNS TABLE (tier text, begins_at integer, discount_percent integer, extra_notice_days integer)
LANGUAGE sql IMMUTABLE AS $$
  VALUES ('bronze', 0, 0, 0), ('silver', 500, 5, 7), ('gold', 2000, 10, 30);
$$;
--> statement-breakpoint
-- Where a person stands. The balance is everything; the tier is what was earned in the last twelve months, less what of it was
-- clawed back, so that spending points costs nobody a tier.
CREATE FUNCTION loyalty_standing(
  p_user uuid, OUT points integer, OUT tier_points integer, OUT tier text, OUT next_tier_at integer,
  OUT discount_percent integer, OUT extra_notice_days integer
) LANGUAGE plpgsql STABLE AS $$
BEGIN
  SELECT coalesce(sum(e.points), 0), greatest(0, coalesce(sum(e.points) FILTER (
           WHERE e.kind IN ('earned', 'reviewed', 'clawed_back') AND e.created_at > clock_timestamp() - interval '12 months'), 0))
    INTO points, tier_points FROM loyalty_entries e WHERE e.user_id = p_user;
  SELECT t.tier, t.discount_percent, t.extra_notice_days INTO tier, discount_percent, extra_notice_days
    FROM loyalty_tiers() t WHERE t.begins_at <= tier_points ORDER BY t.begins_at DESC LIMIT 1;
  SELECT min(t.begins_at) INTO next_tier_at FROM loyalty_tiers() t WHERE t.begins_at > tier_points;
END $$;
--> statement-breakpoint
-- What a person pays for what has this price and deposit: less what their tier takes off, rounded down, unless a card could
-- not be charged so little. What a deposit would leave that could not be charged is paid with it.
CREATE FUNCTION loyalty_price(
  p_user uuid, p_price integer, p_deposit integer, p_currency text,
  OUT price_minor integer, OUT deposit_minor integer, OUT discount_minor integer
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_least integer := (loyalty_currency(p_currency)).least_minor;
BEGIN
  discount_minor := p_price::bigint * (loyalty_standing(p_user)).discount_percent / 100;
  IF v_least IS NULL OR p_price - discount_minor < v_least THEN discount_minor := 0; END IF;
  price_minor := p_price - discount_minor;
  deposit_minor := p_deposit;
  IF discount_minor > 0 AND p_deposit > 0 AND price_minor - p_deposit < v_least THEN deposit_minor := price_minor; END IF;
END $$;
--> statement-breakpoint
-- The price of a hold is frozen when it is made, with the tier that its owner has then.
CREATE FUNCTION bookings_discount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT p.price_minor, p.deposit_minor, p.discount_minor INTO NEW.price_minor, NEW.deposit_minor, NEW.discount_minor
    FROM loyalty_price(NEW.user_id, NEW.price_minor, NEW.deposit_minor, NEW.currency) p;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_discount BEFORE INSERT ON bookings FOR EACH ROW
  WHEN (NEW.kind = 'booking' AND NEW.status = 'held' AND NEW.price_minor > 0) EXECUTE FUNCTION bookings_discount();
--> statement-breakpoint
-- A UUID that is ordered by the time of its making, as the server makes them.
CREATE FUNCTION time_ordered_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send(epoch_ms(clock_timestamp())) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid;
$$;
--> statement-breakpoint
-- Brings the sum of a person's entries of one sort for one booking to what it should be, by one entry for the difference. The
-- row that this follows from is locked by whoever changed it, so two never write at once; were it otherwise, the number
-- in the source would refuse the second. Who has left has no ledger any more.
CREATE FUNCTION loyalty_bring_to(p_user uuid, p_booking uuid, p_sort text, p_sum integer, p_more text, p_less text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_sum integer;
  v_count integer;
BEGIN
  SELECT coalesce(sum(e.points), 0), count(*) INTO v_sum, v_count
    FROM loyalty_entries e WHERE e.booking_id = p_booking AND e.source LIKE p_sort || ':%';
  IF v_sum = p_sum THEN RETURN; END IF;
  INSERT INTO loyalty_entries (id, user_id, points, kind, booking_id, source)
  SELECT time_ordered_id(), p_user, p_sum - v_sum, CASE WHEN p_sum > v_sum THEN p_more ELSE p_less END, p_booking,
         format('%s:%s:%s', p_sort, p_booking, v_count + 1)
  FROM users u WHERE u.id = p_user AND u.deleted_at IS NULL;
END $$;
--> statement-breakpoint
-- A hold that ends gives the points back that were to pay for it.
CREATE FUNCTION bookings_points_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.redeemed_points := 0;
  NEW.points_minor := 0;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_points_back BEFORE UPDATE OF status ON bookings FOR EACH ROW
  WHEN (OLD.status = 'held' AND NEW.status IN ('cancelled', 'expired') AND OLD.redeemed_points > 0)
  EXECUTE FUNCTION bookings_points_back();
--> statement-breakpoint
-- The ledger follows a booking: the points that pay for a part of it are spent, and what took place earns by what was paid and
-- not given back, however late the one or the other comes.
CREATE FUNCTION bookings_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.redeemed_points <> OLD.redeemed_points THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'redeem', -NEW.redeemed_points, 'given_back', 'redeemed');
  END IF;
  IF NEW.status = 'completed' AND NEW.paid_minor > 0 THEN
    PERFORM loyalty_bring_to(NEW.user_id, NEW.id, 'earn',
      coalesce((NEW.paid_minor - NEW.refunded_minor) / (loyalty_currency(NEW.currency)).earn_minor, 0), 'earned', 'clawed_back');
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER bookings_ledger AFTER UPDATE ON bookings FOR EACH ROW
  WHEN (OLD.redeemed_points <> NEW.redeemed_points
    OR NEW.status = 'completed' AND (OLD.status, OLD.paid_minor, OLD.refunded_minor) <> (NEW.status, NEW.paid_minor, NEW.refunded_minor))
  EXECUTE FUNCTION bookings_ledger();
--> statement-breakpoint
-- A review of what had a price earns as long as people see it.
CREATE FUNCTION reviews_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM loyalty_bring_to(NEW.user_id, NEW.booking_id, 'review', CASE WHEN NEW.hidden_at IS NULL THEN 10 ELSE 0 END, 'reviewed', 'clawed_back')
  FROM bookings b WHERE b.id = NEW.booking_id AND b.price_minor + b.discount_minor > 0;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER reviews_ledger AFTER INSERT OR UPDATE OF hidden_at ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_ledger();
--> statement-breakpoint
CREATE FUNCTION loyalty_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id AND deleted_at IS NULL) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'what is written in the ledger of points stays as it is'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'loyalty_entries_stay', TABLE = 'loyalty_entries';
END $$;
--> statement-breakpoint
CREATE TRIGGER loyalty_entries_stay BEFORE UPDATE OR DELETE ON loyalty_entries FOR EACH ROW EXECUTE FUNCTION loyalty_entries_stay();
