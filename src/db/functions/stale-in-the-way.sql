-- Returns the stale holds that overlap p_claim on one of the spaces, on any unit, or on the specialist. Each appears
-- once, also if it claims both. p_specialist may be null; the booking p_except is left out.
--
-- They must become `expired` before the new claim is written, because the exclusion constraints still count holds
-- past their end. Each of them may also claim a calendar that is not among the arguments: it must be locked too
-- before the hold is expired. Called by claim, by room claims of events, and when a booking is rescheduled or takes
-- its expired time back.
CREATE OR REPLACE FUNCTION stale_in_the_way(p_spaces uuid[], p_specialist uuid, p_claim tstzrange, p_except uuid DEFAULT NULL)
RETURNS SETOF bookings LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN QUERY
    SELECT b.* FROM bookings b
    WHERE b.space_id = ANY(p_spaces) AND b.status = 'held' AND b.hold_expires_at <= v_now AND b.claimed && p_claim
      AND b.id IS DISTINCT FROM p_except;
  IF p_specialist IS NOT NULL THEN
    RETURN QUERY
      SELECT b.* FROM bookings b
      WHERE b.specialist_id = p_specialist AND b.status = 'held' AND b.hold_expires_at <= v_now AND b.claimed && p_claim
        AND b.id IS DISTINCT FROM p_except AND (b.space_id = ANY(p_spaces)) IS NOT TRUE;
  END IF;
END $$;
