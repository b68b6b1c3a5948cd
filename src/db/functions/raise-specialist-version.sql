-- Raises the version of a specialist's calendar and returns the change as JSON, like raise_version for a space.
-- `rooms` adds the rooms that the services can use.
--
-- Called by raise_versions and after other changes of calendars: once per transaction and calendar, after the
-- bookings were written. The specialist's row must be locked.
CREATE OR REPLACE FUNCTION raise_specialist_version(p_specialist uuid, p_touched tstzmultirange) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_specialist specialists;
  v_window tstzmultirange;
  v_reach interval;
  v_rooms json := '[]';
BEGIN
  UPDATE specialists SET version = version + 1 WHERE id = p_specialist RETURNING * INTO v_specialist;
  -- The longest slot and the longest buffer, which may be a room's.
  v_reach := make_interval(mins => greatest(v_specialist.slot_minutes, (
      SELECT max(duration_minutes + buffer_minutes) FROM services WHERE specialist_id = p_specialist AND removed_at IS NULL))
    + coalesce((SELECT max(buffer_minutes) FROM spaces WHERE location_id = v_specialist.location_id AND removed_at IS NULL), 0));
  SELECT range_agg(tstzrange(lower(r) - v_reach, upper(r) + v_reach)) INTO v_window FROM unnest(p_touched) AS t(r);
  RETURN json_build_object(
    'fromVersion', v_specialist.version - 1, 'now', epoch_ms(clock_timestamp()),
    'touched', (SELECT json_agg(json_build_object('from', epoch_ms(lower(r)), 'to', epoch_ms(upper(r)))) FROM unnest(p_touched) AS t(r)),
    'rules', specialist_rules(p_specialist, v_window), 'claims', specialist_claims(p_specialist, v_window),
    'rooms', specialist_rooms(p_specialist, v_window));
END $$;
