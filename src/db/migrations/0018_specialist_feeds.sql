ALTER TABLE "calendar_secrets" ADD COLUMN "kind" text DEFAULT 'person' NOT NULL;--> statement-breakpoint
ALTER TABLE "calendar_secrets" DROP CONSTRAINT "calendar_secrets_pkey";--> statement-breakpoint
ALTER TABLE "calendar_secrets" ADD CONSTRAINT "calendar_secrets_owner_pkey" PRIMARY KEY("user_id","kind");--> statement-breakpoint
ALTER TABLE "calendar_secrets" ADD CONSTRAINT "calendar_secrets_kind_known" CHECK ("calendar_secrets"."kind" IN ('person', 'specialist'));
--> statement-breakpoint
-- As before, and paid places at events are told of too.
DROP TRIGGER bookings_activity ON bookings;--> statement-breakpoint
CREATE TRIGGER bookings_activity AFTER UPDATE OF status, starts_at, ends_at, space_id ON bookings FOR EACH ROW
  WHEN (NEW.booked_at IS NOT NULL AND NEW.kind <> 'event' AND (
    OLD.status <> NEW.status OR NEW.status IN ('pending', 'confirmed') AND
      (OLD.starts_at <> NEW.starts_at OR OLD.ends_at <> NEW.ends_at OR OLD.space_id IS DISTINCT FROM NEW.space_id)))
  EXECUTE FUNCTION bookings_activity();--> statement-breakpoint
CREATE OR REPLACE VIEW happenings AS
  SELECT 'held' AS kind, created_at AS at, id AS booking_id, user_id, location_id, space_id, specialist_id, source,
    NULL::integer AS amount_minor, NULL::text AS currency
  FROM bookings WHERE kind <> 'event'
  UNION ALL
  SELECT CASE status WHEN 'expired' THEN 'expired' ELSE 'released' END, CASE status WHEN 'expired' THEN hold_expires_at ELSE updated_at END,
    id, user_id, location_id, space_id, specialist_id, source, NULL, NULL
  FROM bookings WHERE kind <> 'event' AND booked_at IS NULL AND status IN ('expired', 'cancelled')
  UNION ALL
  SELECT kind, at, booking_id, user_id, location_id, space_id, specialist_id, source, amount_minor, currency FROM activity;
