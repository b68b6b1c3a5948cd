CREATE TABLE "check_ins" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"location_id" uuid NOT NULL,
	"booking_id" uuid,
	"way" text NOT NULL,
	"note" text,
	"since" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"until" timestamp with time zone,
	CONSTRAINT "check_ins_way_known" CHECK ("check_ins"."way" IN ('hand', 'door', 'booking')),
	CONSTRAINT "check_ins_period" CHECK ("check_ins"."since" <= "check_ins"."until")
);
--> statement-breakpoint
CREATE TABLE "event_attendees" (
	"event_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"status" text NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "event_attendees_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"reminded_hours" smallint,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "event_attendees_pkey" PRIMARY KEY("event_id","user_id"),
	CONSTRAINT "event_attendees_status_known" CHECK ("event_attendees"."status" IN ('attending', 'waiting'))
);
--> statement-breakpoint
CREATE TABLE "events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"location_id" uuid NOT NULL,
	"space_id" uuid,
	"creator_id" uuid,
	"title" text NOT NULL,
	"text" text DEFAULT '' NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	"capacity" integer,
	"price_minor" integer DEFAULT 0 NOT NULL,
	"currency" text DEFAULT 'EUR' NOT NULL,
	"visibility" text DEFAULT 'public' NOT NULL,
	"attending" integer DEFAULT 0 NOT NULL,
	"waiting" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "events_period" CHECK ("events"."starts_at" < "events"."ends_at"),
	CONSTRAINT "events_capacity" CHECK ("events"."capacity" >= 1),
	CONSTRAINT "events_capacity_kept" CHECK ("events"."attending" <= "events"."capacity"),
	CONSTRAINT "events_counts" CHECK ("events"."attending" >= 0 AND "events"."waiting" >= 0),
	CONSTRAINT "events_price" CHECK ("events"."price_minor" >= 0),
	CONSTRAINT "events_visibility_known" CHECK ("events"."visibility" IN ('public', 'members'))
);
--> statement-breakpoint
CREATE TABLE "calendar_secrets" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "calendar_secrets_hash_key" UNIQUE("secret_hash")
);
--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "kind" text DEFAULT 'booking' NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "event_id" uuid;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "arrived_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "locations" ADD COLUMN "version" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "spaces" ADD COLUMN "arrival_grace_minutes" integer;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "hidden" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "check_ins" ADD CONSTRAINT "check_ins_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "check_ins" ADD CONSTRAINT "check_ins_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "public"."locations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "check_ins" ADD CONSTRAINT "check_ins_booking_id_bookings_id_fk" FOREIGN KEY ("booking_id") REFERENCES "public"."bookings"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_attendees" ADD CONSTRAINT "event_attendees_event_id_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."events"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_attendees" ADD CONSTRAINT "event_attendees_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "public"."locations"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_space_id_spaces_id_fk" FOREIGN KEY ("space_id") REFERENCES "public"."spaces"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "events" ADD CONSTRAINT "events_creator_id_users_id_fk" FOREIGN KEY ("creator_id") REFERENCES "public"."users"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "calendar_secrets" ADD CONSTRAINT "calendar_secrets_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "check_ins_current" ON "check_ins" USING btree ("user_id") WHERE "check_ins"."until" IS NULL;--> statement-breakpoint
CREATE INDEX "check_ins_present" ON "check_ins" USING btree ("location_id") WHERE "check_ins"."until" IS NULL;--> statement-breakpoint
CREATE INDEX "check_ins_user" ON "check_ins" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "check_ins_booking" ON "check_ins" USING btree ("booking_id") WHERE "check_ins"."booking_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "event_attendees_user" ON "event_attendees" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "event_attendees_waiting" ON "event_attendees" USING btree ("event_id","position") WHERE "event_attendees"."status" = 'waiting';--> statement-breakpoint
CREATE INDEX "events_location" ON "events" USING btree ("location_id","ends_at");--> statement-breakpoint
CREATE INDEX "events_order" ON "events" USING btree ("starts_at","id");--> statement-breakpoint
CREATE INDEX "events_space" ON "events" USING btree ("space_id");--> statement-breakpoint
CREATE INDEX "events_creator" ON "events" USING btree ("creator_id");--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_event_id_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."events"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "bookings_event" ON "bookings" USING btree ("event_id") WHERE "bookings"."event_id" IS NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_kind" CHECK ("bookings"."kind" = CASE WHEN "bookings"."event_id" IS NULL THEN 'booking' ELSE 'event' END);--> statement-breakpoint
ALTER TABLE "spaces" ADD CONSTRAINT "spaces_arrival_grace" CHECK ("spaces"."arrival_grace_minutes" BETWEEN 0 AND 1440);