-- PostgreSQL trusts this extension, like btree_gist: an owner of the database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;--> statement-breakpoint
CREATE INDEX "bookings_specialist_start" ON "bookings" USING btree ("specialist_user_id","starts_at") WHERE "bookings"."specialist_user_id" IS NOT NULL;--> statement-breakpoint
CREATE INDEX "bookings_long" ON "bookings" USING btree ("starts_at","ends_at") WHERE "bookings"."ends_at" - "bookings"."starts_at" > interval '1 day';--> statement-breakpoint
CREATE INDEX "bookings_rare" ON "bookings" USING btree ("status","id") WHERE "bookings"."status" IN ('declined', 'no_show');--> statement-breakpoint
CREATE INDEX "bookings_attendance" ON "bookings" USING btree ("id") WHERE "bookings"."kind" = 'attendance';--> statement-breakpoint
CREATE INDEX "bookings_attendance_start" ON "bookings" USING btree ("starts_at","id") WHERE "bookings"."kind" = 'attendance';--> statement-breakpoint
CREATE INDEX "payments_disputed" ON "payments" USING btree ("id") WHERE "payments"."disputed";--> statement-breakpoint
CREATE INDEX "refunds_failed" ON "refunds" USING btree ("id") WHERE "refunds"."status" = 'failed';--> statement-breakpoint
CREATE INDEX "users_email_trigrams" ON "users" USING gin ("email" gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "users_name_trigrams" ON "users" USING gin (lower("name") gin_trgm_ops);