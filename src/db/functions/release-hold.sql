-- Releases a user's hold on a slot in one round trip, if no payment was started. Called by services/bookings/hold.ts.
--
-- p_slot_of is the id of the slot's space or service, p_at its start. Locks the hold's calendars before it changes
-- anything: the space, then the specialist.
--
-- Outcomes; only RELEASED writes anything:
--   RELEASED  `booking` is the cancelled hold, `changes` holds one entry per calendar.
--   NOT_HELD  The user has no hold on this slot, or it has expired or was rescheduled to another calendar.
--   MONEY     A payment was started. The caller must release the hold in the way that also cancels payments.
CREATE OR REPLACE FUNCTION release_hold(
  p_user uuid, p_slot_of uuid, p_at timestamptz,
  OUT outcome text, OUT booking jsonb, OUT changes json
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_row bookings;
BEGIN
  -- Materialized: with ORDER BY in the same query, the planner scans the expiry index through the holds of all users.
  WITH own AS MATERIALIZED (
    SELECT * FROM bookings b
    WHERE b.user_id = p_user AND b.status = 'held' AND b.kind = 'booking' AND (b.space_id = p_slot_of OR b.service_id = p_slot_of)
      AND b.starts_at <= p_at AND b.ends_at > p_at)
  SELECT * INTO v_row FROM own ORDER BY hold_expires_at DESC, id DESC LIMIT 1;
  IF NOT FOUND THEN outcome := 'NOT_HELD'; RETURN; END IF;

  IF v_row.space_id IS NOT NULL THEN PERFORM FROM spaces WHERE id = v_row.space_id FOR NO KEY UPDATE; END IF;
  IF v_row.specialist_id IS NOT NULL THEN PERFORM FROM specialists WHERE id = v_row.specialist_id FOR NO KEY UPDATE; END IF;
  IF EXISTS (SELECT FROM payments p WHERE p.booking_id = v_row.id) THEN outcome := 'MONEY'; RETURN; END IF;

  -- A hold that was rescheduled to another calendar is left alone, because that calendar is not locked.
  UPDATE bookings SET status = 'cancelled'
  WHERE id = v_row.id AND status = 'held' AND hold_expires_at > clock_timestamp()
    AND space_id IS NOT DISTINCT FROM v_row.space_id AND specialist_id IS NOT DISTINCT FROM v_row.specialist_id
  RETURNING * INTO v_row;
  IF NOT FOUND THEN outcome := 'NOT_HELD'; RETURN; END IF;
  outcome := 'RELEASED';
  booking := to_jsonb(v_row);
  changes := raise_versions(ARRAY[v_row.id]);
END $$;
