CREATE TABLE "funnel_days" (
	"location_id" uuid NOT NULL,
	"day" date NOT NULL,
	"kind" text NOT NULL,
	"space_id" uuid,
	"specialist_id" uuid,
	"source" text NOT NULL,
	"released" integer NOT NULL,
	"expired" integer NOT NULL,
	CONSTRAINT "funnel_days_key" UNIQUE NULLS NOT DISTINCT("location_id","day","kind","space_id","specialist_id","source"),
	CONSTRAINT "funnel_days_counts" CHECK ("funnel_days"."released" >= 0 AND "funnel_days"."expired" >= 0)
);
--> statement-breakpoint
ALTER TABLE "funnel_days" ADD CONSTRAINT "funnel_days_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "public"."locations"("id") ON DELETE no action ON UPDATE no action;
--> statement-breakpoint
-- These tables change or lose rows all day. By default, autovacuum waits until a fifth of a table is dead rows: a million
-- bookings would collect 200,000 of them, and plans would use statistics of weeks ago.
ALTER TABLE "bookings" SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);
--> statement-breakpoint
ALTER TABLE "spaces" SET (autovacuum_vacuum_scale_factor = 0.02);
--> statement-breakpoint
ALTER TABLE "refresh_tokens" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
ALTER TABLE "notifications" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
