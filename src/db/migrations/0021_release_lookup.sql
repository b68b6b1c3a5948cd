-- As before, but that a person's holds are found by the person: read in the order of their ends, the plan went through the holds of
-- everybody to be sure of the last one, which took as long as there were holds in the house.
CREATE OR REPLACE FUNCTION release_hold(
  p_user uuid, p_slot_of uuid, p_at timestamptz,
  OUT outcome text, OUT booking jsonb, OUT changes json
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_row bookings;
BEGIN
  WITH own AS MATERIALIZED (
    SELECT * FROM bookings b
    WHERE b.user_id = p_user AND b.status = 'held' AND b.kind = 'booking' AND (b.space_id = p_slot_of OR b.service_id = p_slot_of)
      AND b.starts_at <= p_at AND b.ends_at > p_at)
  SELECT * INTO v_row FROM own ORDER BY hold_expires_at DESC, id DESC LIMIT 1;
  IF NOT FOUND THEN outcome := 'NOT_HELD'; RETURN; END IF;

  IF v_row.space_id IS NOT NULL THEN PERFORM FROM spaces WHERE id = v_row.space_id FOR NO KEY UPDATE; END IF;
  IF v_row.specialist_id IS NOT NULL THEN PERFORM FROM specialists WHERE id = v_row.specialist_id FOR NO KEY UPDATE; END IF;
  IF EXISTS (SELECT FROM payments p WHERE p.booking_id = v_row.id) THEN outcome := 'MONEY'; RETURN; END IF;

  -- One that was moved to another calendar meanwhile is left alone: that calendar is not locked.
  UPDATE bookings SET status = 'cancelled'
  WHERE id = v_row.id AND status = 'held' AND hold_expires_at > clock_timestamp()
    AND space_id IS NOT DISTINCT FROM v_row.space_id AND specialist_id IS NOT DISTINCT FROM v_row.specialist_id
  RETURNING * INTO v_row;
  IF NOT FOUND THEN outcome := 'NOT_HELD'; RETURN; END IF;
  outcome := 'RELEASED';
  booking := to_jsonb(v_row);
  changes := raise_versions(ARRAY[v_row.id]);
END $$;
