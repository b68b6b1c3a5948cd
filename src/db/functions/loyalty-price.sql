-- Returns the price, deposit and discount that a user gets for a list price and deposit, in minor units of the
-- currency.
--
-- The tier discount is rounded down. There is none if the currency has no points or if the rest would be too small to
-- charge to a card. If the balance after the deposit would be too small to charge, the deposit becomes the whole
-- price. Called by bookings_guard for a new hold, and to price a reschedule.
CREATE OR REPLACE FUNCTION loyalty_price(
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
