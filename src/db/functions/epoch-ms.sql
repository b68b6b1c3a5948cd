-- Converts an instant to milliseconds since 1970, as JavaScript's Date counts them. Fractions are rounded down.
-- date_part computes in floats, several times as fast as extract in numerics; 0.0005 makes up for a float just below a
-- whole number.
CREATE OR REPLACE FUNCTION epoch_ms(p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN floor(date_part('epoch', p_at) * 1000 + 0.0005)::bigint;
