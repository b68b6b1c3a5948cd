CREATE TABLE "activity" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "activity_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"booking_id" uuid,
	"user_id" uuid,
	"location_id" uuid,
	"space_id" uuid,
	"specialist_id" uuid,
	"source" text,
	"amount_minor" integer,
	"currency" text,
	CONSTRAINT "activity_kind_known" CHECK ("activity"."kind" IN ('pending', 'confirmed', 'declined', 'cancelled', 'completed', 'no_show', 'rescheduled', 'paid', 'refunded', 'refund_failed', 'reviewed', 'checked_in')),
	CONSTRAINT "activity_money_whole" CHECK (("activity"."amount_minor" IS NULL) = ("activity"."currency" IS NULL) AND "activity"."amount_minor" >= 0)
);
--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "source" text DEFAULT 'system' NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "booked_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "activity_money" ON "activity" USING btree ("at") WHERE "activity"."amount_minor" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "activity_booking" ON "activity" USING btree ("booking_id");--> statement-breakpoint
CREATE INDEX "bookings_created" ON "bookings" USING brin ("created_at");--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_source_known" CHECK ("bookings"."source" IN ('web', 'rest', 'socket', 'telegram', 'admin', 'system'));