-- Returns the points balance and the tier of a user, with the tier's benefits.
--
-- `points` is the sum of all entries. `tier_points` sums the points earned and clawed back in the last 12 months, at
-- least 0, so spending points never lowers the tier. `next_tier_at` is null in the highest tier. Called by
-- loyalty_price, and to show or redeem points. The balance is not stored: lock the user before deciding on it, or two
-- transactions can spend the same points.
CREATE OR REPLACE FUNCTION loyalty_standing(
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
