CREATE TABLE "landscape_contributions" (
	"source" text PRIMARY KEY NOT NULL,
	"priority" integer NOT NULL,
	"records" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "landscape_decisions" (
	"id" text PRIMARY KEY NOT NULL,
	"decision" text NOT NULL,
	"from" text NOT NULL,
	"to" text NOT NULL,
	"by" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"reason" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "landscape_imports" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"by" text NOT NULL,
	"outcome" text NOT NULL,
	"version" integer,
	"message" text NOT NULL,
	"conflicts" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "landscape_sources" (
	"name" text PRIMARY KEY NOT NULL,
	"text" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"next_due_at" timestamp with time zone,
	"attempted_at" timestamp with time zone,
	"good_at" timestamp with time zone,
	"problem" text
);
--> statement-breakpoint
ALTER TABLE "landscapes" ADD COLUMN "counts" jsonb;--> statement-breakpoint
CREATE INDEX "landscape_imports_source" ON "landscape_imports" USING btree ("source","id");