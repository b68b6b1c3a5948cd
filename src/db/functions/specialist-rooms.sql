-- Returns the rooms that a specialist's services can use, as a JSON array: each space of the location with a suitable
-- kind and capacity, with its rules and its claims in p_window. Called for quotes, boards and searches, and by
-- raise_specialist_version. Needs no lock.
CREATE OR REPLACE FUNCTION specialist_rooms(p_specialist uuid, p_window tstzmultirange) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (
    SELECT coalesce(json_agg(json_build_object(
      'kind', r.kind, 'capacity', r.capacity, 'rules', space_rules(r.id, p_window), 'claims', space_claims(r.id, p_window))), '[]')
    FROM specialists s JOIN spaces r ON r.location_id = s.location_id AND r.removed_at IS NULL
    WHERE s.id = p_specialist AND EXISTS (
      SELECT FROM services v
      WHERE v.specialist_id = s.id AND v.removed_at IS NULL AND v.needs_room
        AND v.room_kind = r.kind AND v.room_capacity <= r.capacity));
END $$;
