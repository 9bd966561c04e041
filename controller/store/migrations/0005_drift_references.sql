CREATE TABLE "baselines" (
	"name" text PRIMARY KEY NOT NULL,
	"fingerprint" uuid NOT NULL,
	"envelope" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "waivers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"host" text,
	"cluster" text,
	"product" text,
	"class" text,
	"path" text NOT NULL,
	"reason" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "baselines" ADD CONSTRAINT "baselines_fingerprint_fingerprints_id_fk" FOREIGN KEY ("fingerprint") REFERENCES "public"."fingerprints"("id") ON DELETE no action ON UPDATE no action;