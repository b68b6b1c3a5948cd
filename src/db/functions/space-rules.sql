-- Returns the booking rules of a space as JSON: settings, versions, weekly hours and the closures that overlap
-- p_window. Null if the space or its location was removed.
--
-- Hours are local times of the location; the location's hours apply unless the space has its own. Time off of a
-- specialist is a closure too, but closes no space. Closures are in milliseconds since 1970, the price is per slot in
-- minor units.
--
-- Called for quotes, boards and searches, and by raise_version and specialist_rooms. Needs no lock: claim compares
-- the rules versions.
CREATE OR REPLACE FUNCTION space_rules(p_space uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT json_build_object(
      'spaceId', s.id, 'locationId', s.location_id, 'timeZone', l.time_zone, 'units', s.units,
      'slotMinutes', s.slot_minutes, 'bufferMinutes', s.buffer_minutes, 'maxSlots', s.max_slots,
      'minNoticeMinutes', s.min_notice_minutes, 'maxNoticeDays', s.max_notice_days,
      'priceMinor', s.price_minor, 'currency', s.currency,
      'version', s.version, 'rulesVersion', s.rules_version,
      'hours', coalesce((
        SELECT json_agg(json_build_object('weekday', h.weekday, 'opensAt', h.opens_at, 'closesAt', h.closes_at)
                        ORDER BY h.weekday, h.opens_at)
        FROM opening_hours h
        WHERE CASE WHEN s.own_hours THEN h.space_id = s.id ELSE h.location_id = s.location_id END), '[]'),
      'closures', coalesce((
        SELECT json_agg(json_build_object('from', epoch_ms(c.starts_at), 'to', epoch_ms(c.ends_at)))
        FROM closures c
        WHERE c.location_id = s.location_id AND (c.space_id IS NULL OR c.space_id = s.id) AND c.specialist_id IS NULL
          AND tstzrange(c.starts_at, c.ends_at) && p_window), '[]'))
    FROM spaces s JOIN locations l ON l.id = s.location_id
    WHERE s.id = p_space AND s.removed_at IS NULL AND l.removed_at IS NULL);
END $$;
