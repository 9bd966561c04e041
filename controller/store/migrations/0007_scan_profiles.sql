CREATE TABLE "scan_profiles" (
	"digest" text PRIMARY KEY NOT NULL,
	"profile" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
INSERT INTO "scan_profiles" ("digest", "profile")
SELECT DISTINCT ON ("profile_digest") "profile_digest", "profile" FROM "fingerprints";--> statement-breakpoint
CREATE TABLE "secret_keys" (
	"name" text NOT NULL,
	"generation" integer NOT NULL,
	"host_id" uuid NOT NULL,
	"key_id" text NOT NULL,
	"recipient" text NOT NULL,
	"envelope" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "secret_keys_name_generation_host_id_pk" PRIMARY KEY("name","generation","host_id")
);
--> statement-breakpoint
CREATE TABLE "signed_profiles" (
	"name" text NOT NULL,
	"version" integer NOT NULL,
	"digest" text NOT NULL,
	"envelope" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "signed_profiles_name_version_pk" PRIMARY KEY("name","version")
);
--> statement-breakpoint
ALTER TABLE "scan_schedules" ADD COLUMN "profile" text;--> statement-breakpoint
ALTER TABLE "secret_keys" ADD CONSTRAINT "secret_keys_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signed_profiles" ADD CONSTRAINT "signed_profiles_digest_scan_profiles_digest_fk" FOREIGN KEY ("digest") REFERENCES "public"."scan_profiles"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "secret_keys_host" ON "secret_keys" USING btree ("host_id","created_at");--> statement-breakpoint
CREATE INDEX "signed_profiles_digest" ON "signed_profiles" USING btree ("digest");--> statement-breakpoint
ALTER TABLE "fingerprints" ADD CONSTRAINT "fingerprints_profile_digest_scan_profiles_digest_fk" FOREIGN KEY ("profile_digest") REFERENCES "public"."scan_profiles"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fingerprints" DROP COLUMN "profile";