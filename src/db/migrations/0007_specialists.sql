CREATE TABLE "reviews" (
	"id" uuid PRIMARY KEY NOT NULL,
	"booking_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"space_id" uuid,
	"specialist_id" uuid,
	"rating" integer NOT NULL,
	"comment" text,
	"answer" text,
	"hidden_at" timestamp with time zone,
	"hidden_reason" text,
	"created_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "reviews_booking_key" UNIQUE("booking_id"),
	CONSTRAINT "reviews_rating" CHECK ("reviews"."rating" BETWEEN 1 AND 5),
	CONSTRAINT "reviews_one_subject" CHECK (num_nonnulls("reviews"."space_id", "reviews"."specialist_id") = 1),
	CONSTRAINT "reviews_hidden_why" CHECK (("reviews"."hidden_at" IS NULL) = ("reviews"."hidden_reason" IS NULL))
);
--> statement-breakpoint
CREATE TABLE "services" (
	"id" uuid PRIMARY KEY NOT NULL,
	"specialist_id" uuid NOT NULL,
	"name" text NOT NULL,
	"duration_minutes" integer DEFAULT 60 NOT NULL,
	"buffer_minutes" integer DEFAULT 0 NOT NULL,
	"price_minor" integer DEFAULT 0 NOT NULL,
	"deposit_minor" integer DEFAULT 0 NOT NULL,
	"currency" text DEFAULT 'EUR' NOT NULL,
	"needs_approval" boolean DEFAULT false NOT NULL,
	"answer_hours" integer DEFAULT 24 NOT NULL,
	"needs_room" boolean DEFAULT false NOT NULL,
	"room_kind" text DEFAULT 'meeting_room' NOT NULL,
	"room_capacity" integer DEFAULT 1 NOT NULL,
	"cancellation" jsonb DEFAULT '[{"hoursBefore":24,"refundPercent":100}]'::jsonb NOT NULL,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "services_duration" CHECK ("services"."duration_minutes" BETWEEN 5 AND 1440),
	CONSTRAINT "services_buffer" CHECK ("services"."buffer_minutes" BETWEEN 0 AND 1440),
	CONSTRAINT "services_money" CHECK ("services"."deposit_minor" BETWEEN 0 AND "services"."price_minor"),
	CONSTRAINT "services_answer_hours" CHECK ("services"."answer_hours" BETWEEN 1 AND 720),
	CONSTRAINT "services_room_kind_known" CHECK ("services"."room_kind" IN ('desk', 'meeting_room', 'private_office', 'event_hall', 'phone_booth'))
);
--> statement-breakpoint
CREATE TABLE "specialists" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid,
	"location_id" uuid NOT NULL,
	"name" text NOT NULL,
	"about" text DEFAULT '' NOT NULL,
	"slot_minutes" integer DEFAULT 30 NOT NULL,
	"min_notice_minutes" integer DEFAULT 0 NOT NULL,
	"max_notice_days" integer DEFAULT 90 NOT NULL,
	"rating_sum" integer DEFAULT 0 NOT NULL,
	"review_count" integer DEFAULT 0 NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"rules_version" integer DEFAULT 1 NOT NULL,
	"removed_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "specialists_slot_minutes" CHECK ("specialists"."slot_minutes" BETWEEN 5 AND 1440)
);
--> statement-breakpoint
ALTER TABLE "opening_hours" DROP CONSTRAINT "opening_hours_one_owner";--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "specialist_user_id" uuid;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "answer_hours" integer;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "answer_by" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "closures" ADD COLUMN "specialist_id" uuid;--> statement-breakpoint
ALTER TABLE "opening_hours" ADD COLUMN "specialist_id" uuid;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_booking_id_bookings_id_fk" FOREIGN KEY ("booking_id") REFERENCES "public"."bookings"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_space_id_spaces_id_fk" FOREIGN KEY ("space_id") REFERENCES "public"."spaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reviews" ADD CONSTRAINT "reviews_specialist_id_specialists_id_fk" FOREIGN KEY ("specialist_id") REFERENCES "public"."specialists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "services" ADD CONSTRAINT "services_specialist_id_specialists_id_fk" FOREIGN KEY ("specialist_id") REFERENCES "public"."specialists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "specialists" ADD CONSTRAINT "specialists_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "specialists" ADD CONSTRAINT "specialists_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "public"."locations"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "reviews_user" ON "reviews" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "reviews_space" ON "reviews" USING btree ("space_id","id");--> statement-breakpoint
CREATE INDEX "reviews_specialist" ON "reviews" USING btree ("specialist_id","id");--> statement-breakpoint
CREATE INDEX "services_specialist" ON "services" USING btree ("specialist_id");--> statement-breakpoint
CREATE UNIQUE INDEX "specialists_user" ON "specialists" USING btree ("user_id") WHERE "specialists"."removed_at" IS NULL;--> statement-breakpoint
CREATE INDEX "specialists_location" ON "specialists" USING btree ("location_id");--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_specialist_id_specialists_id_fk" FOREIGN KEY ("specialist_id") REFERENCES "public"."specialists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_specialist_user_id_users_id_fk" FOREIGN KEY ("specialist_user_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_service_id_services_id_fk" FOREIGN KEY ("service_id") REFERENCES "public"."services"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "closures" ADD CONSTRAINT "closures_specialist_id_specialists_id_fk" FOREIGN KEY ("specialist_id") REFERENCES "public"."specialists"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "opening_hours" ADD CONSTRAINT "opening_hours_specialist_id_specialists_id_fk" FOREIGN KEY ("specialist_id") REFERENCES "public"."specialists"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bookings_specialist_user" ON "bookings" USING btree ("specialist_user_id","id") WHERE "bookings"."specialist_user_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "bookings_answer" ON "bookings" USING btree ("answer_by") WHERE "bookings"."status" = 'pending';--> statement-breakpoint
CREATE INDEX "closures_specialist" ON "closures" USING btree ("specialist_id");--> statement-breakpoint
CREATE INDEX "opening_hours_specialist" ON "opening_hours" USING btree ("specialist_id");--> statement-breakpoint
ALTER TABLE "closures" ADD CONSTRAINT "closures_one_calendar" CHECK (num_nonnulls("closures"."space_id", "closures"."specialist_id") <= 1);--> statement-breakpoint
ALTER TABLE "opening_hours" ADD CONSTRAINT "opening_hours_one_owner" CHECK (num_nonnulls("opening_hours"."location_id", "opening_hours"."space_id", "opening_hours"."specialist_id") = 1);