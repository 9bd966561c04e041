CREATE TABLE "bundle_sign_offs" (
	"bundle" text NOT NULL,
	"ring" text NOT NULL,
	"approver" text NOT NULL,
	"envelope" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "bundle_sign_offs_bundle_ring_approver_pk" PRIMARY KEY("bundle","ring","approver")
);
--> statement-breakpoint
CREATE TABLE "rings" (
	"name" text PRIMARY KEY NOT NULL,
	"position" integer NOT NULL,
	"needs" jsonb NOT NULL
);
--> statement-breakpoint
INSERT INTO "rings" ("name", "position", "needs") VALUES
	('test', 0, '{"ageMs": null, "hosts": null, "successShare": null, "noOpenIncidents": false, "signOff": null}'),
	('inactive', 1, '{"ageMs": null, "hosts": null, "successShare": null, "noOpenIncidents": false, "signOff": null}'),
	('active', 2, '{"ageMs": null, "hosts": null, "successShare": null, "noOpenIncidents": false, "signOff": null}');--> statement-breakpoint
ALTER TABLE "bundles" ADD COLUMN "ring_since" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
UPDATE "bundles" SET "ring_since" = "created_at";--> statement-breakpoint
ALTER TABLE "bundles" ADD COLUMN "held" jsonb;--> statement-breakpoint
ALTER TABLE "bundles" ADD COLUMN "withdrawn" jsonb;--> statement-breakpoint
ALTER TABLE "bundle_sign_offs" ADD CONSTRAINT "bundle_sign_offs_bundle_bundles_name_fk" FOREIGN KEY ("bundle") REFERENCES "public"."bundles"("name") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bundles" ADD CONSTRAINT "bundles_ring_rings_name_fk" FOREIGN KEY ("ring") REFERENCES "public"."rings"("name") ON DELETE no action ON UPDATE no action;