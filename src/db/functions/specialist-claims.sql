-- Returns the claims on a specialist that overlap p_window, in the same form as space_claims, with unit 1. Called for
-- boards and searches, and by raise_specialist_version. Needs no lock.
CREATE OR REPLACE FUNCTION specialist_claims(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'unit', 1, 'from', epoch_ms(lower(b.claimed)), 'to', epoch_ms(upper(b.claimed)),
      'startsAt', epoch_ms(b.starts_at), 'endsAt', epoch_ms(b.ends_at),
      'held', b.status = 'held', 'expiresAt', epoch_ms(b.hold_expires_at), 'userId', b.user_id)), '[]')
    FROM bookings b
    WHERE b.specialist_id = p_specialist AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_window
      AND (b.status <> 'held' OR b.hold_expires_at > v_now));
END $$;
