CREATE TABLE "loyalty_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"points" integer NOT NULL,
	"kind" text NOT NULL,
	"booking_id" uuid,
	"source" text NOT NULL,
	"reason" text,
	"made_by" uuid,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "loyalty_entries_source_key" UNIQUE("source"),
	CONSTRAINT "loyalty_entries_kind_known" CHECK ("loyalty_entries"."kind" IN ('earned', 'reviewed', 'clawed_back', 'redeemed', 'given_back', 'correction')),
	CONSTRAINT "loyalty_entries_sign" CHECK ("loyalty_entries"."points" <> 0 AND ("loyalty_entries"."kind" = 'correction' OR ("loyalty_entries"."points" < 0) = ("loyalty_entries"."kind" IN ('clawed_back', 'redeemed')))),
	CONSTRAINT "loyalty_entries_why" CHECK (("loyalty_entries"."kind" = 'correction') = ("loyalty_entries"."reason" IS NOT NULL))
);
--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "discount_minor" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "redeemed_points" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "points_minor" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "loyalty_entries" ADD CONSTRAINT "loyalty_entries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "loyalty_entries_user" ON "loyalty_entries" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "loyalty_entries_booking" ON "loyalty_entries" USING btree ("booking_id") WHERE "loyalty_entries"."booking_id" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_points" CHECK ("bookings"."discount_minor" >= 0 AND "bookings"."redeemed_points" >= 0 AND "bookings"."points_minor" BETWEEN 0 AND "bookings"."price_minor"
        AND ("bookings"."redeemed_points" = 0) = ("bookings"."points_minor" = 0));