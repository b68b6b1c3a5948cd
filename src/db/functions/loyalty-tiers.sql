-- The tiers: the points earned in 12 months at which each begins, its discount in percent and its extra days of
-- notice. Called by loyalty_standing, and to notice that a user has reached a tier.
CREATE OR REPLACE FUNCTION loyalty_tiers() RETURNS TABLE (tier text, begins_at integer, discount_percent integer, extra_notice_days integer)
LANGUAGE sql IMMUTABLE AS $$
  VALUES ('bronze', 0, 0, 0), ('silver', 500, 5, 7), ('gold', 2000, 10, 30);
$$;
