-- Raises the version of a space's calendar and returns the change as JSON: everything that a board needs to go from
-- the previous version to the new one. Read under the lock, so the content belongs to exactly this version.
--
-- p_touched is the time whose slots may have changed. `rules` and `claims` cover one slot and buffer more on each
-- side, because a claim there can overlap a changed slot. `rules` is null if the space was removed. Instants are
-- milliseconds since 1970.
--
-- Called by raise_versions and after other changes of calendars: once per transaction and calendar, after the
-- bookings were written. The space's row must be locked.
CREATE OR REPLACE FUNCTION raise_version(p_space uuid, p_touched tstzmultirange) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_space spaces;
  v_window tstzmultirange;
  v_reach interval;
BEGIN
  UPDATE spaces SET version = version + 1 WHERE id = p_space RETURNING * INTO v_space;
  v_reach := make_interval(mins => v_space.slot_minutes + v_space.buffer_minutes);
  SELECT range_agg(tstzrange(lower(r) - v_reach, upper(r) + v_reach)) INTO v_window FROM unnest(p_touched) AS t(r);
  RETURN json_build_object(
    'fromVersion', v_space.version - 1, 'now', epoch_ms(clock_timestamp()),
    'touched', (SELECT json_agg(json_build_object('from', epoch_ms(lower(r)), 'to', epoch_ms(upper(r)))) FROM unnest(p_touched) AS t(r)),
    'rules', space_rules(p_space, v_window), 'claims', space_claims(p_space, v_window));
END $$;
