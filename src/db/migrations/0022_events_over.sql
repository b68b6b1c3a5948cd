ALTER TABLE "events" ADD COLUMN "over" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "events_coming" ON "events" USING btree ("location_id","starts_at","id") WHERE NOT "events"."over";--> statement-breakpoint
CREATE INDEX "events_ending" ON "events" USING btree ("ends_at") WHERE NOT "events"."over";