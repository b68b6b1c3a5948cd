-- Returns the claims on a space that overlap p_window, as a JSON array. Expired holds are left out, swept or not.
--
-- `from` and `to` include the buffer, `startsAt` and `endsAt` do not; all are milliseconds since 1970. `expiresAt`
-- only applies if `held` is true.
--
-- Called for boards and searches, and by raise_version and specialist_rooms. Needs no lock.
CREATE OR REPLACE FUNCTION space_claims(p_space uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'unit', b.unit, 'from', epoch_ms(lower(b.claimed)), 'to', epoch_ms(upper(b.claimed)),
      'startsAt', epoch_ms(b.starts_at), 'endsAt', epoch_ms(b.ends_at),
      'held', b.status = 'held', 'expiresAt', epoch_ms(b.hold_expires_at), 'userId', b.user_id)), '[]')
    FROM bookings b
    WHERE b.space_id = p_space AND b.status IN ('held', 'pending', 'confirmed') AND b.claimed && p_window
      AND (b.status <> 'held' OR b.hold_expires_at > v_now));
END $$;
