ALTER TABLE "bookings" DROP CONSTRAINT "bookings_kind";--> statement-breakpoint
ALTER TABLE "bookings" DROP CONSTRAINT "bookings_claims_something";--> statement-breakpoint
ALTER TABLE "event_attendees" DROP CONSTRAINT "event_attendees_status_known";--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_capacity_kept";--> statement-breakpoint
ALTER TABLE "events" DROP CONSTRAINT "events_counts";--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "attends_event_id" uuid;--> statement-breakpoint
ALTER TABLE "event_attendees" ADD COLUMN "booking_id" uuid;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "cancellation" jsonb DEFAULT '[{"hoursBefore":24,"refundPercent":100}]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "held" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_attends_event_id_events_id_fk" FOREIGN KEY ("attends_event_id") REFERENCES "public"."events"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_attendees" ADD CONSTRAINT "event_attendees_booking_id_bookings_id_fk" FOREIGN KEY ("booking_id") REFERENCES "public"."bookings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bookings_attends" ON "bookings" USING btree ("attends_event_id") WHERE "bookings"."attends_event_id" IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "bookings_one_place" ON "bookings" USING btree ("attends_event_id","user_id") WHERE "bookings"."status" IN ('held', 'confirmed');--> statement-breakpoint
CREATE UNIQUE INDEX "event_attendees_booking" ON "event_attendees" USING btree ("booking_id");--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_kind" CHECK ("bookings"."kind" = CASE WHEN "bookings"."event_id" IS NOT NULL THEN 'event'
        WHEN num_nonnulls("bookings"."space_id", "bookings"."specialist_id") = 0 THEN 'attendance' ELSE 'booking' END);--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_claims_something" CHECK (CASE WHEN "bookings"."kind" = 'attendance' THEN "bookings"."status" NOT IN ('pending', 'declined')
        ELSE num_nonnulls("bookings"."space_id", "bookings"."specialist_id") >= 1 AND "bookings"."attends_event_id" IS NULL END);--> statement-breakpoint
ALTER TABLE "event_attendees" ADD CONSTRAINT "event_attendees_paid_by" CHECK (CASE "event_attendees"."status" WHEN 'held' THEN "event_attendees"."booking_id" IS NOT NULL WHEN 'waiting' THEN "event_attendees"."booking_id" IS NULL ELSE true END);--> statement-breakpoint
ALTER TABLE "event_attendees" ADD CONSTRAINT "event_attendees_status_known" CHECK ("event_attendees"."status" IN ('attending', 'held', 'waiting'));--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_capacity_kept" CHECK ("events"."attending" + "events"."held" <= "events"."capacity");--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_counts" CHECK ("events"."attending" >= 0 AND "events"."held" >= 0 AND "events"."waiting" >= 0);