-- Makes the points ledger append-only: rejects every UPDATE, and every DELETE except those of a deleted account, with
-- SQLSTATE 23514 and the constraint name loyalty_entries_stay. A mistake is corrected by another entry.
CREATE OR REPLACE FUNCTION loyalty_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM users WHERE id = OLD.user_id AND deleted_at IS NULL) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'what is written in the ledger of points stays as it is'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'loyalty_entries_stay', TABLE = 'loyalty_entries';
END $$;

CREATE OR REPLACE TRIGGER loyalty_entries_stay BEFORE UPDATE OR DELETE ON loyalty_entries FOR EACH ROW EXECUTE FUNCTION loyalty_entries_stay();
