-- Converts an instant to milliseconds since 1970, as JavaScript's Date counts them. Fractions are rounded down.
CREATE OR REPLACE FUNCTION epoch_ms(p_at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
  RETURN floor(extract(epoch FROM p_at) * 1000)::bigint;
