CREATE TABLE "door_screens" (
	"location_id" uuid PRIMARY KEY NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "door_screens_hash_key" UNIQUE("secret_hash")
);
--> statement-breakpoint
ALTER TABLE "door_screens" ADD CONSTRAINT "door_screens_location_id_locations_id_fk" FOREIGN KEY ("location_id") REFERENCES "public"."locations"("id") ON DELETE cascade ON UPDATE no action;