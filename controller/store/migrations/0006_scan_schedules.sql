CREATE TABLE "scan_schedules" (
	"name" text PRIMARY KEY NOT NULL,
	"select" text NOT NULL,
	"cron" text NOT NULL,
	"timezone" text NOT NULL,
	"on_drift" text NOT NULL,
	"next_due_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "observations" ADD COLUMN "schedule" text;--> statement-breakpoint
ALTER TABLE "observations" ADD COLUMN "judged_at" timestamp with time zone;