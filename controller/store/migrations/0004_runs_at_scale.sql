CREATE SEQUENCE "public"."run_changes" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "amendments" (
	"digest" text PRIMARY KEY NOT NULL,
	"run" text NOT NULL,
	"host_id" uuid NOT NULL,
	"action" text NOT NULL,
	"job" text,
	"reason" text NOT NULL,
	"approver" text NOT NULL,
	"envelope" text NOT NULL,
	"state" text DEFAULT 'sent' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"answered_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "durations" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"bundle" text NOT NULL,
	"duration_ms" bigint NOT NULL,
	"ended_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "incident_comments" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"incident" bigint NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"by" text NOT NULL,
	"text" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "limit_claims" (
	"key" text NOT NULL,
	"host_id" uuid NOT NULL,
	"host_name" text NOT NULL,
	"run" text NOT NULL,
	"epoch" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "limit_claims_key_host_id_pk" PRIMARY KEY("key","host_id")
);
--> statement-breakpoint
CREATE TABLE "live_output" (
	"run" text NOT NULL,
	"host_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"attempt" integer NOT NULL,
	"size" bigint NOT NULL,
	"head" "bytea" NOT NULL,
	"tail" "bytea" NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "live_output_run_host_id_position_pk" PRIMARY KEY("run","host_id","position")
);
--> statement-breakpoint
CREATE TABLE "run_gates" (
	"run" text NOT NULL,
	"wave" text NOT NULL,
	"gate" integer NOT NULL,
	"state" text NOT NULL,
	"detail" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"checked_at" timestamp with time zone NOT NULL,
	CONSTRAINT "run_gates_run_wave_gate_pk" PRIMARY KEY("run","wave","gate")
);
--> statement-breakpoint
ALTER TABLE "approvals" ADD COLUMN "gate" text DEFAULT 'plan' NOT NULL;--> statement-breakpoint
ALTER TABLE "approvals" DROP CONSTRAINT "approvals_plan_approver_pk";--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_plan_gate_approver_pk" PRIMARY KEY("plan","gate","approver");--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "position" integer;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "direction" text;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "cause" text;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "taken_by" text;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "taken_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "resolved_by" text;--> statement-breakpoint
ALTER TABLE "incidents" ADD COLUMN "resolution" text;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD COLUMN "facts_first_asked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD COLUMN "facts_last_asked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD COLUMN "change" bigint DEFAULT nextval('run_changes') NOT NULL;--> statement-breakpoint
ALTER TABLE "run_jobs" ADD COLUMN "spent" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "amendments" ADD CONSTRAINT "amendments_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "amendments" ADD CONSTRAINT "amendments_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incident_comments" ADD CONSTRAINT "incident_comments_incident_incidents_id_fk" FOREIGN KEY ("incident") REFERENCES "public"."incidents"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "limit_claims" ADD CONSTRAINT "limit_claims_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "limit_claims" ADD CONSTRAINT "limit_claims_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "live_output" ADD CONSTRAINT "live_output_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "live_output" ADD CONSTRAINT "live_output_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_gates" ADD CONSTRAINT "run_gates_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "amendments_run" ON "amendments" USING btree ("run","host_id");--> statement-breakpoint
CREATE INDEX "durations_host" ON "durations" USING btree ("host_id","kind","ended_at");--> statement-breakpoint
CREATE INDEX "durations_kind" ON "durations" USING btree ("kind","bundle","ended_at");--> statement-breakpoint
CREATE INDEX "incident_comments_incident" ON "incident_comments" USING btree ("incident","id");--> statement-breakpoint
CREATE INDEX "limit_claims_run" ON "limit_claims" USING btree ("run");--> statement-breakpoint
CREATE INDEX "run_hosts_change" ON "run_hosts" USING btree ("run","change");--> statement-breakpoint
CREATE INDEX "run_hosts_host" ON "run_hosts" USING btree ("host_id");