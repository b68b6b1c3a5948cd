-- Returns whether a specialist is free over the whole period p_claim, buffer included. Holds that end at or before
-- p_now do not count, nor does the booking p_except. Called by free_place, and by a late payment that needs its time
-- back. The result is only reliable while the specialist is locked.
CREATE OR REPLACE FUNCTION specialist_free(p_specialist uuid, p_claim tstzrange, p_now timestamptz, p_except uuid DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NOT EXISTS (
    SELECT FROM bookings b
    WHERE b.specialist_id = p_specialist AND b.status IN ('held', 'pending', 'confirmed')
      AND b.claimed && p_claim AND b.id IS DISTINCT FROM p_except
      AND (b.status <> 'held' OR b.hold_expires_at > p_now));
END $$;
