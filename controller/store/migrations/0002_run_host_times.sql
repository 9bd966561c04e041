ALTER TABLE "run_hosts" ADD COLUMN "offered_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD COLUMN "turned_at" timestamp with time zone;