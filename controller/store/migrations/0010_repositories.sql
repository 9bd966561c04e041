CREATE TABLE "read_packages" (
	"package_digest" text PRIMARY KEY NOT NULL,
	"package_bytes" bigint NOT NULL,
	"product" text NOT NULL,
	"version" text NOT NULL,
	"architecture" text NOT NULL,
	"source" text NOT NULL,
	"vendor" text,
	"list" integer NOT NULL,
	"signed_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "repositories" (
	"name" text PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"dated_at" timestamp with time zone,
	"index_digest" text NOT NULL,
	"signed_by" text,
	"imported_by" text NOT NULL,
	"imported_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "read_packages" ADD CONSTRAINT "read_packages_list_file_lists_id_fk" FOREIGN KEY ("list") REFERENCES "public"."file_lists"("id") ON DELETE no action ON UPDATE no action;