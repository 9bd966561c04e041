ALTER TABLE "observations" ADD COLUMN "run" text;--> statement-breakpoint
ALTER TABLE "observations" ADD CONSTRAINT "observations_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "observations_run" ON "observations" USING btree ("run","host_id");