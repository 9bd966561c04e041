CREATE TABLE "group_changes" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"group" text NOT NULL,
	"host" text NOT NULL,
	"was" boolean,
	"is" boolean,
	"because" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "group_members" (
	"group" text NOT NULL,
	"host" text NOT NULL,
	"is_known" boolean NOT NULL,
	"since" timestamp with time zone NOT NULL,
	CONSTRAINT "group_members_group_host_pk" PRIMARY KEY("group","host")
);
--> statement-breakpoint
CREATE TABLE "groups" (
	"name" text PRIMARY KEY NOT NULL,
	"select" text NOT NULL,
	"importance" integer NOT NULL,
	"owner" text NOT NULL,
	"made_by" text NOT NULL,
	"made_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "package_items" (
	"number" integer PRIMARY KEY NOT NULL,
	"digest" "bytea" NOT NULL,
	"item" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "package_items_digest_unique" UNIQUE("digest")
);
--> statement-breakpoint
CREATE TABLE "package_sets" (
	"digest" "bytea" PRIMARY KEY NOT NULL,
	"numbers" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "saved_queries" (
	"name" text PRIMARY KEY NOT NULL,
	"text" text NOT NULL,
	"saved_by" text NOT NULL,
	"saved_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "advisories" (
	"id" text PRIMARY KEY NOT NULL,
	"format" text NOT NULL,
	"summary" text NOT NULL,
	"score" double precision,
	"score_from" text NOT NULL,
	"modified_at" timestamp with time zone NOT NULL,
	"withdrawn_at" timestamp with time zone,
	"digest" text NOT NULL,
	"import" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "advisory_imports" (
	"number" integer PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"imported_by" text NOT NULL,
	"imported_at" timestamp with time zone NOT NULL,
	"counts" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "advisory_names" (
	"name" text NOT NULL,
	"advisory" text NOT NULL,
	CONSTRAINT "advisory_names_name_advisory_pk" PRIMARY KEY("name","advisory")
);
--> statement-breakpoint
CREATE TABLE "advisory_packages" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"ecosystem" text NOT NULL,
	"name" text NOT NULL,
	"advisory" text NOT NULL,
	"affected" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "exploitation" (
	"cve" text PRIMARY KEY NOT NULL,
	"known_since" text,
	"ransomware" boolean DEFAULT false NOT NULL,
	"probability" double precision
);
--> statement-breakpoint
ALTER TABLE "package_sets" ADD CONSTRAINT "package_sets_digest_sections_digest_fk" FOREIGN KEY ("digest") REFERENCES "public"."sections"("digest") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "advisory_names" ADD CONSTRAINT "advisory_names_advisory_advisories_id_fk" FOREIGN KEY ("advisory") REFERENCES "public"."advisories"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "advisory_packages" ADD CONSTRAINT "advisory_packages_advisory_advisories_id_fk" FOREIGN KEY ("advisory") REFERENCES "public"."advisories"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "group_changes_group" ON "group_changes" USING btree ("group","id");--> statement-breakpoint
CREATE INDEX "group_changes_host" ON "group_changes" USING btree ("host","id");--> statement-breakpoint
CREATE INDEX "advisory_names_advisory" ON "advisory_names" USING btree ("advisory");--> statement-breakpoint
CREATE INDEX "advisory_packages_name" ON "advisory_packages" USING btree ("ecosystem","name");--> statement-breakpoint
CREATE INDEX "advisory_packages_advisory" ON "advisory_packages" USING btree ("advisory");