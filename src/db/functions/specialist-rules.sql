-- Returns the booking rules of a specialist as JSON, in the form of space_rules, and their services with duration,
-- buffer, price and required room. Null if the specialist or the location was removed.
--
-- The settings at the top level are the grid of a board without a service: it has no price and no buffer. Only
-- closures of the whole location and the specialist's own time off apply.
--
-- Called for quotes, boards and searches, and by raise_specialist_version. Needs no lock: claim compares the rules
-- versions.
CREATE OR REPLACE FUNCTION specialist_rules(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT json_build_object(
      'specialistId', s.id, 'locationId', s.location_id, 'timeZone', l.time_zone, 'units', 1,
      'slotMinutes', s.slot_minutes, 'bufferMinutes', 0, 'maxSlots', 1,
      'minNoticeMinutes', s.min_notice_minutes, 'maxNoticeDays', s.max_notice_days,
      'priceMinor', 0, 'currency', coalesce((SELECT min(v.currency) FROM services v WHERE v.specialist_id = s.id AND v.removed_at IS NULL), 'EUR'),
      'version', s.version, 'rulesVersion', s.rules_version,
      'hours', coalesce((
        SELECT json_agg(json_build_object('weekday', h.weekday, 'opensAt', h.opens_at, 'closesAt', h.closes_at)
                        ORDER BY h.weekday, h.opens_at)
        FROM opening_hours h WHERE h.specialist_id = s.id), '[]'),
      'closures', coalesce((
        SELECT json_agg(json_build_object('from', epoch_ms(c.starts_at), 'to', epoch_ms(c.ends_at)))
        FROM closures c
        WHERE c.location_id = s.location_id AND c.space_id IS NULL AND (c.specialist_id IS NULL OR c.specialist_id = s.id)
          AND tstzrange(c.starts_at, c.ends_at) && p_window), '[]'),
      'services', coalesce((
        SELECT json_agg(json_build_object(
          'serviceId', v.id, 'slotMinutes', v.duration_minutes, 'bufferMinutes', v.buffer_minutes,
          'priceMinor', v.price_minor, 'currency', v.currency,
          'room', CASE WHEN v.needs_room THEN json_build_object('kind', v.room_kind, 'capacity', v.room_capacity) END) ORDER BY v.id)
        FROM services v WHERE v.specialist_id = s.id AND v.removed_at IS NULL), '[]'))
    FROM specialists s JOIN locations l ON l.id = s.location_id
    WHERE s.id = p_specialist AND s.removed_at IS NULL AND l.removed_at IS NULL);
END $$;
