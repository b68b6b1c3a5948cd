-- Terms of the points programme for a currency, in minor units: the value of a point (about five US cents), the
-- amount that earns one point, and the smallest amount that Stripe charges to a card. All null if the currency has no
-- points. Called by loyalty_price and bookings_follow, and to redeem points.
CREATE OR REPLACE FUNCTION loyalty_currency(p_currency text, OUT point_minor integer, OUT earn_minor integer, OUT least_minor integer)
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
