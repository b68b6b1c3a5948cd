-- Brings the points of one booking and one sort to a sum, by one ledger entry for the difference. Repeated calls with
-- the same sum write nothing.
--
-- p_sort is redeem, earn or review and the prefix of the entry's unique `source`. p_more and p_less are the kinds of
-- an entry that raises or lowers the sum. Writes nothing if the account was deleted.
--
-- Called by bookings_follow and reviews_ledger, which hold the row lock of the booking or review. If two transactions
-- ever wrote at once, the number at the end of `source` would make the second one fail.
CREATE OR REPLACE FUNCTION loyalty_bring_to(p_user uuid, p_booking uuid, p_sort text, p_sum integer, p_more text, p_less text)
RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_sum integer;
  v_count integer;
BEGIN
  SELECT coalesce(sum(e.points), 0), count(*) INTO v_sum, v_count
    FROM loyalty_entries e WHERE e.booking_id = p_booking AND e.source LIKE p_sort || ':%';
  IF v_sum = p_sum THEN RETURN; END IF;
  INSERT INTO loyalty_entries (id, user_id, points, kind, booking_id, source)
  SELECT time_ordered_id(), p_user, p_sum - v_sum, CASE WHEN p_sum > v_sum THEN p_more ELSE p_less END, p_booking,
         format('%s:%s:%s', p_sort, p_booking, v_count + 1)
  FROM users u WHERE u.id = p_user AND u.deleted_at IS NULL;
END $$;
