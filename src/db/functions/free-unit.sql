-- Returns the lowest unit of a space that is free over the whole period, or null if there is none.
--
-- p_units is the number of units of the space and p_claim the period, buffer included. Holds that end at or before
-- p_now do not count, nor does the booking p_except. Called by free_place, and by a late payment that needs its time
-- back. The result is only reliable while the space is locked.
CREATE OR REPLACE FUNCTION free_unit(p_space uuid, p_units integer, p_claim tstzrange, p_now timestamptz, p_except uuid DEFAULT NULL)
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
