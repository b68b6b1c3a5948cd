-- Raises the version of every calendar that these bookings claim, once each, and returns the changes as a JSON array.
-- Null if the bookings claim no calendar.
--
-- Called by claim and release_hold. The rows of all these spaces and specialists must be locked.
CREATE OR REPLACE FUNCTION raise_versions(p_bookings uuid[]) RETURNS json LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (
    SELECT json_agg(t.change) FROM (
      SELECT raise_version(b.space_id, range_agg(b.claimed)) AS change
      FROM bookings b WHERE b.id = ANY(p_bookings) AND b.space_id IS NOT NULL GROUP BY b.space_id
      UNION ALL
      SELECT raise_specialist_version(b.specialist_id, range_agg(b.claimed))
      FROM bookings b WHERE b.id = ANY(p_bookings) AND b.specialist_id IS NOT NULL GROUP BY b.specialist_id) t);
END $$;
