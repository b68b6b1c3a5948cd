-- Picks the unit for a requested time: the first suitable space with a free unit, over a period in which the
-- specialist is free too. Called by claim, and to reschedule a booking.
--
-- p_spaces lists the suitable spaces, best first; it is empty for a service that needs no room. p_specialist is null
-- for a space without a service. p_buffer_minutes is the buffer of the service; the longer one of it and the space's
-- applies. p_except is a booking whose own claim does not count, because it is being rescheduled.
--
-- Returns all nulls if the time is taken. `claimed` is the period to claim, buffer included; `space_id` and `unit`
-- are null if no room is needed. The result is only reliable while the calendars are locked.
CREATE OR REPLACE FUNCTION free_place(
  p_spaces uuid[], p_specialist uuid, p_starts timestamptz, p_ends timestamptz, p_buffer_minutes integer, p_except uuid DEFAULT NULL,
  OUT space_id uuid, OUT unit integer, OUT claimed tstzrange
) LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_space spaces;
  v_now timestamptz := clock_timestamp();
BEGIN
  IF cardinality(p_spaces) = 0 THEN
    claimed := tstzrange(p_starts, p_ends + make_interval(mins => p_buffer_minutes));
    IF NOT specialist_free(p_specialist, claimed, v_now, p_except) THEN claimed := NULL; END IF;
    RETURN;
  END IF;
  FOR v_space IN
    SELECT s.* FROM unnest(p_spaces) WITH ORDINALITY AS p(id, preference) JOIN spaces s ON s.id = p.id
    WHERE s.removed_at IS NULL ORDER BY p.preference
  LOOP
    claimed := tstzrange(p_starts, p_ends + make_interval(mins => greatest(p_buffer_minutes, v_space.buffer_minutes)));
    unit := free_unit(v_space.id, v_space.units, claimed, v_now, p_except);
    IF unit IS NOT NULL AND (p_specialist IS NULL OR specialist_free(p_specialist, claimed, v_now, p_except)) THEN
      space_id := v_space.id;
      RETURN;
    END IF;
  END LOOP;
  unit := NULL;
  claimed := NULL;
END $$;
