-- Keeps `rating_sum` and `review_count` of spaces and specialists equal to their visible reviews. Hidden reviews do
-- not count. The sums change under the row's lock, so concurrent reviews are not lost.
CREATE OR REPLACE FUNCTION reviews_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  v_sum integer := 0;
  v_count integer := 0;
  v_review reviews := coalesce(NEW, OLD);
BEGIN
  IF TG_OP <> 'INSERT' AND OLD.hidden_at IS NULL THEN v_sum := v_sum - OLD.rating; v_count := v_count - 1; END IF;
  IF TG_OP <> 'DELETE' AND NEW.hidden_at IS NULL THEN v_sum := v_sum + NEW.rating; v_count := v_count + 1; END IF;
  IF v_sum <> 0 OR v_count <> 0 THEN
    UPDATE spaces SET rating_sum = rating_sum + v_sum, review_count = review_count + v_count WHERE id = v_review.space_id;
    UPDATE specialists SET rating_sum = rating_sum + v_sum, review_count = review_count + v_count WHERE id = v_review.specialist_id;
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER reviews_count AFTER INSERT OR UPDATE OR DELETE ON reviews FOR EACH ROW EXECUTE FUNCTION reviews_count();
